"""Cards that are brought along: as a JSON array, or as a CSV file."""

import csv
from collections.abc import Iterator
from typing import Any

from tallybook.api.call import Call, Route, Wish
from tallybook.domain.refusals import NotImplementedYet
from tallybook.usecases.import_cards import IMPORT, IMPORT_CSV, ImportCards, ImportFields, ImportType
from tallybook.wire.door import VALUES_LIMIT, Malformed, convert

COLUMNS = ("code", "category", "active", "loyalty points")
"""The columns that say something of a card, in any case; all others are its metadata."""
NOT_BUILT = ("gift amount", "redeemed amount", "redeemed quantity")
"""Documented columns that must say nothing: gift cards and redemptions are not built."""


def import_vouchers(call: Call) -> Wish:
    """Add cards with these codes to a campaign: the answer names an async action."""
    return _import(call, call.body(list[ImportFields]), IMPORT)


def import_vouchers_csv(call: Call) -> Wish:
    """Add the cards of a CSV file, the part `file` of a form, to a campaign. The first line names the columns:
    `Code`, and if need be `Category`, `Active` and `Loyalty Points`; every other column is metadata.
    """
    return _import(call, list(cards_of(call.file("file"))), IMPORT_CSV)


def _import(call: Call, cards: list[ImportFields], kind: ImportType) -> Wish:
    command = ImportCards(**call.wish, campaign=call.path["campaignId"], type=kind, cards=cards)
    return Wish(command, lambda action_id: {"async_action_id": action_id})


def cards_of(content: bytes) -> Iterator[ImportFields]:
    """The cards of a CSV file. An empty cell says nothing.

    Refuses: Malformed, by the line, for NUL characters and for more values than a body may have; NotImplementedYet.
    """
    try:
        text = content.decode("utf-8-sig")
        if "\0" in text:
            raise Malformed("The file must not have NUL characters")
        lines = csv.reader(text.splitlines(keepends=True), strict=True)
        names = [name.strip() for name in next(lines, [])]
        _check_names(names)
        values = len(names)
        for cells in lines:
            values += len(cells)
            if values > VALUES_LIMIT:
                raise Malformed(f"The file must not have more than {VALUES_LIMIT} values")
            if len(cells) > len(names):
                raise Malformed(f"Line {lines.line_num} has more values than there are columns")
            if any(cells):
                yield _card(lines.line_num, {name: cell for name, cell in zip(names, cells, strict=False) if cell})
    except UnicodeDecodeError:
        raise Malformed("The file must be UTF-8") from None
    except csv.Error as broken:
        raise Malformed(f"The file must be CSV. {broken}") from None


def _check_names(names: list[str]) -> None:
    known = [name.casefold() if name.casefold() in COLUMNS + NOT_BUILT else name for name in names]
    if "code" not in known:
        raise Malformed("The first line must name the columns, and one of them must be 'Code'")
    if "" in names or len(set(known)) < len(known):
        raise Malformed("Each column must have a name of its own")


def _card(line: int, row: dict[str, str]) -> ImportFields:
    said = {name.casefold(): cell for name, cell in row.items()}
    if any(said.get(name, "0") != "0" for name in NOT_BUILT):
        raise NotImplementedYet(f"Line {line}: gift cards and redeemed cards are not built")
    active, points = said.get("active"), said.get("loyalty points")
    if active is not None and active.lower() not in ("true", "false"):
        raise Malformed(f"Line {line}: Active must be true or false")
    if points is not None and not (points.isascii() and points.isdecimal() and len(points) < 16):
        raise Malformed(f"Line {line}: Loyalty Points must be a whole number")
    card: dict[str, Any] = {
        "code": said.get("code"),
        "category": said.get("category"),
        "active": None if active is None else active.lower() == "true",
        "loyalty_card": None if points is None else {"points": int(points)},
        "metadata": {name: cell for name, cell in row.items() if name.casefold() not in COLUMNS + NOT_BUILT},
    }
    fields: ImportFields = convert(card, ImportFields)
    return fields


_CAMPAIGN = "/v1/campaigns/{campaignId}"

ROUTES = [
    Route(
        "POST",
        _CAMPAIGN + "/import",
        "Import vouchers to campaign",
        write=import_vouchers,
        takes=list[ImportFields],
        status=202,
    ),
    Route("POST", _CAMPAIGN + "/importCSV", "Import vouchers to campaign by CSV", write=import_vouchers_csv),
]
