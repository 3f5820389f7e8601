"""Sets of keys as one parameter, so that a statement's text and plan never change with their number."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Text, any_, bindparam, func, select
from sqlalchemy.sql import ColumnElement


class Among:
    """SQLite takes the keys as a JSON array, PostgreSQL as an array."""

    def __init__(self, *, sqlite: bool) -> None:
        self._sqlite = sqlite

    def __call__(self, column: ColumnElement[Any], parameter: str = "keys") -> ColumnElement[bool]:
        """`column` is one of the values of the parameter."""
        if self._sqlite:
            values = func.json_each(bindparam(parameter, type_=Text)).table_valued("value")
            return column.in_(select(values.c.value))
        return column == any_(bindparam(parameter, type_=ARRAY(Text)))

    def keys(self, values: Iterable[str]) -> Any:
        """The value of the parameter."""
        unique = sorted(set(values))
        return msgspec.json.encode(unique).decode() if self._sqlite else unique
