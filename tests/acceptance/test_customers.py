"""Customers through the official client: made, found, changed, listed, deleted."""

from datetime import UTC, date, datetime

import pytest
import voucherify
from voucherify.exceptions import NotFoundException

from tests.acceptance.comparer import compare
from tests.acceptance.official import Client
from tests.acceptance.shop import FIXED_TEN, Shop
from tests.acceptance.stories import Subscribe

NO_ORDERS = {"total_amount": 0, "total_count": 0, "average_amount": 0, "last_order_amount": 0}
NO_REDEMPTIONS = {
    "total_redeemed": 0,
    "total_failed": 0,
    "total_succeeded": 0,
    "total_rolled_back": 0,
    "total_rollback_failed": 0,
    "total_rollback_succeeded": 0,
    "gift": {"redeemed_amount": 0, "amount_to_go": 0},
    "loyalty_card": {"redeemed_points": 0, "points_to_go": 0},
}


def test_a_new_customer_has_everything_that_was_sent(client: Client, shop: Shop) -> None:
    """The answer repeats the request, with an id, empty points and no orders (openapi create-customer)."""
    body = {
        "source_id": shop.name("bob"),
        "name": "Bob Smith",
        "description": "A frequent customer",
        "email": "bob.smith@example.com",
        "phone": "+1 933 222 3333",
        "birthdate": "2001-02-28",
        "address": {
            "city": "New York",
            "state": "NY",
            "line_1": "123 Main St.",
            "line_2": "APT 3",
            "country": "US",
            "postal_code": "1",
        },
        "metadata": {"lang": "en", "test": True, "visits": 3},
    }
    answer = client.ask("POST", "/v1/customers", body)
    assert answer.status == 200
    came = answer.json
    assert compare("cust_CSnYd37MXmrbS19XCrghjBsv", came["id"]) == []
    wanted = body | {
        "id": came["id"],
        "summary": {"redemptions": NO_REDEMPTIONS, "orders": NO_ORDERS},
        "loyalty": {"points": 0, "referred_customers": 0, "campaigns": {}},
        "referrals": {"total": 0, "campaigns": []},
        "system_metadata": {},
        "created_at": came["created_at"],
        "object": "customer",
    }
    assert {key: came[key] for key in wanted} == wanted
    typed = client.customers.get_customer(came["id"])
    assert (typed.birthdate, typed.address.city) == (date(2001, 2, 28), "New York")


def test_a_known_source_id_or_id_is_written_over(client: Client, shop: Shop) -> None:
    """POST is an upsert: the id stays, what was sent is changed, what was not sent stays (openapi create-customer)."""
    first = shop.customer(name="Ann", email="ann@example.com", metadata={"a": 1})
    second = shop.customer(source_id=first.source_id, name="Anna")
    third = shop.customer(id=first.id, source_id=first.source_id, name="Anna", phone="123")
    assert (second.id, third.id) == (first.id, first.id)
    assert (third.name, third.email, third.phone, third.metadata) == ("Anna", "ann@example.com", "123", {"a": 1})
    assert first.updated_at is None
    assert third.updated_at > first.created_at
    assert client.customers.get_customer(first.source_id).to_dict() == client.customers.get_customer(first.id).to_dict()


def test_nulls_of_the_official_client_are_taken(client: Client, shop: Shop) -> None:
    """The client's `from_dict` sends null for all that was not said; that makes a customer like any other."""
    source_id = shop.name("nulls")
    body = voucherify.CustomersCreateRequestBody.from_dict({"source_id": source_id, "name": "Null"})
    made = client.customers.create_customer(body)
    assert (made.source_id, made.name, made.email) == (source_id, "Null", None)


def test_a_customer_is_updated_by_id_and_by_source_id(client: Client, shop: Shop) -> None:
    """PUT changes only the fields it has; metadata of the same key is replaced."""
    customer = shop.customer(metadata={"region": "EMEA", "old": 1})
    body = voucherify.CustomersUpdateRequestBody(name="Jack", metadata={"region": "US"})
    changed = client.customers.update_customer(customer.id, body)
    again = client.customers.update_customer(customer.source_id, voucherify.CustomersUpdateRequestBody(phone="1"))
    assert (changed.name, changed.metadata["region"]) == ("Jack", "US")
    assert (again.id, again.name, again.phone) == (customer.id, "Jack", "1")


def test_customers_are_listed_and_found(client: Client, shop: Shop) -> None:
    """A list has its envelope, pages, both orders by creation, and filters by e-mail and name (openapi list-customers)."""
    name = shop.name("Listed")
    made = [shop.customer(name=name, email=f"{shop.name('mail')}@example.com") for _ in range(3)]
    ids = [customer.id for customer in made]
    raw = client.get("/v1/customers?limit=2&order=-created_at")
    assert (raw["object"], raw["data_ref"], len(raw["customers"])) == ("list", "customers", 2)
    assert raw["total"] >= 3
    assert {customer["id"] for customer in raw["customers"]} == set(ids[1:])
    found = client.customers.list_customers(email=made[1].email)
    assert [customer.id for customer in found.customers] == [ids[1]]
    named = [client.customers.list_customers(name=name, limit=2, page=page, order="created_at").customers for page in (1, 2)]
    assert [customer.id for page in named for customer in page] == ids


def test_an_upsert_that_changes_nothing_changes_nothing(client: Client, shop: Shop, subscribed: Subscribe) -> None:
    """Writing the same again writes nothing: no `updated_at`, no event (decision 43)."""
    inbox = subscribed("customer.updated")
    customer = shop.customer(name="Same", metadata={"a": [1, 2], "b": {"c": None}})
    before = client.get(f"/v1/customers/{customer.id}")
    same = shop.customer(source_id=customer.source_id, name="Same", metadata={"b": {"c": None}, "a": [1, 2]})
    client.customers.update_customer(customer.id, voucherify.CustomersUpdateRequestBody(name="Same"))
    assert same.updated_at is None
    assert client.get(f"/v1/customers/{customer.id}") == before
    client.customers.update_customer(customer.id, voucherify.CustomersUpdateRequestBody(name="Other"))
    assert [delivery.data["customer"]["name"] for delivery in inbox.wait(1)] == ["Other"]


def test_a_customer_shows_points_and_orders(client: Client, shop: Shop) -> None:
    """A customer sums its cards by campaign name, and its paid orders (semantics §12)."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    tier = shop.tiers(campaign.id, {"name": "Basic", "points": {"from": 0}})[0]
    card = shop.join(campaign.id)
    shop.pay(card.holder_id, 300)
    shop.pay(card.holder_id, 100)
    customer = client.get(f"/v1/customers/{card.holder_id}")
    by_campaign = {campaign.name: {"points": 20, "loyalty_tier": tier["id"], "referred_customers": 0}}
    assert customer["loyalty"] == {"points": 20, "referred_customers": 0, "campaigns": by_campaign}
    orders = customer["summary"]["orders"]
    last = orders.pop("last_order_date")
    assert orders == {"total_amount": 400, "total_count": 2, "average_amount": 200, "last_order_amount": 100}
    assert datetime.fromisoformat(last).tzinfo == UTC
    assert customer["summary"]["redemptions"]["loyalty_card"] == {"redeemed_points": 0, "points_to_go": 20}


def test_a_deleted_customer_leaves_a_closed_ledger(client: Client, shop: Shop, subscribed: Subscribe) -> None:
    """Deleted: 404 from then on; the card is disabled and keeps balance and ledger; the event tells it (decision 45)."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    customer = client.customers.get_customer(card.holder_id)
    shop.pay(customer.id)
    inbox = subscribed("customer.deleted")
    answer = client.ask("DELETE", f"/v1/customers/{customer.id}")
    assert (answer.status, answer.body) == (204, b"")
    for key in (customer.id, customer.source_id):
        with pytest.raises(NotFoundException):
            client.customers.get_customer(key)
    with pytest.raises(NotFoundException):
        client.customers.delete_customer(customer.id)
    after = shop.card(card.code)
    assert (after["active"], after["loyalty_card"]) == (False, {"points": 10, "balance": 10})
    assert [row["details"]["balance"]["balance"] for row in shop.transactions(card.code)] == [10]
    told = inbox.only()
    assert (told.data["customer"]["id"], told.envelope["event"]["entity_id"]) == (customer.id, customer.id)
    assert told.data["customer"]["source_id"].startswith(f"{customer.source_id}_deleted")


def test_the_source_id_of_a_deleted_customer_is_free(client: Client, shop: Shop) -> None:
    """A new customer may have the source id of a deleted one, and is not a member of anything."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    source_id = client.customers.get_customer(card.holder_id).source_id
    client.customers.delete_customer(card.holder_id)
    newcomer = shop.customer(source_id=source_id)
    assert newcomer.id != card.holder_id
    shop.pay(newcomer.id)
    assert shop.points(card.code) == 0
    assert client.get(f"/v1/customers/{newcomer.id}")["loyalty"]["campaigns"] == {}
