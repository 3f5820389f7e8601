"""Sets of keys as one parameter, so that a statement's text and plan never change with their number."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Select, Text, any_, bindparam, func, select
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import UserDefinedType


class _Texts(UserDefinedType[str]):
    """An array of PostgreSQL in its own notation. The driver takes three times as long to make one of a list."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        return "TEXT[]"


class Among:
    """SQLite takes the keys as a JSON array, PostgreSQL as an array."""

    def __init__(self, *, sqlite: bool) -> None:
        self._sqlite = sqlite

    def __call__(self, column: ColumnElement[Any], parameter: str = "keys") -> ColumnElement[bool]:
        """`column` is one of the values of the parameter."""
        if self._sqlite:
            values = func.json_each(bindparam(parameter, type_=Text)).table_valued("value")
            return column.in_(select(values.c.value))
        return column == any_(bindparam(parameter, type_=_Texts()))

    def found(self, column: ColumnElement[Any], found: Select[Any]) -> ColumnElement[bool]:
        """`column` is one of the values that a query finds: they are found first, and then looked up as keys are."""
        return column.in_(found) if self._sqlite else column == any_(func.array(found.scalar_subquery()))

    def keys(self, values: Iterable[str]) -> str:
        """The value of the parameter."""
        unique = sorted(set(values))
        if self._sqlite:
            return msgspec.json.encode(unique).decode()
        quoted = [key.replace("\\", "\\\\").replace('"', '\\"') for key in unique]
        return '{"' + '","'.join(quoted) + '"}' if quoted else "{}"
