"""Exports: asked for, waited for, downloaded, and compared with what the lists say."""

import csv
import io
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import voucherify

from tests.acceptance.official import Answer, Client
from tests.acceptance.process import Server
from tests.acceptance.shop import FIXED_TEN, Shop

WAIT_SECONDS = 10

Rows = list[dict[str, str]]


def _finished(client: Client, export_id: str) -> Any:
    """Wait until the file is there."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (export := client.get(f"/v1/exports/{export_id}"))["status"] in ("SCHEDULED", "IN_PROGRESS"):
        assert time.monotonic() < deadline, export
        time.sleep(0.02)
    return export


def _download(client: Client, export: Any) -> Answer:
    """What the address in `result` gives, to somebody who has no key."""
    url = urlsplit(export["result"]["url"])
    return client.send("GET", f"{url.path}?{url.query}", headers={"X-App-Id": "", "X-App-Token": ""})


def _rows(client: Client, asked: Any) -> Rows:
    """The rows of the file that this answer promised."""
    export_id = asked["id"] if isinstance(asked, dict) else asked.id
    export = _finished(client, export_id)
    assert export["status"] == "DONE"
    answer = _download(client, export)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))


def _export(client: Client, exported_object: str, **parameters: Any) -> Rows:
    answer = client.ask("POST", "/v1/exports", {"exported_object": exported_object, "parameters": parameters})
    assert answer.status == 200, answer
    return _rows(client, answer.json)


@pytest.fixture
def programme(shop: Shop) -> Any:
    """A programme with a rule."""
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    return campaign


def _said(transaction: dict[str, Any]) -> dict[str, str]:
    """A transaction of the list as a line of the file shows it."""
    shown = {
        "ID": transaction["id"],
        "Type": transaction["type"],
        "Reason": transaction["reason"],
        "Balance": str(transaction["details"]["balance"]["balance"]),
        "Amount": str(transaction["details"]["balance"]["points"]),
        "Created At": transaction["created_at"],
    }
    return {name: value or "" for name, value in shown.items()}


COLUMNS = ["id", "type", "reason", "balance", "amount", "created_at"]


def test_the_transactions_of_a_card_are_those_of_its_list(client: Client, shop: Shop, programme: Any) -> None:
    """Through the typed client, by both paths and as a voucher; with reasons that CSV has to quote."""
    card = shop.join(programme.id)
    shop.pay(card.holder_id)
    for points, reason in ((5, 'a "gift", of\r\nours'), (-3, "zażółć 🎈"), (1, None)):
        said = {"points": points} | ({"reason": reason} if reason else {})
        assert client.ask("POST", f"/v1/loyalties/members/{card.code}/balance", said).status == 200
    listed = client.get(f"/v1/loyalties/members/{card.code}/transactions?limit=100&order=id")["data"]
    body = voucherify.LoyaltiesMembersTransactionsExportCreateRequestBody.model_validate(
        {"parameters": {"order": "created_at", "fields": COLUMNS}}
    )
    asked = client.loyalties.export_loyalty_card_transactions(card.code, body)
    assert _rows(client, asked) == [_said(one) for one in listed]
    for path in (f"loyalties/{programme.id}/members/{card.code}", f"vouchers/{card.code}"):
        answer = client.ask(
            "POST", f"/v1/{path}/transactions/export", {"parameters": {"order": "-created_at", "fields": COLUMNS}}
        )
        assert _rows(client, answer.json) == [_said(one) for one in listed[::-1]]


def test_what_is_answered_at_once(client: Client, shop: Shop, programme: Any) -> None:
    """The documented keys; the parameters as they were sent, with the path's campaign or card among the filters."""
    card = shop.join(programme.id)
    for path, filters in (
        (f"loyalties/{programme.id}", {"campaign_id": {"conditions": {"$in": [programme.id]}}}),
        (f"loyalties/members/{card.code}", {"voucher_id": {"conditions": {"$in": [card.code]}}}),
    ):
        answer = client.ask("POST", f"/v1/{path}/transactions/export")
        assert answer.json == {
            "id": answer.json["id"],
            "object": "export",
            "created_at": answer.json["created_at"],
            "status": "SCHEDULED",
            "channel": "API",
            "exported_object": "voucher_transactions",
            "parameters": {"filters": filters},
            "result": None,
            "user_id": None,
        }
    after = {"created_at": {"conditions": {"$after": ["2024-10-01T00:00:00.000Z"]}}}
    body = {"order": "-created_at", "parameters": {"fields": ["id", "type"], "filters": after}}
    answer = client.ask("POST", f"/v1/loyalties/{programme.id}/transactions/export", body)
    own = {"campaign_id": {"conditions": {"$in": [programme.id]}}}
    assert answer.json["parameters"] == {"fields": ["id", "type"], "filters": {"junction": "AND", **after, **own}}


def test_a_campaign_s_transactions_with_filters(client: Client, shop: Shop, programme: Any) -> None:
    """Only those of the campaign, whatever the junction of the filters."""
    card, other = shop.join(programme.id), shop.join(shop.programme().id)
    for code in (card.code, card.code, other.code):
        assert client.ask("POST", f"/v1/loyalties/members/{code}/balance", {"points": 7}).status == 200
    shop.pay(card.holder_id)
    path = f"/v1/loyalties/{programme.id}/transactions/export"
    filters = {
        "junction": "or",
        "amount": {"conditions": {"$is": 7}},
        "type": {"conditions": {"$is": "POINTS_ACCRUAL"}},
    }
    asked = client.ask("POST", path, {"parameters": {"order": "created_at", "fields": ["type", "amount"], "filters": filters}})
    expected = [("POINTS_ADDITION", "7"), ("POINTS_ADDITION", "7"), ("POINTS_ACCRUAL", "10")]
    assert [(row["Type"], row["Amount"]) for row in _rows(client, asked.json)] == expected


def test_default_columns(client: Client, shop: Shop, programme: Any) -> None:
    """As documented, for each kind of object."""
    card = shop.join(programme.id)
    shop.pay(card.holder_id)
    for exported_object, header in {
        "order": ["ID", "Source ID", "Status"],
        "voucher": ["Code", "Voucher Type", "Value", "Discount Type"],
        "publication": ["Code", "Customer ID", "Date", "Channel"],
        "customer": ["Name", "Source ID"],
        "points_expiration": ["ID", "Campaign ID", "Voucher ID", "Status", "Expires At", "Points"],
        "voucher_transactions": ["ID", "Type", "Source ID", "Status", "Reason", "Source", "Balance", "Amount", "Created At"],
    }.items():
        assert list(_export(client, exported_object)[0]) == header


def test_cards_and_when_their_points_expire(client: Client, shop: Shop) -> None:
    """Points of cards as the list of members has them; lots as the list of points that expire."""
    campaign = shop.programme(points=4)
    codes = [shop.join(campaign.id).code for _ in range(3)]
    said = {"points": 5, "expiration_type": "CUSTOM_DATE", "expiration_date": "2090-02-03"}
    assert client.ask("POST", f"/v1/loyalties/members/{codes[1]}/balance", said).status == 200
    fields = ["code", "value", "loyalty_balance", "redemption_count", "active", "customer_id", "campaign", "gift_balance"]
    rows = _export(client, "voucher", campaign_id=campaign.id, order="created_at", fields=fields)
    members = client.get(f"/v1/loyalties/{campaign.id}/members?order=created_at")["vouchers"]
    assert rows == [
        {
            "Code": one["code"],
            "Value": str(one["loyalty_card"]["balance"]),
            "Loyalty Balance": str(one["loyalty_card"]["balance"]),
            "Redemption Count": "0",
            "Active": "true",
            "Customer ID": one["holder_id"],
            "Campaign": campaign.name,
            "Gift Balance": "",
        }
        for one in members
    ]
    asked = client.loyalties.create_points_expiration_export(campaign.id)
    lots = _rows(client, asked)
    assert [(row["Expires At"], row["Points"], row["Status"]) for row in lots] == [("", "4", "ACTIVE")] * 3 + [
        ("2090-02-03", "5", "ACTIVE")
    ]
    listed = client.get(f"/v1/loyalties/{campaign.id}/members/{codes[1]}/points-expiration")["data"]
    assert {one["id"] for one in listed} == {row["ID"] for row in lots if row["Voucher ID"] == members[1]["id"]}


def test_orders_with_metadata(client: Client, shop: Shop) -> None:
    """`metadata` is a column for each property, `metadata.x` that one; amounts are minor units; filters as documented."""
    tag = shop.name("order")
    shop.order(source_id=f"{tag}-1", amount=200_000, discount_amount=150_000, metadata={"tag": tag, "paid_by": "card"})
    shop.order(source_id=f"{tag}-2", amount=5, metadata={"tag": tag, "2": [1, {"a": None}], "gift": True})
    shop.order(source_id=f"{tag}-3", amount=7)
    own = {"metadata.tag": {"conditions": {"$is": tag}}}
    rows = _export(client, "order", order="created_at", fields=["source_id", "amount", "metadata"], filters=own)
    assert rows == [
        {
            "Source ID": f"{tag}-1",
            "Amount": "200000",
            "metadata.2": "",
            "metadata.gift": "",
            "metadata.paid_by": "card",
            "metadata.tag": tag,
        },
        {
            "Source ID": f"{tag}-2",
            "Amount": "5",
            "metadata.2": '[1,{"a":null}]',
            "metadata.gift": "true",
            "metadata.paid_by": "",
            "metadata.tag": tag,
        },
    ]
    body = voucherify.OrdersExportCreateRequestBody.model_validate(
        {"parameters": {"fields": ["source_id"], "order": "-updated_at"}}
    )
    typed = client.orders.create_order_export(body)
    assert f"{tag}-3" in {row["Source ID"] for row in _rows(client, typed)}
    filters = own | {"discount_amount": {"conditions": {"$more_than": 100000}}}
    asked = client.ask(
        "POST", "/v1/orders/export", {"parameters": {"fields": ["source_id", "metadata.paid_by"], "filters": filters}}
    )
    assert _rows(client, asked.json) == [{"Source ID": f"{tag}-1", "metadata.paid_by": "card"}]


def test_customers(client: Client, shop: Shop, programme: Any) -> None:
    """With address, orders and points."""
    source_id = shop.name("customer")
    address = {"city": "Łódź", "line_1": "Piotrkowska 1", "postal_code": "90-001", "country": "PL"}
    shop.customer(source_id=source_id, email="a@example.com", birthdate="1990-02-28", address=address)
    card = shop.join(programme.id, source_id)
    shop.pay(card.holder_id, amount=2_500)
    fields = ["id", "email", "birthdate", "address_city", "address_state", "loyalty_points", "orders_total_amount"]
    filters = {"source_id": {"conditions": {"$is": source_id}}, "city": {"conditions": {"$is": "Łódź"}}}
    assert _export(client, "customer", fields=[*fields, "orders_average_amount"], filters=filters) == [
        {
            "ID": card.holder_id,
            "Email": "a@example.com",
            "Birthdate": "1990-02-28",
            "Address City": "Łódź",
            "Address State": "",
            "Loyalty Points": "10",
            "Orders Total Amount": "2500",
            "Orders Average Amount": "2500",
        }
    ]


def test_the_list_of_exports(client: Client) -> None:
    """Newest first, in pages, through the typed client too; a deleted one is gone."""
    before = client.get("/v1/exports")["total"]
    ids = [client.ask("POST", "/v1/exports", {"exported_object": "order"}).json["id"] for _ in range(3)]
    for export_id in ids:
        _finished(client, export_id)
    listed = client.get("/v1/exports?limit=2")
    assert (listed["data_ref"], listed["total"], [one["id"] for one in listed["exports"]]) == ("exports", before + 3, ids[:0:-1])
    typed = client.exports.list_exports(limit=3, order="-created_at")  # its models do not know the documented `metadata.x`
    assert [one.id for one in typed.exports] == ids[::-1]
    assert client.exports.get_export(ids[0]).status == "DONE"
    assert client.exports.delete_export(ids[0]) is None
    with pytest.raises(voucherify.exceptions.NotFoundException):
        client.exports.get_export(ids[0])
    assert client.get("/v1/exports")["total"] == before + 2
    answer = client.ask("DELETE", f"/v1/exports/{ids[0]}")
    assert (answer.status, answer.json["resource_type"], answer.json["resource_id"]) == (404, "export", ids[0])


def test_a_file_is_opened_by_its_token(client: Client, server: Server) -> None:
    """Through the typed client; a wrong token, another export's and that of a deleted one are 401 in the documented shape."""
    first, second = (_finished(client, client.ask("POST", "/v1/exports", {"exported_object": "order"}).json["id"]) for _ in "ab")
    token = first["result"]["url"].partition("token=")[2]
    assert first["result"]["url"].startswith(f"{server.url}/v1/exports/{first['id']}?token=")
    text = client.exports.download_export(first["id"], token=token)
    assert text.splitlines()[0] == "ID,Source ID,Status"
    for export_id, said in ((first["id"], "wrong"), (first["id"], token[:-1]), (second["id"], token), ("exp_none", token)):
        answer = client.send("GET", f"/v1/exports/{export_id}?token={said}", headers={"X-App-Id": "", "X-App-Token": ""})
        said_of_it = {name: answer.json[name] for name in ("code", "message", "key")}
        assert (answer.status, said_of_it) == (401, {"code": 401, "message": "Unauthorized", "key": "unauthorized"})
    assert client.ask("DELETE", f"/v1/exports/{first['id']}").status == 204
    assert _download(client, first).status == 401
    assert client.send("GET", f"/v1/exports/{second['id']}", headers={"X-App-Id": "", "X-App-Token": ""}).status == 401


ALLOWED = "voucher, customer, publication, order, points_expiration, voucher_transactions"
OF_ORDERS = (
    "id, source_id, status, customer_id, referrer_id, created_at, updated_at, amount, initial_amount, discount_amount, "
    "items_discount_amount, total_discount_amount, total_amount, metadata.*"
)
REFUSED = [
    (
        {"exported_object": "redemption_rollback"},
        "invalid_payload",
        f"Property .exported_object should be equal to one of the allowed values [ {ALLOWED} ]",
    ),
    ({}, "invalid_payload", "Property .exported_object is required"),
    (
        {"exported_object": "points_expiration", "parameters": {"fields": ["id", "colour"]}},
        "invalid_export_fields",
        "Unsupported field used. Allowed fields: id, campaign_id, voucher_id, points, status, expires_at",
    ),
    (
        {"exported_object": "points_expiration", "parameters": {"order": "-created_at"}},
        "invalid_payload",
        "Property .parameters.order must be one of: -expires_at, expires_at",
    ),
    (
        {"exported_object": "order", "parameters": {"filters": {"colour": {"conditions": {"$is": "red"}}}}},
        "invalid_payload",
        f"Property .parameters.filters.colour is not supported. Allowed fields: {OF_ORDERS}",
    ),
]


@pytest.mark.parametrize(("body", "key", "details"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_exported(client: Client, body: Any, key: str, details: str) -> None:
    """400, in the documented words where there are any."""
    answer = client.ask("POST", "/v1/exports", body)
    assert (answer.status, answer.json["key"], answer.json["details"]) == (400, key, details)


def test_an_unknown_operator_is_refused_in_the_documented_words(client: Client) -> None:
    """With all operators there are."""
    body = {"parameters": {"filters": {"amount": {"conditions": {"$larger": 5}}}}}
    answer = client.ask("POST", "/v1/orders/export", body)
    assert (answer.status, answer.json["key"]) == (400, "invalid_payload")
    begin = "Property .parameters.filters should match either `filters[${field}][conditions][${condition}][${index}]` or "
    assert answer.json["details"].startswith(begin)
    assert answer.json["details"].endswith("$before_start, $enabled, $disabled, $redeemed, $redeemable")


def test_whose_transactions_are_not_there(client: Client, shop: Shop, programme: Any) -> None:
    """404 for an unknown campaign and card, and for a card of another campaign."""
    card, other = shop.join(programme.id), shop.programme()
    for path, kind, key in (
        ("loyalties/camp_none", "campaign", "camp_none"),
        ("loyalties/members/nobody", "voucher", "nobody"),
        (f"loyalties/{other.id}/members/{card.code}", "voucher", card.code),
        ("vouchers/nobody", "voucher", "nobody"),
    ):
        answer = client.ask("POST", f"/v1/{path}/transactions/export")
        assert (answer.status, answer.json["resource_type"], answer.json["resource_id"]) == (404, kind, key)
