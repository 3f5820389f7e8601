"""Programmes with many cards: what is answered at once, what goes on afterwards, and what a power cut does to it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import voucherify
from voucherify.exceptions import BadRequestException, NotFoundException

from tallybook.store.database import Database
from tallybook.store.verify import verify
from tests.acceptance.deliveries import Inbox
from tests.acceptance.official import Client
from tests.acceptance.process import running_server
from tests.acceptance.shop import Shop

WAIT_SECONDS = 60
CARDS = 10_000
"""More than a server makes between two looks at it."""


def wait_until(reached: Callable[[], Any]) -> Any:
    """Ask until the answer is something."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := reached():
            return found
        time.sleep(0.02)
    raise TimeoutError("it did not happen")


def filled(client: Client, campaign_id: str) -> Any:
    """The campaign, once no cards are being made for it."""

    def looked_at() -> Any:
        campaign = client.get(f"/v1/loyalties/{campaign_id}")
        return campaign if campaign["vouchers_generation_status"] != "IN_PROGRESS" else None

    return wait_until(looked_at)


def newest_action(client: Client) -> Any:
    """The action that was asked for last, as a list shows it."""
    return client.async_actions.list_async_actions(limit=1).async_actions[0]


def test_a_programme_with_many_cards_fills_by_and_by(client: Client, shop: Shop) -> None:
    """Answered with both statuses IN_PROGRESS and no card yet (decision 36); later both are DONE, and the cards are there."""
    campaign = shop.programme(vouchers_count=250, type="STATIC")
    assert (campaign.creation_status, campaign.vouchers_generation_status) == ("IN_PROGRESS", "IN_PROGRESS")
    assert campaign.vouchers_count == 0
    done = filled(client, campaign.id)
    assert (done["creation_status"], done["vouchers_generation_status"], done["vouchers_count"]) == ("DONE", "DONE", 250)
    assert "updated_at" not in done
    codes: set[str] = set()
    for page in (1, 2, 3):
        listed = client.get(f"/v1/loyalties/{campaign.id}/members?limit=100&page={page}")
        codes |= {card["code"] for card in listed["vouchers"]}
    assert (listed["total"], len(codes)) == (250, 250)


def test_an_async_action_says_what_came_of_it(client: Client, shop: Shop) -> None:
    """Typed and raw, by the keys of the documented examples (openapi get-async-action, list-async-actions)."""
    campaign = shop.programme(vouchers_count=2)
    filled(client, campaign.id)
    listed = newest_action(client)
    typed = client.async_actions.get_async_action(listed.id)
    assert (typed.type, typed.status, typed.progress) == ("CAMPAIGN.VOUCHERS_GENERATE", "DONE", 100)
    raw = client.get(f"/v1/async-actions/{listed.id}")
    assert list(raw) == [
        *["id", "type", "status", "result", "created_at", "updated_at", "request_id", "progress", "processing_time", "object"]
    ]
    assert (raw["result"], raw["object"]) == ({"message": "Generated 2 vouchers.", "done_count": 2}, "async_action")
    assert raw["request_id"].startswith("v-")
    assert raw["processing_time"] == typed.processing_time >= 0
    del raw["result"], raw["processing_time"]
    assert client.get("/v1/async-actions?limit=1")["async_actions"] == [raw]


def test_async_actions_are_listed_newest_first(client: Client, shop: Shop) -> None:
    """`end_date` gives those asked for before it; a limit leaves the rest (openapi list-async-actions)."""
    made = []
    for _ in range(3):
        filled(client, shop.programme(vouchers_count=2).id)
        made.append(newest_action(client))
    listed = client.get("/v1/async-actions?limit=3")
    assert (listed["object"], listed["data_ref"]) == ("list", "async_actions")
    assert [action["id"] for action in listed["async_actions"]] == [action.id for action in reversed(made)]
    before = client.async_actions.list_async_actions(limit=1, end_date=made[2].created_at)
    assert [action.id for action in before.async_actions] == [made[1].id]
    refused = client.ask("GET", "/v1/async-actions?end_date=soon")
    assert (refused.status, refused.json["key"]) == (400, "invalid_query_params")
    assert refused.json["details"] == "Property .end_date cannot be recognized as a ISO-8601 compliant date"
    with pytest.raises(NotFoundException) as unknown:
        client.async_actions.get_async_action("aa_0aeb82bd55d5beffb")
    assert "Cannot find async_action with id aa_0aeb82bd55d5beffb" in str(unknown.value.body)


def test_a_deletion_is_an_async_action(client: Client, shop: Shop) -> None:
    """A finished one, unless the campaign has to be filled first (decision 36)."""
    at_rest = shop.programme(vouchers_count=1)
    action = client.get(f"/v1/async-actions/{client.loyalties.delete_loyalty_program(at_rest.id).async_action_id}")
    assert (action["type"], action["status"], action["progress"]) == ("CAMPAIGN.VOUCHERS_DELETE", "DONE", 100)
    assert action["result"] == {"message": "Deleted 1 vouchers.", "done_count": 1}
    busy = shop.programme(vouchers_count=1_000)
    deletion = client.loyalties.delete_loyalty_program(busy.id).async_action_id
    done = wait_until(lambda: [one for one in [client.get(f"/v1/async-actions/{deletion}")] if one["status"] == "DONE"])
    assert done[0]["result"] == {"message": "Deleted 1000 vouchers.", "done_count": 1_000}
    assert client.ask("GET", f"/v1/loyalties/{busy.id}").status == 404


def test_too_many_cards_are_refused(client: Client, shop: Shop) -> None:
    """More than 100,000 (semantics §2.1), or more than half of what the pattern can make (decision 36)."""
    with pytest.raises(BadRequestException) as many:
        shop.programme(vouchers_count=100_001)
    assert "Property .vouchers_count must be <= 100000" in str(many.value.body)
    voucher = {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}, "code_config": {"pattern": "S-##", "charset": "01"}}
    with pytest.raises(BadRequestException) as half:
        shop.programme(vouchers_count=3, voucher=voucher)
    assert "invalid_payload" in str(half.value.body)
    assert filled(client, shop.programme(vouchers_count=2, voucher=voucher).id)["vouchers_count"] == 2


def test_a_static_programme_is_joined_until_its_cards_are_gone(client: Client, shop: Shop) -> None:
    """Each of its generated cards goes to one member; then there is none (openapi add-member)."""
    voucher = {"type": "LOYALTY_CARD", "loyalty_card": {"points": 4}, "code_config": {"pattern": "GEN-######"}}
    campaign = shop.programme(vouchers_count=3, type="STATIC", voucher=voucher)
    filled(client, campaign.id)
    cards = [shop.join(campaign.id) for _ in range(3)]
    assert len({card.code for card in cards}) == 3
    assert {(card.code[:4], card.loyalty_card.balance) for card in cards} == {("GEN-", 4)}
    with pytest.raises(BadRequestException) as none_left:
        shop.join(campaign.id)
    assert "no_voucher_suitable_for_publication" in str(none_left.value.body)


def test_a_generation_is_told_by_webhook(client: Client, shop: Shop, subscribed: Callable[..., Inbox]) -> None:
    """One call when it begins, one when it has ended (webhooks.md: campaign.vouchers.generation.completed), none per card."""
    generation = "campaign.vouchers.generation"
    inbox = subscribed("voucher.created", "campaign.created", *[f"{generation}.{w}" for w in ("started", "completed", "failed")])
    campaign = shop.programme(vouchers_count=150)
    filled(client, campaign.id)
    created, started, completed = inbox.wait(3)
    assert [created.type, started.type, completed.type] == [
        *["campaign.created", f"{generation}.started", f"{generation}.completed"]
    ]
    assert created.data["campaign"]["creation_status"] == created.data["campaign"]["vouchers_generation_status"] == "IN_PROGRESS"
    assert created.data["campaign"]["vouchers_count"] == 0
    assert list(completed.data) == ["count", "campaign", "completed_at"]
    assert (started.data["count"], completed.data["count"]) == (150, 150)
    assert completed.data["campaign"]["id"] == campaign.id
    assert set(completed.data["campaign"]) == {
        *["id", "name", "type", "active", "object", "voucher", "metadata", "auto_join", "join_once", "created_at"],
        *["category_id", "campaign_type", "is_referral_code"],
    }
    assert completed.data["completed_at"] == completed.envelope["event"]["created_at"]
    assert created.envelope["event"]["group_id"] == started.envelope["event"]["group_id"]
    assert completed.envelope["event"]["event_source"] == {"channel": "INTERNAL"}


def test_a_programme_is_read_and_changed_while_it_is_filled(client: Client, shop: Shop) -> None:
    """Only its deletion waits (decision 36)."""
    campaign = shop.programme(vouchers_count=3_000)
    changed = client.loyalties.update_loyalty_program(
        campaign.id, voucherify.LoyaltiesUpdateCampaignRequestBody(description="Changed on the way")
    )
    assert (changed.description, changed.vouchers_generation_status) == ("Changed on the way", "IN_PROGRESS")
    shop.rule(campaign.id, {"type": "FIXED", "points": 10})
    assert shop.join(campaign.id).id
    done = filled(client, campaign.id)
    assert (done["description"], done["creation_status"]) == ("Changed on the way", "DONE")
    assert 3_000 <= done["vouchers_count"] <= 3_001  # the member was given a card that waited, or a new one


def test_a_generation_goes_on_after_a_power_cut(database_url: str, tmp_path: Path) -> None:
    """Killed in the middle and started again, the server makes the rest: no card too few, none too many, no code twice."""
    with running_server(database_url, tmp_path) as server:
        client = Client(server)
        campaign = Shop(client, "cut").programme(vouchers_count=CARDS)
        wait_until(lambda: client.get(f"/v1/loyalties/{campaign.id}")["vouchers_count"])
        server.kill()
        client.close()
    with running_server(database_url, tmp_path) as server:
        client = Client(server)
        before = client.get(f"/v1/loyalties/{campaign.id}")
        assert before["vouchers_generation_status"] == "IN_PROGRESS"
        assert 0 < before["vouchers_count"] < CARDS
        after = filled(client, campaign.id)
        assert (after["creation_status"], after["vouchers_count"]) == ("DONE", CARDS)
        action = client.get("/v1/async-actions")["async_actions"]
        assert [(one["status"], one["progress"]) for one in action] == [("DONE", 100)]
        assert client.get(f"/v1/async-actions/{action[0]['id']}")["result"]["done_count"] == CARDS
        client.close()
    database = Database(database_url)
    with database.reading() as connection:
        assert verify(connection).findings == []
        codes = connection.exec_driver_sql("SELECT COUNT(*), COUNT(DISTINCT code) FROM cards").one()
    database.close()
    assert tuple(codes) == (CARDS, CARDS)


def test_cards_are_added_by_the_hundred(client: Client, shop: Shop, subscribed: Callable[..., Inbox]) -> None:
    """202 and the id of an async action (openapi add-vouchers-to-campaign); `creation_status` stays what it was."""
    inbox = subscribed("campaign.vouchers.added")
    campaign = shop.programme(type="STATIC")
    answer = client.ask("POST", f"/v1/campaigns/{campaign.id}/vouchers?vouchers_count=120", {"code_config": {"prefix": "ADD-"}})
    assert (answer.status, list(answer.json)) == (202, ["async_action_id"])
    during = client.get(f"/v1/loyalties/{campaign.id}")
    assert during["creation_status"] == "DONE"
    done = filled(client, campaign.id)
    assert (done["vouchers_count"], done["vouchers_generation_status"]) == (120, "DONE")
    assert client.get(f"/v1/async-actions/{answer.json['async_action_id']}")["result"]["done_count"] == 120
    assert inbox.only().data["count"] == 120
    assert shop.join(campaign.id).code.startswith("ADD-")
    refused = client.ask("POST", f"/v1/campaigns/{campaign.id}/vouchers?vouchers_count=100001", {})
    assert refused.status == 400
