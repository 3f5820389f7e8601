"""Webhooks as a receiver sees them: the envelope, the signature, which events one request causes, and in which order."""

import json
import re

from tests.acceptance.comparer import compare
from tests.acceptance.deliveries import Delivery, Inbox, signature
from tests.acceptance.official import Client, Management
from tests.acceptance.process import Server
from tests.acceptance.shop import FIXED_TEN, Shop, per_amount
from tests.acceptance.stories import Subscribe

ORDER_EVENTS = ["customer.order.created", "customer.order.updated", "customer.order.paid", "customer.order.canceled"]
POINT_EVENTS = ["voucher.loyalty_card.transaction.created", "customer.rewarded.loyalty_points"]
TIER_EVENTS = [f"customer.loyalty.tier.{word}" for word in ("joined", "upgraded", "downgraded", "left", "prolonged")]
JOIN_EVENTS = ["voucher.published", "publication.succeeded", "customer.publication.succeeded"]
POINTS_ADDED = ["voucher.loyalty_card.points_added", "customer.voucher.loyalty_card.points_added"]
ALL = ["customer.created", "customer.updated", *ORDER_EVENTS, *POINT_EVENTS, *TIER_EVENTS, *JOIN_EVENTS, *POINTS_ADDED]


def _all_told(inbox: Inbox, shop: Shop, customer_id: str, count: int) -> list[Delivery]:
    """Wait for `count` deliveries and one more, which a last change of the customer causes: so that none can still come."""
    shop.customer(id=customer_id, name="The last that is told")
    *told, last = inbox.wait(count + 1)
    assert last.type == "customer.updated"
    return told


def test_an_envelope_says_what_happened_to_whom_and_who_asked(
    server: Server, management: Management, shop: Shop, subscribed: Subscribe
) -> None:
    """The envelope has seven keys, and names send-out, project, webhook, event and the key that was used (webhooks.md §1.1)."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    inbox = subscribed("voucher.loyalty_card.transaction.created")
    shop.pay(card.holder_id)
    delivery = inbox.only()
    envelope = delivery.envelope
    webhook = management.get(f"{management.path}/webhooks")["data"][-1]
    data = envelope.pop("data")
    key_name = envelope["event"]["event_source"]["api_key"]["name"]
    assert envelope == {
        "id": envelope["id"],
        "project_id": server.project_id,
        "created_at": envelope["event"]["created_at"],
        "type": "voucher.loyalty_card.transaction.created",
        "source": {"id": webhook["id"], "object": "webhook", "target_url": webhook["target_url"]},
        "event": {
            "id": envelope["event"]["id"],
            "type": "voucher.loyalty_card.transaction.created",
            "created_at": envelope["event"]["created_at"],
            "entity_id": card.id,
            "group_id": data["event"]["group_id"],
            "event_source": {"channel": "API", "api_key": {"name": key_name, "app_id": server.app_id}},
        },
    }
    assert key_name
    forms = {"whs": "whs_0f1ad36b8992670da4", "ev": "evvou_0f1ad36b8992670da5", "at": "2024-07-24T10:51:30.608Z"}
    assert compare(forms, {"whs": envelope["id"], "ev": envelope["event"]["id"], "at": envelope["created_at"]}) == []
    assert re.fullmatch(r"wh_[0-9a-zA-Z]{24}", webhook["id"])


def test_the_signature_is_of_the_bytes_that_came(server: Server, shop: Shop, subscribed: Subscribe) -> None:
    """The body is compact UTF-8 JSON without escapes, and its exact bytes are signed with the project's secret (§1.4)."""
    campaign = shop.programme(name=shop.name("Świąteczny 🎁 программа"))
    shop.rule(campaign.id, FIXED_TEN)
    customer = shop.customer(name='Zoë "Ż" Łącka 🍓', metadata={"b": 1, "a": "</script>\t", "10": 1, "9": 2.5})
    shop.join(campaign.id, customer.source_id)
    inbox = subscribed("customer.rewarded.loyalty_points")
    shop.pay(customer.id)
    delivery = inbox.only()
    assert delivery.headers["x-voucherify-signature"] == signature(server.webhook_secret, delivery.body)
    assert delivery.headers["content-type"].startswith("application/json")
    assert json.dumps(delivery.envelope, separators=(",", ":"), ensure_ascii=False).encode() == delivery.body
    assert "Zoë".encode() in delivery.body
    assert b'"metadata":{"9":2.5,"10":1,"b":1,"a":"</script>\\t"}' in delivery.body


def test_an_order_that_is_new_and_paid(shop: Shop, subscribed: Subscribe) -> None:
    """Created, paid, then the transaction, the reward, and the tier it leads to (webhooks.md §3 a; decisions 38 and 44)."""
    campaign = shop.programme()
    shop.rule(campaign.id, per_amount(100, 1))
    shop.tiers(campaign.id, {"name": "Basic", "points": {"from": 0, "to": 99}}, {"name": "Top", "points": {"from": 100}})
    card = shop.join(campaign.id)
    inbox = subscribed(*ALL)
    shop.pay(card.holder_id, 10_000)
    deliveries = _all_told(inbox, shop, card.holder_id, 5)
    assert [delivery.type for delivery in deliveries] == [
        "customer.order.created",
        "customer.order.paid",
        "voucher.loyalty_card.transaction.created",
        "customer.rewarded.loyalty_points",
        "customer.loyalty.tier.upgraded",
    ]
    created, paid, transaction, reward, upgraded = deliveries
    assert {delivery.envelope["event"]["group_id"] for delivery in deliveries} == {paid.envelope["event"]["group_id"]}
    assert transaction.data["event"] == reward.data["event"]
    assert transaction.data["event"]["id"] == paid.envelope["event"]["id"]
    assert transaction.data["holder_loyalty_tier"]["name"] == "Basic"
    assert (upgraded.data["loyalty_tier_from"]["name"], upgraded.data["loyalty_tier_to"]["name"]) == ("Basic", "Top")
    assert list(paid.data) == list(created.data) == ["customer", "referrer", "order", "redemption"]
    assert (paid.data["referrer"], paid.data["redemption"], paid.data["order"]["status"]) == (None, None, "PAID")
    entities = [delivery.envelope["event"]["entity_id"] for delivery in deliveries]
    assert entities == [card.holder_id, card.holder_id, card.id, card.holder_id, card.holder_id]


def test_every_rule_has_its_own_pair_of_events(shop: Shop, subscribed: Subscribe) -> None:
    """Two rules on one order make two transactions and two rewards, with running totals (decision 3)."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    shop.rule(campaign.id, per_amount(100, 1))
    card = shop.join(campaign.id)
    inbox = subscribed(*ALL)
    shop.pay(card.holder_id, 700)
    deliveries = _all_told(inbox, shop, card.holder_id, 6)
    assert [delivery.type for delivery in deliveries] == [
        "customer.order.created",
        "customer.order.paid",
        *POINT_EVENTS,
        *POINT_EVENTS,
    ]
    balances = [(delivery.data["balance"]["points"], delivery.data["balance"]["total"]) for delivery in deliveries[2:]]
    assert balances == [(10, 10), (10, 10), (7, 17), (7, 17)]
    before = [delivery.data["voucher"]["loyalty_card"]["balance"] for delivery in deliveries[2:]]
    assert before == [10, 0, 17, 10]


def test_joining_by_an_order_comes_before_its_points(shop: Shop, subscribed: Subscribe) -> None:
    """An unknown customer is created, the order told, the card published by Automation, and only then it earns (decision 17)."""
    campaign = shop.programme(auto_join=True)
    shop.rule(campaign.id, FIXED_TEN)
    shop.tiers(campaign.id, {"name": "Bronze", "points": {"from": 1}})
    inbox = subscribed(*ALL)
    order = shop.order(status="PAID", amount=100, customer={"source_id": shop.name("newcomer")})
    deliveries = _all_told(inbox, shop, order.customer_id, 9)
    assert [delivery.type for delivery in deliveries] == [
        "customer.created",
        "customer.order.created",
        "customer.order.paid",
        *JOIN_EVENTS,
        *POINT_EVENTS,
        "customer.loyalty.tier.joined",
    ]
    published = deliveries[3].data
    assert (published["publication"]["channel"], published["publication"]["source_id"]) == ("Automation", None)
    assert published["publication"]["vouchers_id"] == [published["voucher"]["id"]]
    assert published["voucher"]["holder_id"] == published["customer"]["id"]
    assert deliveries[8].data["loyalty_tier"]["name"] == "Bronze"
    prefixes = [delivery.envelope["event"]["id"].partition("_")[0] for delivery in deliveries]
    assert prefixes == ["evcus", "evcus", "evcus", "evvou", "evpub", "evcus", "evvou", "evcus", "evcus"]


def test_a_tier_that_starts_at_zero_is_joined_with_the_card(shop: Shop, subscribed: Subscribe) -> None:
    """Publication joins the tier of an empty card, after the events of the publication (decision 38)."""
    campaign = shop.programme()
    shop.tiers(campaign.id, {"name": "Basic", "points": {"from": 0}})
    customer = shop.customer()
    inbox = subscribed(*ALL)
    shop.join(campaign.id, customer.source_id)
    deliveries = _all_told(inbox, shop, customer.id, 4)
    assert [delivery.type for delivery in deliveries] == [*JOIN_EVENTS, "customer.loyalty.tier.joined"]
    assert deliveries[0].data["publication"]["channel"] == "API"
    assert list(deliveries[3].data) == ["customer", "campaign", "loyalty_tier", "created_at"]


def test_an_order_through_its_states(shop: Shop, subscribed: Subscribe) -> None:
    """Each change of state has the events of decision 44; the award is given once."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    inbox = subscribed(*ALL)
    order = shop.order(status="CREATED", amount=500, customer={"id": card.holder_id})
    for status in ("PAID", "CANCELED", "PAID"):
        shop.update_order(order.id, status=status)
    shop.update_order(order.id, amount=600)
    shop.update_order(order.id, status="FULFILLED")
    assert [delivery.type for delivery in _all_told(inbox, shop, card.holder_id, 10)] == [
        "customer.order.created",
        *("customer.order.updated", "customer.order.paid", *POINT_EVENTS),
        *("customer.order.updated", "customer.order.canceled"),
        *("customer.order.updated", "customer.order.paid"),
        "customer.order.updated",
    ]


def test_only_what_was_asked_for_is_sent(management: Management, shop: Shop, subscribed: Subscribe) -> None:
    """A webhook gets the events it names and no other; a PUT replaces its events (webhooks.md §1.6)."""
    inbox = subscribed("customer.created")
    webhook = management.get(f"{management.path}/webhooks")["data"][-1]
    customer = shop.customer()
    shop.customer(source_id=customer.source_id, name="Nobody is told")
    changed = {"target_url": webhook["target_url"], "events": ["customer.updated"]}
    assert management.ask("PUT", f"{management.path}/webhooks/{webhook['id']}", changed).json["events"] == ["customer.updated"]
    told = _all_told(inbox, shop, customer.id, 1)
    assert [(delivery.type, delivery.data["customer"]["id"]) for delivery in told] == [("customer.created", customer.id)]


def test_the_events_of_a_customer_arrive_in_their_order(shop: Shop, subscribed: Subscribe) -> None:
    """A receiver that answers sees one customer's events as they happened, over many requests (DESIGN §5)."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    inbox = subscribed(*ALL)
    for _ in range(10):
        shop.pay(card.holder_id)
    arrived = inbox.arrived(40)
    assert arrived == [delivery.envelope["event"]["id"] for delivery in inbox.wait(40)]


def test_what_happens_to_a_programme_is_told(client: Client, shop: Shop, subscribed: Subscribe) -> None:
    """A programme's own events are the campaign's, with its id as their entity (semantics §2.2, decision 29)."""
    rule_events = [f"campaign.earning_rule.{word}" for word in ("assigned", "updated", "disabled", "enabled", "deleted")]
    own_events = [f"campaign.{word}" for word in ("updated", "disabled", "enabled", "deleted")]
    inbox = subscribed("campaign.created", *rule_events, "campaign.loyalty_tier.created", *own_events)
    campaign = shop.programme()
    rule = shop.rule(campaign.id, FIXED_TEN)
    path = f"/v1/loyalties/{campaign.id}"
    client.ask("PUT", f"{path}/earning-rules/{rule.id}", {"loyalty": {"type": "FIXED", "points": 3}})
    client.loyalties.disable_earning_rule(campaign.id, rule.id)
    client.loyalties.enable_earning_rule(campaign.id, rule.id)
    client.loyalties.delete_earning_rule(campaign.id, rule.id)
    shop.tiers(campaign.id, {"name": "Basic", "points": {"from": 0}})
    client.ask("PUT", path, {"description": "Changed"})
    client.campaigns.disable_campaign(campaign.id)
    client.campaigns.enable_campaign(campaign.id)
    client.loyalties.delete_loyalty_program(campaign.id)
    deliveries = inbox.wait(11)
    expected = ["campaign.created", *rule_events, "campaign.loyalty_tier.created", *own_events]
    assert [delivery.type for delivery in deliveries] == expected
    assert {delivery.envelope["event"]["entity_id"] for delivery in deliveries} == {campaign.id}
    assert {delivery.envelope["event"]["id"][:6] for delivery in deliveries} == {"evcam_"}
    assert {delivery.data["campaign"]["id"] for delivery in deliveries} == {campaign.id}


def test_a_configuration_that_is_written_again_is_not_told(client: Client, shop: Shop, subscribed: Subscribe) -> None:
    """The same campaign and the same rule again: no `updated_at`, no event (decision 43)."""
    inbox = subscribed("campaign.updated", "campaign.earning_rule.updated", "campaign.earning_rule.enabled")
    campaign = shop.programme(description="Same")
    rule = shop.rule(campaign.id, FIXED_TEN)
    path = f"/v1/loyalties/{campaign.id}"
    assert client.ask("PUT", path, {"description": "Same", "auto_join": False}).json.get("updated_at") is None
    assert client.ask("PUT", f"{path}/earning-rules/{rule.id}", {"loyalty": FIXED_TEN}).json["updated_at"] is None
    assert client.loyalties.enable_earning_rule(campaign.id, rule.id).updated_at is None
    client.ask("PUT", path, {"description": "Other"})
    assert [delivery.type for delivery in inbox.wait(1)] == ["campaign.updated"]
