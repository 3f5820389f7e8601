"""/v1/vouchers through the official client: cards listed, added, changed, switched, deleted, and what webhooks hear of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import voucherify

from tests.acceptance.deliveries import Inbox
from tests.acceptance.official import Client
from tests.acceptance.shop import FIXED_TEN, Shop
from tests.acceptance.test_publications import VOUCHER

GOT = [*VOUCHER[:-4], "validation_rules_assignments", "holder_id", *VOUCHER[-3:]]
FREE = [key for key in GOT if key != "holder_id"]


def test_a_change_through_the_client(client: Client, shop: Shop) -> None:
    """What is sent changes, the rest stays; the answer is the voucher as GET gives it."""
    card = shop.join(shop.programme().id)
    body = {
        "active": False,
        "additional_info": "note",
        "metadata": {"locale": "de-en-pl"},
        "expiration_date": "2030-01-02T03:04:05Z",
    }
    changed = client.vouchers.update_voucher(card.code, voucherify.VouchersUpdateRequestBody.model_validate(body))
    assert (changed.active, changed.additional_info, changed.metadata) == (False, "note", {"locale": "de-en-pl"})
    assert changed.expiration_date == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    raw = client.ask("PUT", f"/v1/vouchers/{card.id}", {"metadata": {"test": True}, "discount": {"type": "AMOUNT"}}).json
    assert (sorted(raw), raw["metadata"]) == (sorted(GOT), {"locale": "de-en-pl", "test": True})
    assert raw == client.get(f"/v1/vouchers/{card.code}")


def test_points_of_a_card(client: Client, shop: Shop) -> None:
    """Set while nobody has it, as the documented example does; 400 when it has a ledger."""
    campaign = shop.programme()
    free = client.ask("POST", f"/v1/campaigns/{campaign.id}/vouchers").json
    said = {"loyalty_card": {"points": 20000}}
    assert client.ask("PUT", f"/v1/vouchers/{free['code']}", said).json["loyalty_card"] == {"points": 20000, "balance": 20000}
    client.ask("POST", "/v1/publications", {"voucher": free["code"], "customer": {"source_id": shop.name("customer")}})
    assert client.ask("PUT", f"/v1/vouchers/{free['code']}", said).status == 200
    answer = client.ask("PUT", f"/v1/vouchers/{free['code']}", {"loyalty_card": {"points": 1}})
    assert (answer.status, answer.json["key"]) == (400, "invalid_payload")


def test_off_and_on(client: Client, shop: Shop) -> None:
    """A card that is off earns nothing (decision 23)."""
    campaign, person = shop.programme(), shop.customer()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id, person.source_id)
    assert client.vouchers.disable_voucher(card.code).active is False
    shop.pay(person.id)
    assert (shop.points(card.code), shop.card(card.code)["active"]) == (0, False)
    assert client.vouchers.enable_voucher(card.code).active is True
    shop.pay(person.id)
    assert shop.points(card.code) == 10


def test_a_deleted_card(client: Client, shop: Shop) -> None:
    """404 by every road, out of every list; its holder may join again, and its code is free."""
    campaign, person = shop.programme(), shop.customer()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id, person.source_id)
    shop.pay(person.id)
    assert client.get(f"/v1/loyalties/{campaign.id}")["vouchers_count"] == 1
    client.vouchers.delete_voucher(card.code, force=True)
    for method, path in (
        ("GET", f"/v1/vouchers/{card.code}"),
        ("PUT", f"/v1/vouchers/{card.id}"),
        ("DELETE", f"/v1/vouchers/{card.code}"),
        ("POST", f"/v1/vouchers/{card.code}/enable"),
        ("GET", f"/v1/vouchers/{card.code}/transactions"),
        ("GET", f"/v1/loyalties/members/{card.code}"),
        ("GET", f"/v1/loyalties/{campaign.id}/members/{card.id}/transactions"),
    ):
        answer = client.ask(method, path, {} if method == "PUT" else None)
        assert (answer.status, answer.json["resource_type"]) == (404, "voucher"), path
    assert client.get(f"/v1/loyalties/{campaign.id}/members")["total"] == 0
    assert client.get(f"/v1/vouchers?campaign_id={campaign.id}")["total"] == 0
    assert client.get(f"/v1/loyalties/{campaign.id}")["vouchers_count"] == 0
    assert client.get(f"/v1/customers/{person.id}")["loyalty"] == {"points": 0, "referred_customers": 0, "campaigns": {}}
    ledger = client.get(f"/v1/loyalties/{campaign.id}/transactions")["data"]
    assert [(row["voucher_id"], row["details"]["balance"]["points"]) for row in ledger] == [(card.id, 10)]
    again = client.ask("POST", f"/v1/campaigns/{campaign.id}/vouchers/{card.code}", {}).json
    assert again["id"] != card.id
    assert shop.join(campaign.id, person.source_id).code == card.code


def test_cards_are_added_to_a_campaign(client: Client, shop: Shop) -> None:
    """One at once, with a drawn or a given code; many by and by, with 202 and an async action."""
    campaign = shop.programme(points=3)
    one = client.ask("POST", f"/v1/campaigns/{campaign.id}/vouchers")
    assert (one.status, sorted(one.json), one.json["loyalty_card"]) == (200, sorted(FREE), {"points": 3, "balance": 3})
    body = {
        "start_date": "2022-09-24T00:00:00Z",
        "expiration_date": "2022-09-25T23:59:59Z",
        "active": False,
        "redemption": {"quantity": 3},
        "additional_info": "Voucher added using API",
        "metadata": {"Season": "Fall"},
    }
    code = f"{shop.name('code')} / é"
    path = f"/v1/campaigns/{quote(campaign.name, safe='')}/vouchers/{quote(code, safe='')}"
    given = client.ask("POST", path, body).json
    shown = {key: given[key] for key in ("code", "start_date", "expiration_date", "active", "additional_info", "metadata")}
    assert shown == {
        "code": code,
        "start_date": "2022-09-24T00:00:00.000Z",
        "expiration_date": "2022-09-25T23:59:59.000Z",
        "active": False,
        "additional_info": "Voucher added using API",
        "metadata": {"Season": "Fall"},
    }
    assert (given["redemption"]["quantity"], given["publish"]["count"]) == (3, 0)
    assert client.get(f"/v1/vouchers/{quote(code, safe='')}")["id"] == given["id"]
    again = client.ask("POST", path, body)
    assert (again.status, again.json["key"]) == (409, "duplicate_found")
    assert again.json["details"] == f"Duplicated voucher exists with id {code}"
    assert (again.json["resource_type"], again.json["resource_id"]) == ("voucher", code)
    many = client.ask("POST", f"/v1/campaigns/{campaign.id}/vouchers?vouchers_count=5", {"additional_info": "of many"})
    assert (many.status, list(many.json)) == (202, ["async_action_id"])


def test_the_client_adds_a_card(client: Client, shop: Shop) -> None:
    """Typed, with and without a body."""
    campaign = shop.programme()
    fields = voucherify.CampaignsVouchersCreateInBulkRequestBody(code_config=voucherify.CodeConfig(pattern="TYPED-######"))
    card = client.campaigns.add_vouchers_to_campaign(campaign.id, 1, fields)
    assert card is not None
    listed = client.vouchers.list_vouchers(campaign_id=campaign.id)
    assert [one.code[:6] for one in listed.vouchers] == ["TYPED-"]


def test_a_loyalty_card_as_a_voucher(client: Client, shop: Shop) -> None:
    """POST /v1/vouchers makes cards of loyalty campaigns; the other types are not built."""
    campaign = shop.programme()
    said = {"type": "LOYALTY_CARD", "campaign": campaign.name, "loyalty_card": {"points": 10000}, "metadata": {"test": True}}
    code = shop.name("code")
    made = client.ask("POST", f"/v1/vouchers/{code}", said).json
    assert (made["code"], made["loyalty_card"]["points"], made["metadata"]) == (code, 10000, {"test": True})
    drawn = client.ask("POST", "/v1/vouchers", said | {"code_config": {"pattern": "LC-##########", "prefix": "N-"}}).json
    assert drawn["code"].startswith("N-LC-")
    assert client.ask("POST", f"/v1/vouchers/{code}", said).status == 409
    assert client.ask("POST", "/v1/vouchers", {"type": "LOYALTY_CARD"}).json["details"] == "Property .campaign is required"
    assert client.ask("POST", "/v1/vouchers", {"type": "GIFT_VOUCHER", "gift": {"amount": 1}}).status == 501


def test_listing(client: Client, shop: Shop) -> None:
    """By every filter, in every order, page by page."""
    campaign, other, person = shop.programme(), shop.programme(), shop.customer()
    held = shop.join(campaign.id, person.source_id)
    free = [client.ask("POST", f"/v1/campaigns/{campaign.id}/vouchers").json for _ in range(2)]
    ids = [held.id, *(card["id"] for card in free)]

    def found(**said: Any) -> list[str]:
        return [card.id for card in client.vouchers.list_vouchers(**said).vouchers]

    assert found(campaign_id=campaign.id) == found(campaign=campaign.name) == ids[::-1]
    assert found(campaign=campaign.name, order="created_at") == ids
    assert [found(campaign=campaign.name, limit=2, page=page) for page in (1, 2)] == [ids[:0:-1], ids[:1]]
    assert found(customer=person.source_id) == found(customer=person.id) == found(code=held.code) == [held.id]
    assert found(campaign_id=other.id) == found(campaign="none") == found(customer="none") == found(code="none") == []
    for order in ("code", "updated_at"):
        assert found(campaign_id=campaign.id, order=order) == found(campaign_id=campaign.id, order=f"-{order}")[::-1]
    since = voucherify.ParameterCreatedBeforeAfter(after=datetime(2999, 1, 1, tzinfo=UTC))
    assert found(campaign_id=campaign.id, created_at=since) == []
    listed = client.get(f"/v1/vouchers?campaign={campaign.id}&type=LOYALTY_CARD&limit=100")
    assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "vouchers", 3)
    assert (list(listed["vouchers"][-1]), sorted(listed["vouchers"][0])) == (VOUCHER, sorted(set(VOUCHER) - {"holder_id"}))
    assert client.get(f"/v1/vouchers?campaign={campaign.id}&type=GIFT_VOUCHER")["total"] == 0


def test_a_category_of_its_own(client: Client, shop: Shop) -> None:
    """A card has its campaign's category, until it is given another: by id or by name."""
    ids = {name: client.ask("POST", "/v1/categories", {"name": shop.name(name), "hierarchy": 1}).json for name in ("a", "b")}
    campaign = shop.programme(category_id=ids["a"]["id"])
    card, plain = shop.join(campaign.id), shop.join(campaign.id)
    changed = client.ask("PUT", f"/v1/vouchers/{card.code}", {"category": ids["b"]["name"]}).json
    assert (changed["category_id"], changed["category"]) == (ids["b"]["id"], ids["b"]["name"])
    for one, key in ((plain, "a"), (card, "b")):
        for said in (ids[key]["id"], ids[key]["name"]):
            assert [found.id for found in client.vouchers.list_vouchers(category=said).vouchers] == [one.id]
    assert client.ask("PUT", f"/v1/vouchers/{card.code}", {"category_id": "cat_none"}).status == 404


def test_the_ledger_of_a_card(client: Client, shop: Shop) -> None:
    """The same rows as under /v1/loyalties."""
    campaign, person = shop.programme(), shop.customer()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id, person.source_id)
    for _ in range(3):
        shop.pay(person.id)
    listed = client.vouchers.list_voucher_transactions(card.code, limit=2, order="id")
    assert (len(listed.data), listed.has_more) == (2, True)
    path = f"/v1/vouchers/{card.id}/transactions?order=id&starting_after_id={listed.data[-1].id}"
    rest = client.get(path)
    rows = client.get(f"/v1/loyalties/members/{card.code}/transactions?order=id")["data"]
    assert ([row.id for row in listed.data] + [row["id"] for row in rest["data"]], rest["has_more"]) == (
        [r["id"] for r in rows],
        False,
    )


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"active": "yes"}, ".active"),
        ({"expiration_date": "soon"}, ".expiration_date"),
        ({"metadata": []}, ".metadata"),
        ({"loyalty_card": {"points": 1.5}}, ".loyalty_card.points"),
    ],
)
def test_malformed_changes(client: Client, shop: Shop, said: Any, path: str) -> None:
    """400, with the path of the bad field."""
    card = shop.join(shop.programme().id)
    answer = client.ask("PUT", f"/v1/vouchers/{card.code}", said)
    assert (answer.status, answer.json["key"]) == (400, "invalid_payload")
    assert path in answer.json["details"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_code_that_no_database_can_look_for(client: Client, method: str) -> None:
    """Refused at the door, on each of them (decision 47)."""
    answer = client.ask(method, "/v1/vouchers/a%00b", {} if method == "PUT" else None)
    assert (answer.status, answer.json["details"]) == (400, "Path must not have NUL characters")


def test_what_webhooks_hear(client: Client, shop: Shop, subscribed: Callable[..., Inbox]) -> None:
    """Of each change once, with the whole card as it was then, and of the campaign its name (webhooks 2.3)."""
    campaign = shop.programme(points=4)
    card = shop.join(campaign.id)
    names = [f"voucher.{word}" for word in ("updated", "disabled", "enabled", "deleted")]
    inbox = subscribed(*names)
    client.ask("PUT", f"/v1/vouchers/{card.code}", {"metadata": {"a": 1}})
    client.ask("PUT", f"/v1/vouchers/{card.code}", {"metadata": {"a": 1}})
    shown = [client.ask("POST", f"/v1/vouchers/{card.code}/{word}").json for word in ("disable", "enable", "enable")]
    client.ask("DELETE", f"/v1/vouchers/{card.code}")
    deliveries = inbox.wait(4)
    assert [delivery.type for delivery in deliveries] == names
    updated, disabled, enabled, deleted = (delivery.data for delivery in deliveries)
    assert (disabled["voucher"], enabled["voucher"]) == (shown[0], shown[1])
    brief = {"id": campaign.id, "name": campaign.name, "object": "campaign"}
    assert updated["campaign"] == disabled["campaign"] == enabled["campaign"] == brief
    assert (list(updated["voucher"]), updated["voucher"]["metadata"]) == (VOUCHER, {"a": 1})
    assert (list(deleted["voucher"]), deleted["voucher"]["loyalty_card"]) == (VOUCHER, {"points": 4, "balance": 4})
    assert deleted["campaign"]["id"] == campaign.id
