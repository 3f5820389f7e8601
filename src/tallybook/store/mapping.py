"""Between records and rows: the fields of a record are the columns of its table; the type of a field says how it is stored."""

import types
import typing
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Table

from tallybook.domain import records
from tallybook.domain.config import ConfigChange
from tallybook.store import tables

R = TypeVar("R")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(4096)  # one instant stands in two dozen rows of an order
def to_ms(at: datetime) -> int:
    """An instant as stored: milliseconds since 1970, UTC."""
    return round(at.timestamp() * 1000)


@lru_cache(4096)
def from_ms(ms: int) -> datetime:
    """The instant that is stored as `ms`."""
    return _EPOCH + timedelta(milliseconds=ms)


_STORE: dict[type, Callable[[Any], Any]] = {datetime: to_ms, date: date.isoformat}
_LOAD: dict[type, Callable[[Any], Any]] = {datetime: from_ms, date: date.fromisoformat, bool: bool}


class Mapping:
    """One record type and its table."""

    def __init__(self, kind: type[Any], table: Table) -> None:
        self.kind = kind
        self.table = table
        hints = typing.get_type_hints(kind)
        self.names = [field.name for field in msgspec.structs.fields(kind)]
        self.columns = [table.c[name] for name in self.names]
        plain = [(name, _plain(hints[name])) for name in self.names]
        self._stored = [(i, _STORE[kind]) for i, (_, kind) in enumerate(plain) if kind in _STORE]
        self._loaded = [(i, _LOAD[kind]) for i, (_, kind) in enumerate(plain) if kind in _LOAD]

    def values(self, record: Any) -> list[Any]:
        """The record as column values, in the order of `names`."""
        values = list(msgspec.structs.astuple(record))
        for i, store in self._stored:
            if values[i] is not None:
                values[i] = store(values[i])
        return values

    def row(self, record: Any) -> dict[str, Any]:
        """The record as column values by name."""
        return dict(zip(self.names, self.values(record), strict=True))

    def record(self, row: Sequence[Any]) -> Any:
        """The record from the columns of `columns`, in that order."""
        values = list(row)
        for i, load in self._loaded:
            if values[i] is not None:
                values[i] = load(values[i])
        return self.kind(**dict(zip(self.names, values, strict=True)))


def _plain(hint: Any) -> type:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(part for part in typing.get_args(hint) if part is not type(None))  # type: ignore[no-any-return]
    return hint  # type: ignore[no-any-return]


MAPPINGS: dict[type[Any], Mapping] = {
    kind: Mapping(kind, table)
    for kind, table in {
        records.Project: tables.projects,
        records.ApiKey: tables.api_keys,
        records.Customer: tables.customers,
        records.Card: tables.cards,
        records.Lot: tables.lots,
        records.LotMovement: tables.lot_movements,
        records.TierMembership: tables.tier_memberships,
        records.Order: tables.orders,
        records.PendingEntry: tables.pending_entries,
        records.EntryChange: tables.entry_changes,
        records.Product: tables.products,
        records.Sku: tables.skus,
        records.Publication: tables.publications,
        records.Transaction: tables.transactions,
        records.Award: tables.awards,
        records.Occurrence: tables.occurrences,
        records.Event: tables.events,
        records.SendOut: tables.send_outs,
        records.AsyncAction: tables.async_actions,
        records.Export: tables.exports,
        records.Receipt: tables.receipts,
        ConfigChange: tables.config_history,
    }.items()
}


def mapping(kind: type[R]) -> Mapping:
    """The mapping of a record type."""
    return MAPPINGS[kind]
