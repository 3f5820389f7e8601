"""Exports: as REST answers them, and their rows as CSV (RFC 4180; instants in UTC, as the documents promise).

A header is the name of its field in words, `voucher_type` as `Voucher Type`, as in the documented file.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property, reduce
from typing import Any

from tallybook.domain.canonical import canonical, parse
from tallybook.domain.cards import numbers_of
from tallybook.domain.config import Campaign
from tallybook.domain.exports import DONE, Beside
from tallybook.domain.records import NEVER, Export
from tallybook.wire.cards import voucher_full
from tallybook.wire.customers import customer_full
from tallybook.wire.instants import date_text, instant_text
from tallybook.wire.json import Object, spliced
from tallybook.wire.transactions import transaction_full

_WORDS = {"id": "ID", "qr": "QR"}


def export_full(export: Export, public_url: str) -> Object:
    """An export; `result.url` opens the file when it is DONE, for whoever has it."""
    url = f"{public_url}/v1/exports/{export.id}?token={export.token}"
    return {
        "id": export.id,
        "object": "export",
        "created_at": instant_text(export.created_at),
        "status": export.status,
        "channel": export.channel,
        "exported_object": export.exported_object,
        "parameters": spliced(export.parameters),
        "result": {"url": url} if export.status == DONE else None,
        "user_id": None,
    }


def csv_header(fields: Sequence[str]) -> bytes:
    """The first line of a file."""
    return _lines([[_title(field) for field in fields]])


def csv_rows(exported_object: str, fields: Sequence[str], rows: Sequence[Any], beside: Beside) -> bytes:
    """A line for each row."""
    columns = [_column(COLUMNS[exported_object], field) for field in fields]
    entries = [ExportRow(row, beside) for row in rows]
    return _lines([[_cell(column(entry)) for column in columns] for entry in entries])


class ExportRow:
    """A row, and those it speaks of; what REST shows of it is made once for all of its columns."""

    def __init__(self, row: Any, beside: Beside) -> None:
        self.row = row
        self.beside = beside

    @property
    def campaign(self) -> Campaign:
        """The campaign of a card or a publication."""
        return self.beside.campaigns[self.row.campaign_id]

    @cached_property
    def customer(self) -> Object:
        """The whole customer."""
        return customer_full(self.row, self.beside.summaries[self.row.id])

    @cached_property
    def voucher(self) -> Object:
        """The whole voucher."""
        category = self.beside.categories.get(self.row.category_id or self.campaign.category_id or "")
        return voucher_full(self.row, self.campaign, numbers_of(self.row), self.beside.public_url, category)

    @cached_property
    def address(self) -> Object:
        """A customer's address."""
        return parse(self.row.address) if self.row.address else {}

    @cached_property
    def metadata(self) -> Object:
        """What the shop keeps with it."""
        kept: Object = parse(self.row.metadata)
        return kept


Column = Callable[[ExportRow], Any]
"""What a row has in a column."""


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def _title(field: str) -> str:
    if field.startswith("metadata."):
        return field
    return " ".join(_WORDS.get(word, word.capitalize()) for word in field.split("_"))


def _column(columns: Mapping[str, Column], field: str) -> Column:
    if field.startswith("metadata."):
        name = field.removeprefix("metadata.")
        return lambda entry: entry.metadata.get(name)
    return columns[field]


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, datetime):
        return instant_text(value) or ""
    if isinstance(value, date):
        return date_text(value) or ""
    return str(value) if type(value) is int else canonical(value)


def _nothing(_: ExportRow) -> None:
    return None


def _own(name: str) -> Column:
    return lambda entry: getattr(entry.row, name)


def _names(*names: str) -> dict[str, Column]:
    return {name: _own(name) for name in names}


def _within(what: str, *path: str) -> Column:
    """What REST shows of the row, at the end of this path."""

    def found(entry: ExportRow) -> Any:
        return reduce(lambda shown, name: shown.get(name), path, getattr(entry, what))

    return found


# --- cards ---------------------------------------------------------------------------------------------------------------


def _weekdays(entry: ExportRow) -> str | None:
    days = entry.campaign.validity.validity_day_of_week
    return ",".join(map(str, days)) if days else None


def _timeframe(name: str) -> Column:
    return lambda entry: (entry.campaign.validity.validity_timeframe or {}).get(name)


def _campaign_name(entry: ExportRow) -> str:
    return entry.campaign.name


def _customer_source_id(entry: ExportRow) -> str | None:
    return entry.beside.source_ids.get(entry.row.customer_id)


_OF_OTHER_TYPES = (
    "formula", "discount_type", "gift_balance", "discount_amount_limit", "discount_effect", "discount_unit_type",
    "discount_unit_effect", "validation_rules_id",
)  # fmt: skip
"""Columns of vouchers that no loyalty card has anything in."""

_CARD: dict[str, Column] = {
    **_names("id", "code", "active", "start_date", "expiration_date", "created_at", "updated_at", "metadata"),
    **_names("campaign_id", "customer_id", "additional_info"),
    **dict.fromkeys(_OF_OTHER_TYPES, _nothing),
    "voucher_type": lambda _: "LOYALTY_CARD",
    "value": _own("balance"),
    "loyalty_balance": _own("balance"),
    "redemption_quantity": _own("redemption_limit"),
    "redemption_count": _own("redeemed_quantity"),
    "is_referral_code": lambda _: False,
    "campaign": _campaign_name,
    "category": _within("voucher", "category"),
    "qr_code": _within("voucher", "assets", "qr", "url"),
    "bar_code": _within("voucher", "assets", "barcode", "url"),
    "validity_day_of_week": _weekdays,
    "validity_timeframe_interval": _timeframe("interval"),
    "validity_timeframe_duration": _timeframe("duration"),
    "customer_source_id": _customer_source_id,
}


# --- customers -----------------------------------------------------------------------------------------------------------


_REDEMPTIONS = (
    "total_redeemed", "total_failed", "total_succeeded", "total_rolled_back", "total_rollback_failed",
    "total_rollback_succeeded",
)  # fmt: skip
_ORDERS = ("total_amount", "total_count", "average_amount", "last_order_amount", "last_order_date")
_ADDRESS = ("city", "state", "line_1", "line_2", "country", "postal_code")

_CUSTOMER: dict[str, Column] = {
    **_names("id", "source_id", "name", "email", "phone", "description", "created_at", "updated_at", "birthdate", "metadata"),
    "birthday": _own("birthdate"),
    **{f"address_{name}": _within("address", name) for name in _ADDRESS},
    **{f"redemptions_{name}": _within("customer", "summary", "redemptions", name) for name in _REDEMPTIONS},
    **{f"orders_{name}": _within("customer", "summary", "orders", name) for name in _ORDERS},
    "loyalty_points": lambda entry: entry.beside.summaries[entry.row.id].points,
    "loyalty_referred_customers": lambda _: 0,
}


# --- publications, orders, points ----------------------------------------------------------------------------------------


def _code(entry: ExportRow) -> str:
    return entry.beside.cards[entry.row.card_id].code


_PUBLICATION: dict[str, Column] = {
    **_names("customer_id", "channel", "metadata"),
    "code": _code,
    "voucher_code": _code,
    "date": _own("created_at"),
    "campaign": _campaign_name,
    "customer_source_id": _customer_source_id,
    "is_winner": _nothing,
}


def _discount(name: str) -> Column:
    """A discount; of nothing it is not shown, as REST does not."""
    return lambda entry: getattr(entry.row, name) or None


_ORDER: dict[str, Column] = {
    **_names("id", "source_id", "status", "amount", "total_amount", "customer_id", "referrer_id", "created_at", "updated_at"),
    **{name: _discount(name) for name in ("discount_amount", "items_discount_amount", "total_discount_amount")},
    "metadata": _own("metadata"),
}


def _expires_at(entry: ExportRow) -> date | None:
    expires_on: date = entry.row.expires_on
    return None if expires_on == NEVER else expires_on


_LOT: dict[str, Column] = {
    **_names("id", "campaign_id", "points", "status"),
    "voucher_id": _own("card_id"),
    "expires_at": _expires_at,
}


def _details(entry: ExportRow) -> str:
    return bytes(transaction_full(entry.row)["details"]).decode()


_TRANSACTION: dict[str, Column] = {
    **_names("id", "campaign_id", "type", "source_id", "reason", "source", "balance", "related_transaction_id", "created_at"),
    "voucher_id": _own("card_id"),
    "amount": _own("points"),
    "details": _details,
    "status": _nothing,  # among the documented defaults, and no transaction has one
}

COLUMNS: dict[str, dict[str, Column]] = {
    "voucher": _CARD,
    "customer": _CUSTOMER,
    "publication": _PUBLICATION,
    "order": _ORDER,
    "points_expiration": _LOT,
    "voucher_transactions": _TRANSACTION,
}
"""How each field of each kind of object is filled."""
