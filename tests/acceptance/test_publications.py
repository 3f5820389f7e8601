"""/v1/publications through the official client: whom a card is given to, and what a request that repeats gets."""

from typing import Any
from urllib.parse import urlencode

import pytest
import voucherify

from tests.acceptance.official import Client
from tests.acceptance.shop import Shop

SIMPLE_CUSTOMER = ["id", "name", "email", "source_id", "metadata", "object"]
CREATED = [
    *["id", "object", "created_at", "customer_id", "tracking_id", "metadata", "channel", "source_id", "result", "customer"],
    *["voucher", "vouchers_id"],
]
VOUCHER = [
    *["id", "code", "campaign", "campaign_id", "category", "category_id", "categories", "type", "discount", "gift"],
    *["loyalty_card", "start_date", "expiration_date", "validity_timeframe", "validity_hours", "validity_day_of_week"],
    *["active", "additional_info", "metadata", "assets", "is_referral_code", "created_at", "updated_at", "holder_id"],
    *["redemption", "publish", "object"],
]


def publish(client: Client, join_once: bool | None = None, **said: Any) -> Any:
    """A publication, as the client understands the answer."""
    body = voucherify.PublicationsCreateRequestBody.model_validate(said)
    return client.publications.create_publication(join_once=join_once, publications_create_request_body=body)


def refusal(client: Client, body: Any, query: str = "") -> tuple[int, str, str]:
    """Status, key and details of the answer to a publication."""
    answer = client.ask("POST", f"/v1/publications{query}", body)
    return answer.status, answer.json["key"], answer.json["details"]


def test_a_publication_in_the_documented_shape(client: Client, shop: Shop) -> None:
    """The body of the documented example: the keys of its answer, and the customer made known on the way."""
    campaign, source_id, person = shop.programme(points=5), shop.name("publication"), shop.name("customer")
    body = {
        "source_id": source_id,
        "campaign": campaign.name,
        "channel": "myown",
        "customer": {
            "source_id": person,
            "name": "Bob Jones",
            "description": "A frequent customer",
            "email": "bob.smith@email.com",
            "phone": "+1 933 222 3333",
            "address": {"city": "New York", "country": "United States", "line_1": "123 Main St.", "postal_code": "10001"},
            "metadata": {"lang": "en", "test": True},
            "birthday": "1901-12-01",
        },
        "metadata": {"year": 2022},
    }
    answer = client.ask("POST", "/v1/publications", body)
    assert answer.status == 200, answer
    made = answer.json
    assert (list(made), list(made["customer"]), list(made["voucher"])) == (CREATED, SIMPLE_CUSTOMER, VOUCHER)
    assert (made["channel"], made["source_id"], made["tracking_id"], made["result"]) == ("myown", source_id, person, "SUCCESS")
    assert (made["metadata"], made["vouchers_id"]) == ({"year": 2022}, [made["voucher"]["id"]])
    assert made["voucher"]["loyalty_card"] == {"points": 5, "balance": 5}
    assert (made["voucher"]["holder_id"], made["voucher"]["publish"]["count"]) == (made["customer_id"], 1)
    assert client.get(f"/v1/customers/{person}")["address"]["city"] == "New York"


def test_the_client_reads_a_publication(client: Client, shop: Shop) -> None:
    """Its model takes channel API and result SUCCESS alone; a campaign is named by name or id."""
    campaign = shop.programme()
    made = publish(client, campaign={"name": campaign.id, "count": 1}, customer={"source_id": shop.name("customer")})
    assert (made.channel, made.result, made.object) == ("API", "SUCCESS", "publication")
    assert (made.voucher.campaign_id, made.voucher.holder_id) == (campaign.id, made.customer_id)
    assert client.vouchers.get_voucher(made.voucher.code).id == made.voucher.id


def test_a_named_card(client: Client, shop: Shop) -> None:
    """By its code; a second time it is taken."""
    campaign = shop.programme(type="STATIC")
    code = shop.name("code")
    client.campaigns.add_voucher_with_specific_code_to_campaign(
        campaign.id, code, voucherify.CampaignsVouchersCreateRequestBody()
    )
    made = publish(client, voucher=code, customer={"source_id": shop.name("customer")})
    assert made.voucher.code == code
    said = {"voucher": code, "customer": {"source_id": shop.name("customer")}}
    details = f"Voucher '{made.voucher.id}' has already been published"
    assert refusal(client, said) == (400, "voucher_already_published", details)


def test_join_once(client: Client, shop: Shop) -> None:
    """The same card again with `join_once`; without, a member is told so (decision 11)."""
    campaign, person = shop.programme(), shop.name("customer")
    said = {"campaign": {"name": campaign.name}, "customer": {"source_id": person}}
    made = [publish(client, join_once=True, **said) for _ in range(2)]
    assert made[0].id == made[1].id
    assert made[0].voucher.code == made[1].voucher.code
    assert refusal(client, said) == (400, "voucher_cannot_be_published", "Customer already joined program.")


def test_a_source_id_repeats(client: Client, shop: Shop) -> None:
    """The first publication again for the same customer and campaign; 400 for anybody else (decision 16)."""
    campaign, person, source_id = shop.programme(), shop.name("customer"), shop.name("publication")
    said: dict[str, Any] = {"campaign": {"name": campaign.name}, "customer": {"source_id": person}, "source_id": source_id}
    first, again = publish(client, **said), publish(client, **said)
    assert (first.id, first.voucher.code, first.source_id) == (again.id, again.voucher.code, source_id)
    details = f"Publication with source_id: '{source_id}' already exists"
    other = said | {"customer": {"source_id": shop.name("customer")}}
    assert refusal(client, other) == (400, "duplicate_source_id", details)


def test_what_is_missing_or_too_much(client: Client, shop: Shop) -> None:
    """Each refusal in the documented words."""
    campaign, person = shop.programme(), {"source_id": shop.name("customer")}
    named = {"name": campaign.name}
    assert refusal(client, {"customer": person}) == (400, "missing_vouchers", "Either Campaign or Voucher is required")
    assert refusal(client, {"campaign": named})[:2] == (400, "missing_customer")
    too_many = {"customer": person, "campaign": named | {"count": 2}}
    assert refusal(client, too_many) == (400, "too_many_vouchers_requested", "Only up to 1 can be published")
    for said, kind, key in (
        ({"customer": person, "campaign": "none"}, "campaign", "none"),
        ({"customer": person, "voucher": "none"}, "voucher", "none"),
        ({"customer": "cust_none", "campaign": named}, "customer", "cust_none"),
    ):
        assert refusal(client, said) == (404, "not_found", f"Cannot find {kind} with id {key}")


def test_a_campaign_without_cards(client: Client, shop: Shop) -> None:
    """A STATIC campaign gives what it has, and then none."""
    campaign = shop.programme(type="STATIC", vouchers_count=1)
    publish(client, campaign={"name": campaign.name}, customer={"source_id": shop.name("customer")})
    details = "Couldn't create new vouchers for publication"
    said = {"campaign": campaign.name, "customer": {"source_id": shop.name("customer")}}
    assert refusal(client, said) == (400, "no_voucher_suitable_for_publication", details)


def test_a_publication_by_query(client: Client, shop: Shop) -> None:
    """GET /v1/publications/create says the same in its query, as the client writes it."""
    campaign, person = shop.programme(), shop.name("customer")
    made = client.publications.create_publication1(
        customer=voucherify.Customer(source_id=person, name="Bob & Co", metadata={"lang": "en"}),
        campaign=voucherify.CreatePublicationCampaign(name=campaign.name, count=1),
        join_once=True,
        source_id=shop.name("publication"),
        metadata={"from": {"shop": "A 1"}},
    )
    assert (made.customer.name, made.metadata, made.voucher.campaign) == ("Bob & Co", {"from": {"shop": "A 1"}}, campaign.name)
    again = client.ask(
        "GET", "/v1/publications/create?" + urlencode({"customer": person, "campaign": campaign.id, "join_once": 1})
    )
    assert (again.status, again.json["details"]) == (400, "Property .join_once must be boolean")
    query = urlencode({"customer[source_id]": person, "campaign[id]": campaign.id, "join_once": "true"})
    assert client.get(f"/v1/publications/create?{query}")["id"] == made.id


SOMEBODY = "customer[source_id]=bob"
WANTING = [
    ("campaign=none", "invalid_query_params", "Query should have required property 'customer'"),
    (SOMEBODY, "missing_vouchers", "Either Campaign or Voucher is required"),
    (f"{SOMEBODY}&campaign[name]=x&campaign[count]=3", "too_many_vouchers_requested", "Only up to 1 can be published"),
    (f"{SOMEBODY}&campaign[name]=x&campaign[count]=y", "invalid_query_params", "Property .campaign.count must be integer,null"),
]


@pytest.mark.parametrize(("query", "key", "details"), WANTING)
def test_what_a_query_lacks(client: Client, query: str, key: str, details: str) -> None:
    """In the documented words."""
    answer = client.ask("GET", f"/v1/publications/create?{query}")
    assert (answer.status, answer.json["key"], answer.json["details"]) == (400, key, details)


def test_a_query_that_repeats(client: Client, shop: Shop) -> None:
    """An Idempotency-Key holds for the whole query: another one under the same key is refused (decision 32)."""
    campaign, key = shop.programme(), shop.name("key")
    paths = [f"/v1/publications/create?campaign={campaign.id}&customer[source_id]={shop.name('customer')}" for _ in range(2)]
    first, again, other = (client.ask("GET", path, Idempotency_Key=key) for path in (paths[0], paths[0], paths[1]))
    assert (first.status, again.body, again.headers["idempotency-replayed"]) == (200, first.body, "true")
    assert (other.status, other.json["key"]) == (409, "idempotency_key_reused")


def test_listing(client: Client, shop: Shop) -> None:
    """In five keys each voucher; by every filter, in every order, page by page."""
    first, second = shop.programme(), shop.programme()
    people = [shop.customer() for _ in range(2)]
    made = [
        publish(client, campaign={"name": campaign.name}, customer={"id": person.id}, source_id=shop.name("publication"))
        for person in people
        for campaign in (first, second)
    ]
    ids = [one.id for one in made]

    def found(**said: Any) -> list[str]:
        listed = client.publications.list_publications(**said)
        assert listed.total >= len(listed.publications)
        return [one.id for one in listed.publications]

    assert found(campaign=first.name) == [ids[2], ids[0]]
    assert found(campaign=first.name, order="created_at") == [ids[0], ids[2]]
    assert found(customer=people[1].id) == [ids[3], ids[2]]
    assert found(voucher=made[1].voucher.code) == [ids[1]]
    assert found(source_id=made[0].source_id) == [ids[0]]
    assert [found(campaign=first.name, limit=1, page=page) for page in (1, 2, 3)] == [[ids[2]], [ids[0]], []]
    assert found(campaign=first.name, result="FAILURE") == found(campaign=first.name, voucher_type="discount") == []
    assert found(campaign=first.name, is_referral_code=True) == found(campaign="none") == found(customer="none") == []
    codes = sorted((one.voucher.code, one.id) for one in (made[0], made[2]))
    assert found(campaign=first.name, order="voucher_code") == [id for _, id in codes]
    for order in ("id", "tracking_id", "customer_id", "channel"):
        assert found(campaign=first.name, order=order) == found(campaign=first.name, order=f"-{order}")[::-1]
    (row,) = client.get(f"/v1/publications?voucher={made[0].voucher.code}&channel=API")["publications"]
    assert list(row) == CREATED
    assert row["voucher"] == {
        "code": made[0].voucher.code,
        "object": "voucher",
        "campaign": first.name,
        "loyalty_card": {"points": 0, "balance": 0},
        "is_referral_code": False,
    }


def test_a_page_too_far(client: Client) -> None:
    """Page 1000 is the last one."""
    answer = client.ask("GET", "/v1/publications?page=1001")
    assert (answer.status, answer.json["key"]) == (400, "page_over_limit")


def test_publications_of_what_was_deleted(client: Client, shop: Shop) -> None:
    """They stay in the list: they tell of what was done."""
    campaign, person = shop.programme(), shop.customer()
    made = publish(client, campaign={"name": campaign.name}, customer={"id": person.id})
    client.vouchers.delete_voucher(made.voucher.code)
    client.customers.delete_customer(person.id)
    (row,) = client.get(f"/v1/publications?campaign={campaign.id}")["publications"]
    assert (row["id"], row["voucher"]["code"]) == (made.id, made.voucher.code)
