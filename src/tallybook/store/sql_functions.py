"""What SQLite and PostgreSQL say differently: SQL functions with one name, each told in the words of both."""

from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, Integer, Numeric, TableValuedAlias, Text, cast, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from tallybook.store.mapping import from_ms


class local_day(FunctionElement[str]):  # noqa: N801  # named like the function it is
    """The local date, as ISO text, of an instant in milliseconds; the time zone is the second argument."""

    type = Text()
    inherit_cache = True


class weekday(FunctionElement[int]):  # noqa: N801
    """The day of the week of a date that is ISO text, 0 for Sunday."""

    type = Integer()
    inherit_cache = True


class property_text(FunctionElement[str]):  # noqa: N801
    """A property of an object that is JSON text, as text itself; null when it is not there or null."""

    type = Text()
    inherit_cache = True


class property_number(FunctionElement[Any]):  # noqa: N801
    """The same as a number; null when it is none."""

    type = Numeric()
    inherit_cache = True


class by_code_points(FunctionElement[str]):  # noqa: N801
    """A text whose order is that of its code points, whatever order the database has for people."""

    type = Text()
    inherit_cache = True


def _spoken(kind: type[FunctionElement[Any]], sqlite: str, postgresql: str) -> None:
    """How a function is said in each database; `{0}` and `{1}` are its arguments, as compiled by SQLAlchemy."""
    for dialect, template in (("sqlite", sqlite), ("postgresql", postgresql)):

        def say(element: Any, compiler: Any, template: str = template, **kw: Any) -> str:
            return template.format(*(compiler.process(one, **kw) for one in element.clauses))

        compiles(kind, dialect)(say)


_spoken(
    local_day,
    "tallybook_local_day({0}, {1})",
    "to_char(to_timestamp({0} / 1000.0) AT TIME ZONE {1}, 'YYYY-MM-DD')",
)
_spoken(weekday, "CAST(strftime('%w', {0}) AS INTEGER)", "extract(dow FROM CAST({0} AS DATE))")
_spoken(
    property_text,
    "(SELECT CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(value AS TEXT) END"
    " FROM json_each({0}) WHERE key = {1})",
    "(CAST({0} AS JSONB) ->> {1})",
)
_spoken(
    property_number,
    "(SELECT value FROM json_each({0}) WHERE key = {1} AND type IN ('integer', 'real'))",
    "(CASE WHEN jsonb_typeof(CAST({0} AS JSONB) -> {1}) = 'number' THEN CAST(CAST({0} AS JSONB) ->> {1} AS NUMERIC) END)",
)
_spoken(by_code_points, "{0} COLLATE BINARY", '{0} COLLATE "C"')


def property_names(column: ColumnElement[Any], *, sqlite: bool) -> TableValuedAlias:
    """The names of the properties of an object that is JSON text: a table with the column `key`, to be joined."""
    if sqlite:
        return func.json_each(column).table_valued("key")
    return func.json_object_keys(cast(column, JSON)).table_valued("key").render_derived()


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_day_in_python(ms: int | None, zone: str) -> str | None:
    """What SQLite calls for `local_day`."""
    if ms is None:
        return None
    try:
        return from_ms(ms).astimezone(_zone(zone)).date().isoformat()
    except OverflowError:  # a date beyond the calendar is on no day of it
        return None
