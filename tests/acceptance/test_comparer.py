"""The comparer of documents sees every kind of difference, and only differences."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.comparer import compare

Change = Callable[[dict[str, Any]], None]

EXPECTED: dict[str, Any] = {
    "transaction": {
        "id": "vtx_0f1ad36b8992670da4",
        "source_id": None,
        "points": 10,
        "created_at": "2024-07-24T10:51:30.608Z",
    },
    "voucher": {
        "id": "v_9st8n1XRtoeBz85LPi7P9BCnKJS5OIIY",
        "code": "8KBUE0M6",
        "active": True,
        "next_expiration_date": "2025-07-24",
        "created_at": "2024-07-24T09:48:32.358000Z",
        "updated_at": "2024-07-24T10:51:30.608421Z",
        "qr": {"id": "8c63e9eb-576f-4cc8-91df-b6797b6de8c6", "url": "{{voucher_qr_code.url}}"},
        "publish": {"url": "/v1/vouchers/8KBUE0M6/publications?page=1&limit=10"},
    },
    "holder": {"id": "cust_PL4iqfS8K5Ej2LuBNV1RqlfJ"},
    "owner": {"id": "cust_PL4iqfS8K5Ej2LuBNV1RqlfJ"},
    "referrer": {"id": "cust_IdgAFZxYwwHctOk9pPuMu308"},
    "items": [{"product_id": "prod_5h1pp1ng", "metadata": {}}],
}


def answer() -> dict[str, Any]:
    """Build a document with names and instants of its own that is what EXPECTED asks for."""
    came = copy.deepcopy(EXPECTED)
    came["transaction"] |= {"id": "vtx_1a2b3c4d5e6f708192", "created_at": "2024-07-24T10:51:29.673Z"}
    came["voucher"] |= {
        "id": "v_00000000000000000000000000000001",
        "code": "aB3dE5gH",
        "created_at": "2024-07-24T09:48:32.573Z",
        "updated_at": "2024-07-24T10:51:29.673Z",
        "qr": {"id": "00000000-0000-4000-8000-000000000001", "url": "http://127.0.0.1:8000/assets/qr/1"},
        "publish": {"url": "/v1/vouchers/aB3dE5gH/publications?page=1&limit=10"},
    }
    came["holder"] = came["owner"] = {"id": "cust_000000000000000000000001"}
    came["referrer"] = {"id": "cust_000000000000000000000002"}
    return came


def test_other_names_and_instants_are_no_difference() -> None:
    """A document is right when its names have the right forms and its instants the right order."""
    assert compare(EXPECTED, answer()) == []


def test_a_document_equals_itself_once_its_instants_have_milliseconds() -> None:
    """Microseconds of the expected document are cut: what came must show milliseconds."""
    came = copy.deepcopy(EXPECTED)
    came["voucher"] |= {"created_at": "2024-07-24T09:48:32.358Z", "updated_at": "2024-07-24T10:51:30.608Z"}
    came["voucher"]["qr"]["url"] = "https://cards.example/qr.png"
    assert compare(EXPECTED, came) == []


def _at(*keys: Any, value: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


def _without(*keys: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return change


TABLE: list[tuple[str, Change, list[str]]] = [
    ("another number", _at("transaction", "points", value=11), ["$.transaction.points: expected 10, came 11"]),
    ("a fraction for a whole number", _at("transaction", "points", value=10.0), ["$.transaction.points: expected 10, came 10.0"]),
    ("a text for a number", _at("transaction", "points", value="10"), ["$.transaction.points: expected 10, came '10'"]),
    ("a number for a truth", _at("voucher", "active", value=1), ["$.voucher.active: expected True, came 1"]),
    ("a truth for a number", _at("transaction", "points", value=True), ["$.transaction.points: expected 10, came True"]),
    ("a text for a null", _at("transaction", "source_id", value=""), ["$.transaction.source_id: expected None, came ''"]),
    ("a null for an object", _at("holder", value=None), [f"$.holder: expected {EXPECTED['holder']!r}, came None"]),
    ("a missing null", _without("transaction", "source_id"), ["$.transaction.source_id: missing"]),
    ("a missing object", _without("referrer"), ["$.referrer: missing"]),
    ("a key too many", _at("transaction", "reason", value=None), ["$.transaction.reason: not expected"]),
    ("an element too many", _at("items", value=[*EXPECTED["items"], {}]), ["$.items: expected 1 elements, came 2"]),
    ("an element too few", _at("items", value=[]), ["$.items: expected 1 elements, came 0"]),
    (
        "a filled object for an empty one",
        _at("items", 0, "metadata", value={"a": 1}),
        ["$.items[0].metadata.a: not expected"],
    ),
    (
        "another name that the request gave",
        _at("items", 0, "product_id", value="prod_5h1pp1nG"),
        ["$.items[0].product_id: expected 'prod_5h1pp1ng', came 'prod_5h1pp1nG'"],
    ),
    (
        "another local date",
        _at("voucher", "next_expiration_date", value="2025-07-25"),
        ["$.voucher.next_expiration_date: expected '2025-07-24', came '2025-07-25'"],
    ),
    (
        "an id with another prefix",
        _at("referrer", "id", value="camp_000000000000000000000002"),
        ["$.referrer.id: expected 'the form of cust_IdgAFZxYwwHctOk9pPuMu308', came 'camp_000000000000000000000002'"],
    ),
    (
        "an id that is too short",
        _at("transaction", "id", value="vtx_1a2b3c4d5e6f70819"),
        ["$.transaction.id: expected 'the form of vtx_0f1ad36b8992670da4', came 'vtx_1a2b3c4d5e6f70819'"],
    ),
    (
        "an id of another alphabet",
        _at("transaction", "id", value="vtx_1A2B3C4D5E6F708192"),
        ["$.transaction.id: expected 'the form of vtx_0f1ad36b8992670da4', came 'vtx_1A2B3C4D5E6F708192'"],
    ),
    (
        "two ids where one is expected",
        _at("owner", value={"id": "cust_000000000000000000000003"}),
        ["$.owner.id: expected 'cust_000000000000000000000001', came 'cust_000000000000000000000003'"],
    ),
    (
        "one id where two are expected",
        _at("referrer", "id", value="cust_000000000000000000000001"),
        [
            (
                "$.referrer.id: 'cust_000000000000000000000001' stands for 'cust_PL4iqfS8K5Ej2LuBNV1RqlfJ' "
                "and for 'cust_IdgAFZxYwwHctOk9pPuMu308'"
            )
        ],
    ),
    (
        "a code of another length",
        _at("voucher", "code", value="aB3dE5g"),
        [
            "$.voucher.code: expected 'the form of 8KBUE0M6', came 'aB3dE5g'",
            (
                "$.voucher.publish.url: expected '/v1/vouchers/8KBUE0M6/publications?page=1&limit=10', "
                "came '/v1/vouchers/aB3dE5gH/publications?page=1&limit=10'"
            ),
        ],
    ),
    (
        "a URL with another code",
        _at("voucher", "publish", "url", value="/v1/vouchers/8KBUE0M6/publications?page=1&limit=10"),
        [
            (
                "$.voucher.publish.url: expected '/v1/vouchers/aB3dE5gH/publications?page=1&limit=10', "
                "came '/v1/vouchers/8KBUE0M6/publications?page=1&limit=10'"
            )
        ],
    ),
    (
        "no URL where a picture is",
        _at("voucher", "qr", "url", value="{{voucher_qr_code.url}}"),
        ["$.voucher.qr.url: expected 'a URL', came '{{voucher_qr_code.url}}'"],
    ),
    (
        "a picture's id that is no UUID",
        _at("voucher", "qr", "id", value="1"),
        ["$.voucher.qr.id: expected 'the form of 8c63e9eb-576f-4cc8-91df-b6797b6de8c6', came '1'"],
    ),
    (
        "an instant with microseconds",
        _at("voucher", "created_at", value="2024-07-24T09:48:32.358000Z"),
        ["$.voucher.created_at: expected 'an instant with milliseconds', came '2024-07-24T09:48:32.358000Z'"],
    ),
    (
        "an instant with an offset",
        _at("voucher", "created_at", value="2024-07-24T09:48:32.358+00:00"),
        ["$.voucher.created_at: expected 'an instant with milliseconds', came '2024-07-24T09:48:32.358+00:00'"],
    ),
    (
        "an instant that is another one where two are the same",
        _at("voucher", "updated_at", value="2024-07-24T10:51:29.674Z"),
        [
            (
                "$.transaction.created_at is before $.voucher.updated_at, expected at the time of "
                "(2024-07-24T10:51:29.673Z, 2024-07-24T10:51:29.674Z)"
            )
        ],
    ),
    (
        "the same instant where one is before another",
        _at("voucher", "created_at", value="2024-07-24T10:51:29.673Z"),
        [
            (
                "$.transaction.created_at is at the time of $.voucher.created_at, expected after "
                "(2024-07-24T10:51:29.673Z, 2024-07-24T10:51:29.673Z)"
            ),
            (
                "$.voucher.created_at is at the time of $.voucher.updated_at, expected before "
                "(2024-07-24T10:51:29.673Z, 2024-07-24T10:51:29.673Z)"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("change", "differences"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_each_difference_is_said(change: Change, differences: list[str]) -> None:
    """Each kind of difference is said once, with the path where it is."""
    came = answer()
    change(came)
    assert compare(EXPECTED, came) == differences


def _golden(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / name).read_text())
    return document


def _as_answered(value: Any) -> Any:
    """Cut instants to milliseconds and put a code and URLs where the document has none of ours."""
    if isinstance(value, dict):
        return {key: "L0y4L000" if item == "L0y4L" else _as_answered(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_answered(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"(\.\d{3})\d{3}Z$", r"\1Z", re.sub(r"^\{\{(\w+)\.url\}\}$", r"http://127.0.0.1/\1", value))
    return value


def _places(value: Any, *path: Any) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in pairs for place in ((*path, key), *_places(item, *path, key))]


@pytest.mark.parametrize("name", ["customer.rewarded.loyalty_points.json", "voucher.loyalty_card.transaction.created.json"])
def test_no_place_of_a_golden_document_may_be_missing_or_false(name: str) -> None:
    """Each key and each element of the documents counts: taken away or replaced, it is a difference."""
    expected = _golden(name)
    came = _as_answered(expected)
    assert compare(expected, came) == []
    for place in _places(expected):
        for change in (_without(*place), _at(*place, value={"another": "thing"})):
            spoilt = copy.deepcopy(came)
            change(spoilt)
            assert compare(expected, spoilt), place
