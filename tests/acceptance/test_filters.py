"""Filters of lists, in the documented form: the typed filters of the official client leave `conditions` out of it."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from tests.acceptance.official import Client
from tests.acceptance.shop import FIXED_TEN, Shop


@pytest.fixture
def programme(shop: Shop) -> Any:
    """A programme with a rule."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    return campaign


def _ids(rows: list[Any]) -> list[str]:
    return [row["id"] for row in rows]


def _adjust(client: Client, code: str, *points: int) -> None:
    for one in points:
        assert client.ask("POST", f"/v1/loyalties/members/{code}/balance", {"points": one}).status == 200


def test_transactions_of_a_member_by_filters(client: Client, shop: Shop, programme: Any) -> None:
    """By id, and by instants before and after."""
    card = shop.join(programme.id)
    _adjust(client, card.code, 1, 2, 3)
    rows = client.get(f"/v1/loyalties/members/{card.code}/transactions?order=id")["data"]
    path = f"/v1/loyalties/members/{card.code}/transactions?order=id"
    named = "&".join(f"filters[id][conditions][$in][{n}]={rows[place]['id']}" for n, place in enumerate((0, 2)))
    assert client.get(f"{path}&{named}")["data"] == [rows[0], rows[2]]
    assert client.get(f"{path}&filters[id][conditions][$is_not]={rows[1]['id']}")["data"] == [rows[0], rows[2]]
    today = datetime.now(UTC).date().isoformat()
    assert client.get(f"{path}&filters[created_at][conditions][$before]={today}")["data"] == []
    assert client.get(f"{path}&filters[created_at][conditions][$after][0]={today}")["data"] == rows
    assert client.get(f"{path}&filters[created_at][conditions][$less_than]=1")["data"] == rows
    assert client.get(f"{path}&filters[created_at][conditions][$this_year]=")["data"] == rows
    assert client.get(f"{path}&filters[created_at][conditions][$is_unknown]=")["data"] == []


def test_filters_and_cursors_go_together(client: Client, shop: Shop, programme: Any) -> None:
    """A stretch has so many of those that the filters let through."""
    card = shop.join(programme.id)
    other = shop.join(programme.id)
    _adjust(client, card.code, 1, 2, 3)
    _adjust(client, other.code, 4)
    _adjust(client, card.code, 5)
    path = f"/v1/loyalties/{programme.id}/transactions?order=id&limit=3&filters[voucher_id][conditions][$is]={card.id}"
    first = client.get(path)
    assert (len(first["data"]), first["has_more"]) == (3, True)
    rest = client.get(f"{path}&starting_after_id={first['more_starting_after']}")
    assert (len(rest["data"]), rest["has_more"]) == (1, False)
    assert {row["voucher_id"] for row in first["data"] + rest["data"]} == {card.id}
    both = f"filters[voucher_id][conditions][$is]={other.id}&filters[amount][conditions][$more_than]=4"
    answers = [client.get(f"/v1/loyalties/{programme.id}/transactions?{both}&filters[junction]={word}") for word in ("and", "OR")]
    assert [len(answer["data"]) for answer in answers] == [0, 2]


def test_vouchers_by_filters(client: Client, shop: Shop, programme: Any) -> None:
    """By metadata, holder, code and whether they are on; totals count what is let through."""
    cards = [shop.join(programme.id) for _ in range(3)]
    said = {"metadata": {"shelf": "Łódź", "size": 3}}
    assert client.ask("PUT", f"/v1/vouchers/{cards[0].code}", said).status == 200
    assert client.ask("POST", f"/v1/vouchers/{cards[1].code}/disable").status == 200
    path = f"/v1/vouchers?campaign_id={programme.id}&order=created_at"
    for conditions, places in {
        f"filters[metadata.shelf][conditions][$is]={quote('Łódź')}": [0],
        f"filters[metadata.shelf][conditions][$contains]={quote('ód')}": [0],
        "filters[metadata.size][conditions][$more_than_equal]=3": [0],
        "filters[metadata.size][conditions][$is_unknown]=": [1, 2],
        "filters[active][conditions][$is]=false": [1],
        f"filters[holder_id][conditions][$is]={cards[2].holder_id}": [2],
        f"filters[code][conditions][$starts_with]={cards[1].code[:6]}": [1],
        f"filters[code][conditions][$not_in][0]={cards[1].code}": [0, 2],
        "filters[expiration_date][conditions][$has_value]=": [],
        f"filters[campaign][conditions][$is]={programme.name}": [0, 1, 2],
    }.items():
        answer = client.get(f"{path}&{conditions}")
        assert (_ids(answer["vouchers"]), answer["total"]) == ([cards[place].id for place in places], len(places)), conditions


def test_publications_by_filters(client: Client, shop: Shop, programme: Any) -> None:
    """By the documented fields; no publication of ours has failed."""
    cards = [shop.join(programme.id) for _ in range(2)]
    path = f"/v1/publications?campaign={programme.name}&order=created_at"
    rows = client.get(path)["publications"]
    for conditions, places in {
        f"filters[customer_id][conditions][$is]={cards[1].holder_id}": [1],
        f"filters[related_object_id][conditions][$in][0]={cards[0].id}": [0],
        f"filters[parent_object_id][conditions][$is]={programme.id}": [0, 1],
        f"filters[campaign_name][conditions][$is_not]={programme.name}": [],
        "filters[result][conditions][$is]=SUCCESS": [0, 1],
        "filters[failure_code][conditions][$has_value]=": [],
        "filters[is_referral_code][conditions][$is]=false": [0, 1],
        "filters[source_id][conditions][$is_unknown]=": [0, 1],
    }.items():
        assert client.get(f"{path}&{conditions}")["publications"] == [rows[place] for place in places], conditions


def test_wrong_filters_are_refused(client: Client, programme: Any) -> None:
    """With the path of what is wrong."""
    path = f"/v1/loyalties/{programme.id}/transactions"
    for query, details in {
        "filters[colour][conditions][$is]=red": "Property .filters.colour is not supported. Allowed fields: id, voucher_id",
        "filters[id][conditions][$like]=red": "Property .filters should match either `filters[${field}][conditions]",
        "filters[created_at][conditions][$after]=red": "Property .filters.created_at.conditions.$after cannot be recognized",
        "filters[created_at][conditions][$contains]=1": "Property .filters.created_at.conditions.$contains is not supported",
    }.items():
        answer = client.ask("GET", f"{path}?{query}")
        assert (answer.status, answer.json["key"]) == (400, "invalid_query_params")
        assert answer.json["details"].startswith(details)


def test_customers_of_a_city(client: Client, shop: Shop) -> None:
    """The whole name, in the case it has."""
    tag = shop.name("city")
    made = [shop.customer(name=tag, address={"line_1": "x", "city": city}) for city in ("Łódź", "łódź", "Łódź Górna")]
    assert _ids(client.get(f"/v1/customers?name={tag}&city={quote('Łódź')}")["customers"]) == [made[0].id]
    assert client.get(f"/v1/customers?name={tag}&segment_id=seg_none") == {
        "object": "list",
        "data_ref": "customers",
        "customers": [],
        "total": 0,
    }


def test_campaigns_with_their_categories(client: Client, shop: Shop) -> None:
    """Whole when they are asked for."""
    category = client.ask("POST", "/v1/categories", {"name": shop.name("category"), "hierarchy": 0}).json
    campaign = shop.programme(category=category["name"])
    shown = {
        expand: _named(client.get(f"/v1/loyalties?{expand}")["campaigns"], campaign.id) for expand in ("", "expand=category")
    }
    assert [one["categories"] for one in shown.values()] == [[], [category]]


def _named(rows: list[Any], id: str) -> Any:
    return next(row for row in rows if row["id"] == id)


def test_customers_from_an_instant_on(client: Client, shop: Shop) -> None:
    """`starting_after` goes on in the direction of the order: earlier as a rule, later in a list that rises by an instant."""
    tag = shop.name("same")
    made = [shop.customer(name=tag) for _ in range(4)]
    at = [client.get(f"/v1/customers/{one.id}")["created_at"] for one in made]
    path = f"/v1/customers?name={tag}"
    assert _ids(client.get(f"{path}&starting_after={at[2]}")["customers"]) == [made[1].id, made[0].id]
    assert _ids(client.get(f"{path}&order=created_at&starting_after={at[1]}")["customers"]) == [made[2].id, made[3].id]
