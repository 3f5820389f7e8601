"""Categories, and the campaigns and cards that carry them."""

from collections.abc import Callable
from typing import Any

import pytest
import voucherify

from tests.acceptance.deliveries import Inbox
from tests.acceptance.official import Client
from tests.acceptance.shop import Shop
from tests.acceptance.test_refusals import refused


def category(client: Client, name: str, hierarchy: int = 1) -> Any:
    """Create a category through the official client."""
    return client.categories.create_category(voucherify.CategoriesCreateRequestBody(name=name, hierarchy=hierarchy))


def test_a_category_is_created_changed_and_deleted(client: Client, shop: Shop) -> None:
    """Its keys are those of the documents; `updated_at` comes with the first change."""
    name = shop.name("Eighth")
    made = category(client, name, 8)
    shown = client.get(f"/v1/categories/{made.id}")
    assert shown == {"id": made.id, "name": name, "hierarchy": 8, "created_at": shown["created_at"], "object": "category"}
    assert made.id.startswith("cat_")
    assert len(made.id) == len("cat_") + 18
    other = shop.name("Ninth")
    client.categories.update_category(made.id, voucherify.CategoriesUpdateRequestBody(name=other, hierarchy=0))
    changed = client.get(f"/v1/categories/{made.id}")
    assert list(changed) == ["id", "name", "hierarchy", "created_at", "updated_at", "object"]
    assert (changed["name"], changed["hierarchy"]) == (other, 0)
    assert client.categories.delete_category(made.id) is None
    assert client.ask("GET", f"/v1/categories/{made.id}").status == 404


def test_categories_are_listed_newest_first(client: Client, shop: Shop) -> None:
    """All of them, without pages."""
    made = [category(client, shop.name("category")).id for _ in range(3)]
    listed = client.categories.list_categories()
    assert [one.id for one in listed.data][:3] == made[::-1]
    assert (listed.object, listed.data_ref, listed.total) == ("list", "data", len(listed.data))


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"hierarchy": 1}, "Payload should have required property 'name'"),
        ({"name": "x"}, "Payload should have required property 'hierarchy'"),
        ({"name": "x", "hierarchy": -1}, "Property .hierarchy must be >= 0"),
    ],
)
def test_a_category_needs_name_and_hierarchy(client: Client, shop: Shop, body: dict[str, Any], details: str) -> None:
    """Also when it is changed."""
    known = category(client, shop.name("category"))
    for method, path in (("POST", "/v1/categories"), ("PUT", f"/v1/categories/{known.id}")):
        assert refused(client.ask(method, path, body), 400, "invalid_payload")["details"] == details


def test_an_unknown_category_is_named(client: Client) -> None:
    """The documented 404, wherever it is asked for."""
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"name": "x", "hierarchy": 1})):
        answer = refused(client.ask(method, "/v1/categories/example_category", body), 404, "not_found")
        assert answer["details"] == "Cannot find category with id example_category"
        assert (answer["resource_id"], answer["resource_type"]) == ("example_category", "category")


def test_a_name_is_taken_once(client: Client, shop: Shop) -> None:
    """Campaigns may say the name in place of the id."""
    name = shop.name("category")
    category(client, name)
    assert refused(client.ask("POST", "/v1/categories", {"name": name, "hierarchy": 2}), 409, "duplicate_found")


def test_campaigns_show_their_category(client: Client, shop: Shop) -> None:
    """By name, by id and whole, as created, read and changed; a list shows the id alone; an empty id takes it away."""
    name = shop.name("New Customers")
    made, other = category(client, name, 0), category(client, shop.name("category"))
    whole = [client.get(f"/v1/categories/{made.id}")]
    campaign = shop.programme(category_id=made.id)
    assert (campaign.category, campaign.category_id, [one.id for one in campaign.categories]) == (name, made.id, [made.id])
    shown = client.get(f"/v1/loyalties/{campaign.id}")
    assert (shown["category"], shown["category_id"], shown["categories"]) == (name, made.id, whole)
    listed = next(one for one in client.get("/v1/loyalties?limit=100")["campaigns"] if one["id"] == campaign.id)
    assert (listed["category_id"], listed["categories"]) == (made.id, [])
    changed = client.ask("PUT", f"/v1/loyalties/{campaign.id}", {"category_id": other.id}).json
    assert (changed["category"], changed["category_id"]) == (other.name, other.id)
    emptied = client.ask("PUT", f"/v1/loyalties/{campaign.id}", {"category_id": ""}).json
    assert (emptied["category"], emptied["category_id"], emptied["categories"]) == (None, None, [])
    assert shop.programme(category=name).category_id == made.id


def test_a_campaign_cannot_have_an_unknown_category(client: Client, shop: Shop) -> None:
    """404 that names the category, when a campaign is created and when it is changed; nothing is changed."""
    campaign = shop.programme()
    card = {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}}
    body = {"name": shop.name("campaign"), "type": "AUTO_UPDATE", "campaign_type": "LOYALTY_PROGRAM", "voucher": card}
    for method, path, said in (
        ("POST", "/v1/loyalties", body | {"category_id": "cat_unknown"}),
        ("PUT", f"/v1/loyalties/{campaign.id}", {"category_id": "cat_unknown"}),
        ("PUT", f"/v1/loyalties/{campaign.id}", {"category": "cat_unknown"}),
    ):
        answer = refused(client.ask(method, path, said), 404, "not_found")
        assert answer["details"] == "Cannot find category with id cat_unknown"
        assert answer["resource_type"] == "category"
    assert client.get(f"/v1/loyalties/{campaign.id}")["category_id"] is None


def test_cards_show_the_category_of_their_campaign(client: Client, shop: Shop) -> None:
    """By name where a card is published or read as a voucher; after the category was deleted its id stays."""
    name = shop.name("category")
    made = category(client, name)
    campaign = shop.programme(category_id=made.id)
    card = shop.join(campaign.id)
    assert (card.category, card.category_id) == (name, made.id)
    members = f"/v1/loyalties/{campaign.id}/members"
    raw = client.ask("POST", members, {"customer": {"source_id": shop.name("customer")}}).json
    assert (raw["category"], raw["categories"]) == (name, [client.get(f"/v1/categories/{made.id}")])
    voucher = client.get(f"/v1/vouchers/{card.code}")
    assert (voucher["category"], voucher["category_id"]) == (name, made.id)
    assert shop.card(card.code)["category_id"] == made.id
    client.categories.delete_category(made.id)
    voucher = client.get(f"/v1/vouchers/{card.code}")
    assert (voucher["category"], voucher["category_id"], voucher["categories"]) == (None, made.id, [])


def test_an_event_keeps_the_category_as_it_was(client: Client, shop: Shop, subscribed: Callable[..., Inbox]) -> None:
    """campaign.created and customer.publication.succeeded carry the whole category, whatever becomes of it."""
    name = shop.name("Star Platinum")
    made = category(client, name, 10)
    whole = [client.get(f"/v1/categories/{made.id}")]
    inbox = subscribed("campaign.created", "customer.publication.succeeded")
    shop.join(shop.programme(category_id=made.id).id)
    created, published = inbox.wait(2)
    assert [created.type, published.type] == ["campaign.created", "customer.publication.succeeded"]
    for told in (created.data["campaign"], published.data["publication"]["voucher"]):
        assert (told["category"], told["category_id"], told["categories"]) == (name, made.id, whole)
    assert published.data["voucher"]["category_id"] == made.id
    assert (published.data["campaign"]["category"], published.data["campaign"]["category_id"]) == (None, made.id)
