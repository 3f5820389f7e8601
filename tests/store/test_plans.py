"""How PostgreSQL looks up what a batch needs while its tables are small, or were a moment ago."""

import contextlib
from typing import Any

from sqlalchemy import Engine, text

from tallybook.domain.records import Lot
from tallybook.store import rows
from tallybook.store.database import Database
from tallybook.store.driver import _worded
from tallybook.store.mapping import MAPPINGS
from tallybook.store.migrate import migrate
from tallybook.store.read_book import _selects
from tests.books import PROJECT

LOOK_UPS = [
    "lots WHERE card_id = ANY('{v_1,v_2}') AND status = 'ACTIVE'",
    "cards WHERE customer_id = ANY('{cust_1,cust_2}') AND deleted_at IS NULL",
    "tier_memberships WHERE customer_id = ANY('{cust_1,cust_2}')",
    f"orders WHERE project_id = '{PROJECT}' AND source_id = ANY('{{one,two}}')",
]


def _plan(connections: Engine, statement: str) -> str:
    with connections.connect() as connection:
        return "\n".join(connection.scalars(text(f"EXPLAIN {statement}")))


def _reads_it_all(connections: Engine, look_up: str) -> bool:
    return "Seq Scan" in _plan(connections, f"SELECT id FROM {look_up}")


def test_the_engine_goes_through_an_index_even_where_the_planner_would_read_a_small_table(postgres_url: str) -> None:
    """Its connection keeps a plan for hours: that of a table just counted as empty must serve when the table is large."""
    with contextlib.closing(Database(postgres_url)) as database:
        migrate(database)
        with database.writing() as connection:
            connection.execute(text("ANALYZE"))
        assert all(_reads_it_all(database.readers, look_up) for look_up in LOOK_UPS)
        assert not any(_reads_it_all(database.batches, look_up) for look_up in LOOK_UPS)
        change = rows._postgres_update(MAPPINGS[Lot]).replace("$1", "'[]'").replace("$2", "'{lot_1,lot_2}'")
        assert "Index Cond: (id = ANY ('{lot_1,lot_2}'" in _plan(database.batches, change)


def _planned_once(postgres_url: str, query: Any, values: str) -> str:
    """The plan that the engine's connection would keep for a query, in a new database."""
    with contextlib.closing(Database(postgres_url)) as database:
        migrate(database)
        words = _worded(query, sqlite=False).text
        with database.batches.connect() as connection:
            connection.execute(text(f"PREPARE asked AS {words.replace(':', chr(92) + ':')}"))
            return "\n".join(connection.scalars(text(f"EXPLAIN EXECUTE asked({values})")))


def test_the_conditions_of_partial_indexes_are_seen_though_a_statement_is_planned_once(postgres_url: str) -> None:
    """A parameter in their place would have all entries of all customers read, in each batch of somebody who waits for points."""
    plan = _planned_once(postgres_url, _selects(sqlite=False, locking=True).entries_of, "'{cust_1}'")
    assert "Index Scan" in plan


def test_the_lots_of_customers_are_found_through_their_cards(postgres_url: str) -> None:
    """The cards are found first, and then their lots: joined, all lots of all customers might be read for those of a few."""
    plan = _planned_once(postgres_url, _selects(sqlite=False, locking=True).lots_of, "'{cust_1}', 'ACTIVE'")
    assert "Index Cond: (card_id = ANY ($" in plan
    assert "Seq Scan" not in plan
