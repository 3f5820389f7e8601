"""Refusals, and requests that repeat: status, key, path of the bad field, and the bytes of a replay."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.official import Answer, Client
from tests.acceptance.shop import FIXED_TEN, Shop


def refused(answer: Answer, status: int, key: str) -> Any:
    """The body of a refusal, which names its status, its key and the request (semantics §12)."""
    assert answer.headers["content-type"].startswith("application/json"), answer
    assert answer.status == status, answer
    body = answer.json
    assert (body["code"], body["key"]) == (status, key), answer
    assert re.fullmatch(r"v-[0-9a-f]{18}", body["request_id"])
    assert body["message"]
    return body


@pytest.mark.parametrize(
    "headers",
    [{"X-App-Token": ""}, {"X-App-Id": ""}, {"X-App-Token": "wrong"}, {"X-App-Id": "wrong"}, {"X-App-Id": "", "X-App-Token": ""}],
)
@pytest.mark.parametrize("path", ["/v1/customers", "/v1/loyalties"])
def test_a_key_that_is_not_right_is_refused(client: Client, path: str, headers: dict[str, str]) -> None:
    """Missing or wrong: 401 `unauthorized` (semantics §12)."""
    answer = client.send("GET", path, headers=headers)
    assert (answer.status, answer.json["code"], answer.json["key"]) == (401, 401, "unauthorized")


@pytest.mark.parametrize(
    ("method", "path", "resource_type", "resource_id"),
    [
        ("GET", "/v1/customers/cust_none", "customer", "cust_none"),
        ("PUT", "/v1/customers/cust_none", "customer", "cust_none"),
        ("DELETE", "/v1/customers/cust_none", "customer", "cust_none"),
        ("GET", "/v1/orders/ord_none", "order", "ord_none"),
        ("PUT", "/v1/orders/ord_none", "order", "ord_none"),
        ("GET", "/v1/loyalties/camp_none", "campaign", "camp_none"),
        ("PUT", "/v1/loyalties/camp_none", "campaign", "camp_none"),
        ("DELETE", "/v1/loyalties/camp_none", "campaign", "camp_none"),
        ("GET", "/v1/loyalties/camp_none/members", "campaign", "camp_none"),
        ("GET", "/v1/loyalties/camp_none/earning-rules", "campaign", "camp_none"),
        ("GET", "/v1/loyalties/camp_none/tiers", "campaign", "camp_none"),
        ("GET", "/v1/loyalties/members/none", "voucher", "none"),
        ("GET", "/v1/loyalties/members/none/transactions", "voucher", "none"),
        ("GET", "/v1/loyalties/members/none/tiers", "voucher", "none"),
        ("GET", "/v1/vouchers/none", "voucher", "none"),
        ("POST", "/v1/campaigns/camp_none/disable", "campaign", "camp_none"),
    ],
)
def test_what_is_not_there_is_not_found(client: Client, method: str, path: str, resource_type: str, resource_id: str) -> None:
    """404 `not_found` says what was looked for (semantics §12)."""
    body = refused(client.ask(method, path, {} if method == "PUT" else None), 404, "not_found")
    assert (body["message"], body["details"]) == ("Resource not found", f"Cannot find {resource_type} with id {resource_id}")
    assert (body["resource_type"], body["resource_id"]) == (resource_type, resource_id)


def test_a_rule_and_a_tier_that_are_not_there(client: Client, shop: Shop) -> None:
    """Inside a programme the 404 names the rule or the tier."""
    campaign = shop.programme()
    for method, path, kind in (
        ("GET", "earning-rules/ern_none", "earning_rule"),
        ("PUT", "earning-rules/ern_none", "earning_rule"),
        ("DELETE", "earning-rules/ern_none", "earning_rule"),
        ("POST", "earning-rules/ern_none/enable", "earning_rule"),
        ("GET", "tiers/ltr_none", "loyalty_tier"),
    ):
        answer = client.ask(method, f"/v1/loyalties/{campaign.id}/{path}", {} if method == "PUT" else None)
        assert refused(answer, 404, "not_found")["resource_type"] == kind


def test_a_name_that_is_taken(client: Client, shop: Shop) -> None:
    """A second campaign of a name is refused with 409 (openapi create-loyalty-program)."""
    campaign = shop.programme()
    body = {"name": campaign.name, "type": "AUTO_UPDATE", "voucher": {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}}}
    refusal = refused(client.ask("POST", "/v1/loyalties", body), 409, "duplicate_found")
    assert (refusal["message"], refusal["details"]) == (
        "Duplicated resource found",
        f"Duplicated campaign exists with name {campaign.name}",
    )
    assert (refusal["resource_id"], refusal["resource_type"]) == (campaign.name, "campaign")


MANY_KEYS = {str(number): 1 for number in range(101)}
EMPTY_CARD = {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}}

MALFORMED: list[tuple[str, Any, str]] = [
    ("/v1/customers", {"name": 5}, ".name"),
    ("/v1/customers", {"metadata": []}, ".metadata"),
    ("/v1/customers", {"birthdate": "28 February"}, ".birthdate"),
    ("/v1/customers", {"address": {"city": 1}}, ".address.city"),
    ("/v1/orders", {"status": "LOST"}, ".status"),
    ("/v1/orders", {"amount": "100"}, ".amount"),
    ("/v1/orders", {"amount": 1.5}, ".amount"),
    ("/v1/orders", {"amount": -1}, ".amount"),
    ("/v1/orders", {"amount": 10**12 + 1}, ".amount"),
    ("/v1/orders", {"items": {}}, ".items"),
    ("/v1/orders", {"items": [{"quantity": 1}, {"quantity": "x"}]}, ".items[1].quantity"),
    ("/v1/orders", {"items": [{"quantity": 10**6 + 1}]}, ".items[0].quantity"),
    ("/v1/orders", {"items": [{"quantity": 1}] * 501}, ".items"),
    ("/v1/orders", {"customer": 5}, ".customer"),
    ("/v1/orders", {"metadata": MANY_KEYS}, ".metadata"),
    ("/v1/customers", {"metadata": MANY_KEYS}, ".metadata"),
    ("/v1/loyalties", {"name": "too many keys", "voucher": EMPTY_CARD, "metadata": MANY_KEYS}, ".metadata"),
    ("/v1/loyalties", {"type": "AUTO_UPDATE", "voucher": {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}}}, ".name"),
    (
        "/v1/loyalties",
        {"name": "x", "type": "AUTO_UPDATE", "voucher": {"type": "LOYALTY_CARD", "loyalty_card": {"points": -1}}},
        ".points",
    ),
]


@pytest.mark.parametrize(
    ("path", "body", "field"), MALFORMED, ids=[f"{row[0]} {row[2]} {number}" for number, row in enumerate(MALFORMED)]
)
def test_a_bad_field_is_named(client: Client, path: str, body: Any, field: str) -> None:
    """400 `invalid_payload` with the path of the field (semantics §12; bounds of decision 48)."""
    assert field in refused(client.ask("POST", path, body), 400, "invalid_payload")["details"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b'{"name": "a", "name": "b"}',
        b'{"name": "\\u0000"}',
        b'{"name": "\\ud800"}',
        b'{"name": "\xff"}',
        b'{"metadata": {"n": 9007199254740993}}',
        b'{"metadata": {"n": NaN}}',
        b'{"metadata": ' + b'{"a":' * 21 + b"1" + b"}" * 22,
    ],
)
def test_what_no_parser_should_see_is_refused(client: Client, body: bytes) -> None:
    """Broken JSON, and JSON that parsers read differently, stops at the door (decision 47)."""
    assert client.send("POST", "/v1/customers", body).status == 400


def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    """More than 1 MB is not read (decision 48)."""
    body = json.dumps({"name": "x" * 1_100_000}).encode()
    assert client.send("POST", "/v1/customers", body).status in (400, 413)


def test_a_malformed_rule_is_refused(client: Client, shop: Shop) -> None:
    """A formula without its configuration says which one is missing (openapi create-earning-rule)."""
    campaign = shop.programme()
    path = f"/v1/loyalties/{campaign.id}/earning-rules"
    loyalty = {"type": "PROPORTIONAL", "calculation_type": "ORDER_TOTAL_AMOUNT", "order": {"amount": {"every": 1, "points": 1}}}
    body = refused(client.ask("POST", path, [{"event": "order.paid", "loyalty": loyalty}]), 400, "invalid_payload")
    assert "total_amount" in body["details"]
    good = {"event": "order.paid", "loyalty": FIXED_TEN}
    bad: list[Any] = [
        {"event": "order.paid"},
        {"event": "order.paid", "loyalty": {"type": "FIXED"}},
        {"event": "order.paid", "loyalty": {"type": "SQUARE", "points": 1}},
        {"event": "order.paid", "loyalty": {"type": "FIXED", "points": 10**9 + 1}},
        {
            "event": "order.paid",
            "loyalty": {
                "type": "PROPORTIONAL",
                "calculation_type": "ORDER_AMOUNT",
                "order": {"amount": {"every": 0, "points": 1}},
            },
        },
    ]
    for rule in bad:
        refused(client.ask("POST", path, [good, rule]), 400, "invalid_payload")
    assert client.get(path)["total"] == 0


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=ten", "page=0", "order=colour"])
def test_a_bad_query_is_refused(client: Client, query: str) -> None:
    """Paging has limits from 1 to 100, pages from 1, and known orders (semantics §12)."""
    refused(client.ask("GET", f"/v1/customers?{query}"), 400, "invalid_query_params")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/rewards"),
        ("POST", "/v1/redemptions"),
        ("POST", "/v1/qualifications"),
        ("GET", "/v1/segments"),
        ("POST", "/v1/events"),
    ],
)
def test_what_is_not_built_says_so(client: Client, method: str, path: str) -> None:
    """A path of the v1 API that is not built yet is 501 `not_implemented`, not a 404 that looks like a mistake."""
    refused(client.ask(method, path, {} if method == "POST" else None), 501, "not_implemented")


def test_redeeming_a_card_is_not_built(client: Client, shop: Shop) -> None:
    """So are the parts of a card that are not built."""
    card = shop.join(shop.programme().id)
    refused(client.ask("POST", f"/v1/loyalties/members/{card.code}/redemption", {}), 501, "not_implemented")


@pytest.mark.parametrize("path", ["/v1/nonsense", "/v2/customers", "/v1", "/customers", "/management/v1/nonsense"])
def test_a_path_that_nobody_knows(client: Client, path: str) -> None:
    """A path of no API at all is a plain 404."""
    answer = client.ask("GET", path)
    assert answer.status == 404


# --- requests that repeat ---


def test_a_repeated_request_gets_the_same_bytes(client: Client, shop: Shop) -> None:
    """Same key, same body: the answer of the first time, marked, whatever happened since (decision 32)."""
    key, source_id = shop.name("key"), shop.name("customer")
    body = {"source_id": source_id, "name": "First"}
    first = client.ask("POST", "/v1/customers", body, Idempotency_Key=key)
    assert first.status == 200
    assert "idempotency-replayed" not in first.headers
    shop.customer(source_id=source_id, name="Second")
    again = client.ask("POST", "/v1/customers", body, Idempotency_Key=key)
    assert (again.status, again.body, again.headers["idempotency-replayed"]) == (first.status, first.body, "true")
    assert client.customers.get_customer(source_id).name == "Second"
    unkeyed = client.ask("POST", "/v1/customers", body)
    assert (unkeyed.json["name"], "idempotency-replayed" in unkeyed.headers) == ("First", False)


def test_a_repeated_key_with_another_body_is_refused(client: Client, shop: Shop) -> None:
    """The raw body decides: even a space more is another request (decision 32)."""
    key = shop.name("key")
    body = b'{"source_id":"%s"}' % shop.name("customer").encode()
    assert client.send("POST", "/v1/customers", body, {"Idempotency-Key": key}).status == 200
    refused(client.send("POST", "/v1/customers", body + b" ", {"Idempotency-Key": key}), 409, "idempotency_key_reused")
    assert client.send("POST", "/v1/customers", body, {"Idempotency-Key": key}).headers["idempotency-replayed"] == "true"


def test_a_key_belongs_to_its_path(client: Client, shop: Shop) -> None:
    """The same key on another path or method is another request (decision 32)."""
    key = shop.name("key")
    customer = shop.customer()
    assert client.ask("POST", "/v1/orders", {"amount": 1}, Idempotency_Key=key).status == 200
    for method, path in (("POST", "/v1/customers"), ("PUT", f"/v1/customers/{customer.id}")):
        answer = client.ask(method, path, {"name": "X"}, Idempotency_Key=key)
        assert (answer.status, "idempotency-replayed" in answer.headers) == (200, False)


def test_a_refusal_is_repeated_too(client: Client, shop: Shop) -> None:
    """A 4xx is kept like a 2xx: joining again with the key gets the refusal, even when a card could be had (decision 32)."""
    campaign = shop.programme(type="STATIC", vouchers_count=1)
    card = shop.join(campaign.id)
    path, key = f"/v1/loyalties/{campaign.id}/members", shop.name("key")
    body = {"customer": {"id": card.holder_id}}
    first = client.ask("POST", path, body, Idempotency_Key=key)
    refused(first, 400, "voucher_cannot_be_published")
    again = client.ask("POST", path, body, Idempotency_Key=key)
    assert (again.status, again.body, again.headers["idempotency-replayed"]) == (400, first.body, "true")


def test_the_same_key_at_the_same_time(client: Client, shop: Shop) -> None:
    """Orders without a source id: eight at once with one key make one order, one award, one body (decision 32)."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    card = shop.join(campaign.id)
    body = json.dumps({"status": "PAID", "amount": 1, "customer": {"id": card.holder_id}}).encode()
    key = shop.name("key")

    def send(_: int) -> Answer:
        return client.send("POST", "/v1/orders", body, {"Idempotency-Key": key})

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(8)))
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert shop.points(card.code) == 10


def test_a_key_has_a_length(client: Client, shop: Shop) -> None:
    """Up to 255 characters (decision 32)."""
    body = {"source_id": shop.name("customer")}
    assert client.ask("POST", "/v1/customers", body, Idempotency_Key="k" * 255).status == 200
    assert client.ask("POST", "/v1/customers", body, Idempotency_Key="k" * 256).status == 400


@pytest.mark.parametrize(
    ("path", "allowed"), [("/v1/orders", "GET, OPTIONS, POST"), ("/v1/vouchers/some", "DELETE, GET, OPTIONS, POST, PUT")]
)
def test_a_method_that_a_path_does_not_take(client: Client, path: str, allowed: str) -> None:
    """405 names the methods that it takes (RFC 9110), and so does OPTIONS."""
    answer = client.ask("TRACE", path)
    refused(answer, 405, "method_not_allowed")
    asked = client.ask("OPTIONS", path)
    assert asked.status == 204
    for one in (answer, asked):
        assert sorted(one.headers["allow"].split(", ")) == allowed.split(", ")
