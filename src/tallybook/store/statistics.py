"""What PostgreSQL's planner knows of the tables' sizes, where it would learn it too late."""

from sqlalchemy import Connection, text

GROWTH = 4
"""A table that has so many times the rows the planner was told of is due to be counted anew."""
SMALL = 50
"""Up to so many rows times `GROWTH` no plan is a bad one."""

SAMPLE = "SET LOCAL default_statistics_target = 10"
"""A tenth of what the server looks at by itself: enough to tell one index from another, and no order waits for it."""

_GROWN = text(
    "SELECT kept.relname FROM pg_stat_user_tables AS kept JOIN pg_class AS told ON told.oid = kept.relid "
    "WHERE kept.schemaname = current_schema() AND kept.n_live_tup > :growth * greatest(told.reltuples, :small) ORDER BY 1"
)


def grown_tables(connection: Connection) -> list[str]:
    """The tables that have grown much since they were last counted."""
    return list(connection.scalars(_GROWN, {"growth": GROWTH, "small": SMALL}))


def count_anew(connection: Connection, table: str) -> None:
    """Has the database look at a sample of the table; every prepared statement is planned afresh after it."""
    connection.execute(text(SAMPLE))
    connection.execute(text(f"ANALYZE {table}"))
