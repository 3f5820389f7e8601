"""Programmes, rules, tiers, members, cards and ledgers through the official client."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import voucherify
from voucherify.exceptions import NotFoundException

from tests.acceptance.comparer import compare
from tests.acceptance.official import Client
from tests.acceptance.shop import FIXED_TEN, Shop, per_amount
from tests.acceptance.stories import golden

CHARSET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def test_a_new_programme_has_what_was_sent(client: Client, shop: Shop) -> None:
    """The answer repeats the request, normalises the codes, and is DONE at once (openapi create-loyalty-program, decision 36)."""
    rules = {"period_type": "MONTH", "period_value": 3, "rounding_type": "END_OF_QUARTER"}
    body = {
        "name": shop.name("programme"),
        "description": "Described",
        "type": "AUTO_UPDATE",
        "join_once": False,
        "auto_join": False,
        "start_date": "2016-10-26T00:00:00Z",
        "expiration_date": "2036-10-26T00:00:00Z",
        "voucher": {
            "type": "LOYALTY_CARD",
            "loyalty_card": {"points": 5, "expiration_rules": rules},
            "redemption": {"quantity": None},
            "code_config": {"pattern": "L-CARD-#######"},
        },
        "metadata": {"test": True},
    }
    answer = client.ask("POST", "/v1/loyalties", body)
    assert answer.status == 200
    campaign = answer.json
    wanted = body | {
        "id": "camp_wGlqXtnHddb39DvHuuhvvbxi",
        "campaign_type": "LOYALTY_PROGRAM",
        "join_once": True,
        "start_date": "2016-10-26T00:00:00.000Z",
        "expiration_date": "2036-10-26T00:00:00.000Z",
        "vouchers_count": 0,
        "active": True,
        "creation_status": "DONE",
        "vouchers_generation_status": "DONE",
        "protected": False,
        "category_id": None,
        "object": "campaign",
    }
    del wanted["voucher"]
    assert compare(wanted, {key: campaign.get(key, "missing") for key in wanted}) == []
    assert campaign["voucher"]["loyalty_card"] == {"points": 5, "expiration_rules": rules}
    codes = {"length": 7, "charset": CHARSET, "pattern": "L-CARD-#######"}
    assert codes | campaign["voucher"]["code_config"] == campaign["voucher"]["code_config"]
    typed = client.loyalties.get_loyalty_program(campaign["id"])
    assert typed.name == body["name"]
    client.ask("POST", f"/v1/campaigns/{campaign['id']}/disable")


def test_a_programme_is_found_by_id_and_by_name(client: Client, shop: Shop) -> None:
    """Paths take a campaign's id or its name (semantics §1.4), and the campaign knows how many cards it has."""
    campaign = shop.programme(vouchers_count=1)
    assert client.loyalties.get_loyalty_program(campaign.name).id == campaign.id
    assert client.get(f"/v1/loyalties/{campaign.id}")["vouchers_count"] == 1


@pytest.mark.parametrize("name", ["Loyalty programme", "Żółty & 100 %?", "Spring/Summer"])
def test_a_name_in_a_path_is_percent_encoded(client: Client, shop: Shop, name: str) -> None:
    """A campaign's name may have any character; in a path it comes encoded (semantics §1.4)."""
    campaign = shop.programme(name=name)
    assert client.loyalties.get_loyalty_program(name).id == campaign.id
    assert client.get(f"/v1/loyalties/{quote(name, safe='')}/members")["total"] == 0


def test_a_programme_is_updated(client: Client, shop: Shop) -> None:
    """PUT changes what it has and leaves the rest; `loyalty_card` is at its top level (openapi update-loyalty-program)."""
    campaign = shop.programme(description="Old", metadata={"a": 1, "b": 2})
    body = {
        "description": "New",
        "auto_join": True,
        "loyalty_card": {"points": 7},
        "unset_metadata_fields": ["b"],
        "name": "Ignored",
    }
    changed = client.ask("PUT", f"/v1/loyalties/{campaign.id}", body).json
    assert (changed["description"], changed["auto_join"], changed["metadata"]) == ("New", True, {"a": 1})
    assert changed["voucher"]["loyalty_card"]["points"] == 7
    assert (changed["name"], changed["created_at"] < changed["updated_at"]) == (campaign.name, True)
    typed = voucherify.LoyaltiesUpdateCampaignRequestBody(auto_join=False)
    assert client.loyalties.update_loyalty_program(campaign.id, typed).auto_join is False
    card = shop.join(campaign.id)
    assert card.loyalty_card.points == 7


def test_programmes_are_listed(client: Client, shop: Shop) -> None:
    """Newest first, with the envelope of campaigns (openapi list-loyalty-programs)."""
    made = [shop.programme().id for _ in range(3)]
    raw = client.get("/v1/loyalties?limit=2")
    assert (raw["object"], raw["data_ref"]) == ("list", "campaigns")
    assert raw["total"] >= 3
    assert [campaign["id"] for campaign in raw["campaigns"]] == made[:0:-1]
    typed = client.loyalties.list_loyalty_programs(limit=1, page=3)
    assert [campaign.id for campaign in typed.campaigns] == made[:1]


def test_a_deleted_programme_is_gone_and_its_name_free(client: Client, shop: Shop) -> None:
    """DELETE answers with an async action's id (openapi delete-loyalty-program); the name may be used again (semantics §2.2)."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    deleted = client.loyalties.delete_loyalty_program(campaign.id)
    assert deleted.async_action_id.startswith("aa_")
    with pytest.raises(NotFoundException):
        client.loyalties.get_loyalty_program(campaign.id)
    assert shop.pay(card.holder_id).status == "PAID"
    assert shop.programme(name=campaign.name).id != campaign.id


def test_a_programme_is_switched_off_and_on(client: Client, shop: Shop) -> None:
    """Both answers are `{}` (openapi enable-campaign); `active` shows which it is."""
    campaign = shop.programme()
    for switch, active in (("disable", False), ("enable", True)):
        answer = client.ask("POST", f"/v1/campaigns/{campaign.id}/{switch}")
        assert (answer.status, answer.json) == (200, {})
        assert client.loyalties.get_loyalty_program(campaign.id).active is active


# --- earning rules ---


def test_rules_are_made_in_one_array(client: Client, shop: Shop) -> None:
    """A list of rules is answered with the list of them, in its order (openapi create-earning-rule)."""
    campaign = shop.programme()
    bodies: list[dict[str, Any]] = [
        {
            "event": "order.paid",
            "loyalty": {"type": "FIXED", "points": "5"},
            "source": {"banner": "Five"},
            "active": True,
            "start_date": "2016-11-02T13:00:00.000Z",
            "expiration_date": "2036-03-03T14:30:00.000Z",
            "validity_day_of_week": [0, 1, 2, 3, 4, 5, 6],
            "metadata": {"Type": "fixed"},
        },
        {"event": "order.paid", "loyalty": per_amount(1, 1, of="amount"), "source": {"banner": "One"}},
    ]
    answer = client.ask("POST", f"/v1/loyalties/{campaign.id}/earning-rules", bodies)
    assert answer.status == 200
    rules = answer.json
    source = {"object_id": campaign.id, "object_type": "campaign"}
    common = {"updated_at": None, "validation_rule_id": None, "object": "earning_rule", "active": True}
    assert [{key: rule.get(key, "missing") for key in common} for rule in rules] == [common, common]
    assert rules[0]["loyalty"] == {"type": "FIXED", "points": 5}
    assert rules[1]["loyalty"] == bodies[1]["loyalty"]
    assert [rule["source"] for rule in rules] == [{"banner": "Five"} | source, {"banner": "One"} | source]
    kept = ("start_date", "expiration_date", "validity_day_of_week", "metadata")
    assert {key: rules[0][key] for key in kept} == {key: bodies[0][key] for key in kept}
    forms = {"id": "ern_63g6NQgtepfXn2z0QbT2ksLf", "automation_id": "auto_knM56LS3oygL0Ue0oeSNt4WA"}
    assert [compare(forms, {key: rule[key] for key in forms}) for rule in rules] == [[], []]
    assert "start_date" not in rules[1]


def test_rules_are_got_listed_updated_and_deleted(client: Client, shop: Shop) -> None:
    """A rule goes its way from creation to deletion through the official client."""
    campaign = shop.programme()
    first, second = shop.rules(campaign.id, {"loyalty": FIXED_TEN}, {"loyalty": per_amount(100, 1)})
    assert client.loyalties.get_earning_rule(campaign.id, first.id).loyalty.points == 10
    listed = client.loyalties.list_earning_rules(campaign.id)
    assert (listed.total, {rule.id for rule in listed.data}) == (2, {first.id, second.id})
    body = voucherify.LoyaltiesEarningRulesUpdateRequestBody.model_validate(
        {"loyalty": {"type": "FIXED", "points": 20}, "source": {"banner": "Twenty"}}
    )
    changed = client.loyalties.update_earning_rule(campaign.id, first.id, body)
    assert (changed.loyalty.points, changed.source.banner, changed.event) == (20, "Twenty", "order.paid")
    assert changed.updated_at > first.created_at
    assert client.ask("DELETE", f"/v1/loyalties/{campaign.id}/earning-rules/{first.id}").status == 204
    client.loyalties.delete_earning_rule(campaign.id, second.id)
    with pytest.raises(NotFoundException):
        client.loyalties.get_earning_rule(campaign.id, first.id)
    assert client.loyalties.list_earning_rules(campaign.id).total == 0


def test_a_rule_is_switched_off_and_on(client: Client, shop: Shop) -> None:
    """Both answers are the rule; one that is off gives nothing (semantics §4.5)."""
    campaign = shop.programme()
    rule = shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    assert client.loyalties.disable_earning_rule(campaign.id, rule.id).active is False
    shop.pay(card.holder_id)
    assert shop.points(card.code) == 0
    assert client.loyalties.enable_earning_rule(campaign.id, rule.id).active is True
    shop.pay(card.holder_id)
    assert shop.points(card.code) == 10


def test_a_rule_of_another_programme_is_not_found(client: Client, shop: Shop) -> None:
    """A rule is only where it belongs."""
    one, other = shop.programme(), shop.programme()
    rule = shop.rule(one.id, FIXED_TEN)
    with pytest.raises(NotFoundException):
        client.loyalties.get_earning_rule(other.id, rule.id)


# --- tiers ---


def test_tiers_are_made_listed_and_got(client: Client, shop: Shop) -> None:
    """Tiers are made in bulk, and show their range twice (semantics §5.1)."""
    campaign = shop.programme()
    rule = shop.rule(campaign.id, FIXED_TEN)
    bodies = [
        {"name": "Basic", "points": {"from": 0, "to": 99}, "metadata": {"rank": 1}},
        {"name": "Top", "points": {"from": 100}, "earning_rules": {rule.id: {"type": "MULTIPLY", "multiplier": 2}}},
    ]
    items = [voucherify.LoyaltiesTiersCreateInBulkRequestBodyItem.from_dict(body) for body in bodies]
    made = client.loyalties.create_in_bulk_loyalty_tiers(campaign.id, items)
    assert [tier.name for tier in made] == ["Basic", "Top"]
    wanted = {
        "id": "ltr_0f1ac501ef53236abb",
        "name": "Top",
        "campaign_id": campaign.id,
        "metadata": {},
        "created_at": "2024-07-24T09:48:32.573Z",
        "updated_at": None,
        "earning_rules": {rule.id: {"type": "MULTIPLY", "multiplier": 2}},
        "rewards": {},
        "config": {"points": {"from": 100}},
        "points": {"from": 100},
        "object": "loyalty_tier",
    }
    assert compare(wanted, client.get(f"/v1/loyalties/{campaign.id}/tiers/{made[1].id}")) == []
    listed = client.loyalties.list_loyalty_tiers(campaign.id)
    assert (listed.total, {tier.name for tier in listed.data}) == (2, {"Basic", "Top"})
    typed = client.loyalties.get_loyalty_tier(campaign.id, made[0].id)
    assert (typed.points.var_from, typed.points.to, typed.metadata) == (0, 99, {"rank": 1})
    assert client.loyalties.create_in_bulk_loyalty_tiers(campaign.id, []) == []


def test_the_tier_of_a_member(client: Client, shop: Shop) -> None:
    """A member's tier is listed with when it began; without expiry there is no date of it (semantics §5.5)."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    tiers = shop.tiers(
        campaign.id, {"name": "None yet", "points": {"from": 5, "to": 9}}, {"name": "Ten", "points": {"from": 10, "to": 19}}
    )
    card = shop.join(campaign.id)
    assert client.loyalties.list_member_loyalty_tier(card.code).total == 0
    shop.pay(card.holder_id)
    listed = client.get(f"/v1/loyalties/members/{card.code}/tiers")
    start = listed["data"][0]["expiration"]["start_date"]
    expiration = {
        "customer_id": card.holder_id,
        "campaign_id": campaign.id,
        "tier_id": tiers[1]["id"],
        "start_date": start,
        "created_at": "2024-07-24T09:52:21.616Z",
    }
    wanted = {key: value for key, value in tiers[1].items() if key != "created_at"}
    (came,) = listed["data"]
    assert compare(expiration, came["expiration"]) == []
    assert {key: came[key] for key in wanted} == wanted
    assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "data", 1)
    shop.pay(card.holder_id)
    assert client.loyalties.list_member_loyalty_tier(card.code).data == []


# --- members, cards ---


def _card_without_points(campaign: Any, code: str, holder_id: str) -> Any:
    """What a card must look like: the voucher of seed 003, before it earned anything."""
    card = golden("voucher.loyalty_card.transaction.created")["voucher"]
    link = {"object": "list", "url": f"/v1/vouchers/{code}/redemptions?page=1&limit=10"}
    return card | {
        "code": code,
        "campaign": campaign.name,
        "campaign_id": campaign.id,
        "holder_id": holder_id,
        "loyalty_card": {"points": 0, "balance": 0},
        "redemption": {"quantity": None, "redeemed_quantity": 0, "redeemed_points": 0} | link,
        "publish": {"object": "list", "count": 1, "url": f"/v1/vouchers/{code}/publications?page=1&limit=10"},
    }


def test_a_member_gets_a_card(client: Client, shop: Shop) -> None:
    """The answer is the whole card, as events show it (openapi add-member, seed 003)."""
    campaign = shop.programme()
    source_id = shop.name("member")
    answer = client.ask("POST", f"/v1/loyalties/{campaign.id}/members", {"customer": {"source_id": source_id, "name": "Member"}})
    assert answer.status == 200
    card = answer.json
    customer = client.customers.get_customer(source_id)
    assert customer.name == "Member"
    assert compare(_card_without_points(campaign, card["code"], customer.id), card) == []
    assert client.get(f"/v1/loyalties/members/{card['code']}") == card
    assert client.get(f"/v1/loyalties/{campaign.id}/members/{card['code']}") == card
    assert client.loyalties.get_member(card["code"]).id == card["id"]
    assert client.loyalties.get_member1(campaign.id, card["code"]).id == card["id"]


def test_a_member_may_be_named_in_three_ways(client: Client, shop: Shop) -> None:
    """The customer of a new member is an id, a source id or an object (semantics §3)."""
    campaign = shop.programme()
    one, two = shop.customer(), shop.customer()
    path = f"/v1/loyalties/{campaign.id}/members"
    assert client.ask("POST", path, {"customer": one.id}).json["holder_id"] == one.id
    assert client.ask("POST", path, {"customer": two.source_id}).json["holder_id"] == two.id
    assert shop.join(campaign.id, shop.name("third")).holder_id not in (one.id, two.id)
    unknown = client.ask("POST", path, {"customer": {"id": "cust_000000000000000000000000"}})
    assert (unknown.status, unknown.json["key"], unknown.json["resource_type"]) == (404, "not_found", "customer")


def test_a_member_may_ask_for_a_card(client: Client, shop: Shop) -> None:
    """`voucher` names the card to publish; one that is taken or unknown is refused (semantics §3, decision 11)."""
    campaign = shop.programme(vouchers_count=1)
    (free,) = client.get(f"/v1/loyalties/{campaign.id}/members")["vouchers"]
    assert free.get("holder_id") is None
    card = shop.join(campaign.id, voucher=free["code"])
    assert card.code == free["code"]
    path = f"/v1/loyalties/{campaign.id}/members"
    taken = client.ask("POST", path, {"voucher": free["code"], "customer": {"source_id": shop.name("late")}})
    assert (taken.status, taken.json["key"]) == (400, "voucher_already_published")
    assert taken.json["details"] == f"Voucher '{card.id}' has already been published"
    unknown = client.ask("POST", path, {"voucher": "Loyalty_Card", "customer": {"source_id": shop.name("late")}})
    assert (unknown.status, unknown.json["resource_type"], unknown.json["resource_id"]) == (404, "voucher", "Loyalty_Card")


def test_joining_twice_is_refused(client: Client, shop: Shop) -> None:
    """A member cannot join again, and keeps the one card (decision 11)."""
    campaign = shop.programme()
    card = shop.join(campaign.id)
    answer = client.ask("POST", f"/v1/loyalties/{campaign.id}/members", {"customer": {"id": card.holder_id}})
    refusal = answer.json
    assert (answer.status, refusal["code"], refusal["key"]) == (400, 400, "voucher_cannot_be_published")
    assert "Customer already joined program." in (refusal["message"], refusal["details"])
    assert client.get(f"/v1/loyalties/{campaign.id}/members")["total"] == 1


def test_a_fixed_batch_of_cards_runs_out(client: Client, shop: Shop) -> None:
    """A STATIC programme gives the cards it was made with and no other (semantics §3)."""
    campaign = shop.programme(type="STATIC", vouchers_count=1)
    shop.join(campaign.id)
    answer = client.ask("POST", f"/v1/loyalties/{campaign.id}/members", {"customer": {"source_id": shop.name("late")}})
    assert (answer.status, answer.json["key"]) == (400, "no_voucher_suitable_for_publication")


def test_members_are_listed_newest_first(client: Client, shop: Shop) -> None:
    """The cards of a programme, with the envelope of vouchers, paged, and found by customer (openapi list-members)."""
    campaign = shop.programme()
    cards = [shop.join(campaign.id) for _ in range(3)]
    raw = client.get(f"/v1/loyalties/{campaign.id}/members?limit=2")
    assert (raw["object"], raw["data_ref"], raw["total"]) == ("list", "vouchers", 3)
    assert [card["id"] for card in raw["vouchers"]] == [cards[2].id, cards[1].id]
    typed = client.loyalties.list_members(campaign.id, limit=2, page=2)
    assert [card.id for card in typed.vouchers] == [cards[0].id]
    found = client.loyalties.list_members(campaign.id, customer=cards[1].holder_id)
    assert [card.id for card in found.vouchers] == [cards[1].id]


def test_initial_points_are_on_the_card(shop: Shop) -> None:
    """A card begins with the programme's points, as a lot dated at publication (decision 10)."""
    campaign = shop.programme({"period_type": "FIXED_DAY_OF_YEAR", "fixed_month": 12, "fixed_day": 31}, points=50)
    card = shop.join(campaign.id)
    year = datetime.now(UTC).year
    shown = shop.card(card.code)["loyalty_card"]
    assert shown == {"points": 50, "balance": 50, "next_expiration_date": f"{year}-12-31", "next_expiration_points": 50}
    assert shop.transactions(card.code) == []


def test_a_card_is_a_voucher(client: Client, shop: Shop) -> None:
    """GET /v1/vouchers takes the code and the id (openapi get-voucher)."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    shop.pay(card.holder_id)
    by_code, by_id = client.vouchers.get_voucher(card.code), client.vouchers.get_voucher(card.id)
    assert (by_code.id, by_code.loyalty_card.balance) == (card.id, 10)
    assert by_code.to_dict() == by_id.to_dict()
    with pytest.raises(NotFoundException):
        client.vouchers.get_voucher("no-such-code")


# --- ledger ---


def test_the_ledger_of_a_card(shop: Shop) -> None:
    """A row says what was given, for which order and event, by which rule, and what the card had then (webhooks.md §4)."""
    campaign = shop.programme()
    rule = shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    order = shop.pay(card.holder_id)
    (row,) = shop.transactions(card.code)
    wanted = {
        "id": "vtx_0f1ad36b8992670da4",
        "source_id": None,
        "voucher_id": card.id,
        "campaign_id": campaign.id,
        "source": "Automation",
        "reason": None,
        "type": "POINTS_ACCRUAL",
        "details": {
            "balance": {
                "type": "loyalty_card",
                "total": 10,
                "object": "balance",
                "points": 10,
                "balance": 10,
                "operation_type": "AUTOMATIC",
                "related_object": {"id": card.id, "type": "voucher"},
            },
            "order": {"id": order.id, "source_id": order.source_id},
            "event": {"id": "evcus_0f1ad36a884d1c7c69", "type": "customer.order.paid"},
            "earning_rule": {"id": rule.id, "source": {"banner": rule.source.banner}},
        },
        "related_transaction_id": None,
        "created_at": "2024-07-24T10:51:30.608Z",
    }
    assert compare(wanted, row) == []


def test_ledgers_are_listed_newest_first_and_by_cursor(client: Client, shop: Shop) -> None:
    """Card and campaign list alike: newest first, `order=id` oldest first, a cursor to go on (semantics §11, §12)."""
    campaign = shop.programme()
    shop.rule(campaign.id, per_amount(1, 1))
    card = shop.join(campaign.id)
    for amount in (1, 2, 3):
        shop.pay(card.holder_id, amount)
    for path in (
        f"/v1/loyalties/members/{card.code}",
        f"/v1/loyalties/{campaign.id}/members/{card.code}",
        f"/v1/loyalties/{campaign.id}",
    ):
        first = client.get(f"{path}/transactions?limit=2")
        points = [row["details"]["balance"]["points"] for row in first["data"]]
        assert (first["object"], first["data_ref"], first["has_more"], points) == ("list", "data", True, [3, 2])
        rest = client.get(f"{path}/transactions?limit=2&starting_after_id={first['data'][-1]['id']}")
        assert ([row["details"]["balance"]["points"] for row in rest["data"]], rest["has_more"]) == ([1], False)
        oldest = client.get(f"{path}/transactions?order=id")
        assert [row["details"]["balance"]["total"] for row in oldest["data"]] == [1, 3, 6]
    typed = client.loyalties.list_loyalty_card_transactions(card.code, limit=1, order="-id")
    assert (typed.data[0].type, typed.has_more) == ("POINTS_ACCRUAL", True)
    assert client.loyalties.list_loyalty_card_transactions1(campaign.id, card.code).data[0].details.balance.points == 3
    assert client.loyalties.list_loyalty_campaign_transactions(campaign.id).data[0].voucher_id == card.id
