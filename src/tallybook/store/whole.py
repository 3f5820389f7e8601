"""All rows of a statement at once."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import CompoundSelect, Connection, LargeBinary, Select, func, select

Query = Select[Any] | CompoundSelect[Any]


def all_rows(connection: Connection, statement: Query, parameters: dict[str, Any]) -> Iterable[Sequence[Any]]:
    """The rows of a statement that gives texts, integers and nulls.

    SQLite's driver lets go of the interpreter for each row, and has to win it back from the event loop (docs/performance.md);
    so SQLite is asked for all rows as one JSON text.
    """
    if connection.dialect.name != "sqlite":
        return connection.execute(statement, parameters)
    rows: list[list[Any]] = msgspec.json.decode(connection.execute(_as_one_text(statement), parameters).scalar_one())
    return rows


@cache
def _as_one_text(statement: Query) -> Select[Any]:
    rows = statement.subquery()
    assert not any(isinstance(column.type, LargeBinary) for column in rows.c), "JSON has no bytes"
    return select(func.json_group_array(func.json_array(*rows.c)))
