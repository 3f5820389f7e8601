"""Records come back from the database as they went in; what changed meanwhile, and what must be unique, is noticed there."""

import typing
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tallybook.domain import records
from tallybook.domain.config import Campaign, CodeConfig, ConfigChange, Webhook
from tallybook.domain.records import NEVER, Award, Card, Customer, Lot, Order, Publication, Receipt, Record, SendOut
from tallybook.store.database import Database
from tallybook.store.driver import Conflict, arrive
from tallybook.store.mapping import MAPPINGS, from_ms, to_ms
from tallybook.store.tables import documents
from tallybook.store.write_facts import FactWriter
from tallybook.usecases.book import Book

NOW = datetime(2024, 7, 24, 9, 48, 31, 790_000, tzinfo=UTC)
SAMPLES: dict[Any, Any] = {
    str: "Zażółć \"gęślą\" 'jaźń' \\ 🎈\n%s :x",
    int: 2**53 - 1,
    bool: True,
    bytes: b"\x00\xff{}",
    date: NEVER,
    datetime: datetime(2016, 5, 4, 0, 0, 0, 1_000, tzinfo=UTC),
}
KINDS = [kind for kind in MAPPINGS if kind is not records.Project]


def full(kind: type[Any], **said: Any) -> Any:
    """A record with something in every field."""
    hints = typing.get_type_hints(kind)
    values = {name: SAMPLES[_plain(hint)] for name, hint in hints.items() if name in kind.__struct_fields__}
    return kind(**values | _fitting(kind) | said)


def bare(kind: type[Any], **said: Any) -> Any:
    """A record with nothing in any field that may be left out."""
    hints = typing.get_type_hints(kind)
    needed = [field.name for field in msgspec.structs.fields(kind) if field.required]
    return kind(**{name: None if _optional(hints[name]) else SAMPLES[_plain(hints[name])] for name in needed} | said)


def _fitting(kind: type[Any]) -> dict[str, Any]:
    if kind is Card:
        return {"points": 10, "redeemed_points": 4, "subtracted_points": 3, "expired_points": 2, "balance": 1}
    if kind is ConfigChange:
        webhook = Webhook(id="wh_1", created_at=NOW, target_url="http://a.example/", events=[])
        return {"kind": "webhook", "doc": msgspec.json.encode(webhook).decode()}
    return {}


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _plain(hint: Any) -> Any:
    return next((part for part in typing.get_args(hint) if part is not type(None)), hint)


def write(database: Database, *written: Any, read_at: int | None = None) -> None:
    """Write records as one batch; `read_at` is the version they had when they were read."""
    book = Book()
    for record in written:
        if not hasattr(record, "version") or isinstance(record, ConfigChange):
            book.facts.append(record)
            continue
        key = (type(record).__name__, record.id)
        book.writes[key] = record
        if read_at is not None:
            book.versions[key] = read_at
    with database.writing() as connection:
        FactWriter(sqlite=database.is_sqlite).write(connection, book, NOW)
        arrive(connection)


def stored(database: Database, kind: type[Record] | type[ConfigChange]) -> list[Any]:
    """All records of a kind."""
    with database.reading() as connection:
        return [MAPPINGS[kind].record(row) for row in connection.execute(select(*MAPPINGS[kind].columns))]


def _at_version(record: Any, version: int) -> Any:
    changes_rows = hasattr(record, "version") and not isinstance(record, ConfigChange)
    return msgspec.structs.replace(record, version=version) if changes_rows else record


@pytest.mark.parametrize("make", [full, bare])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_record_comes_back_as_it_was_written(database: Database, kind: type[Any], make: Any) -> None:
    """Text of any script, large numbers, bytes, dates, milliseconds, and what is not there; new rows have version 1."""
    record = make(kind)
    if kind is SendOut:
        write(database, msgspec.structs.replace(full(ConfigChange), entity_id=record.webhook_id))  # nothing is sent to nobody
    write(database, record)
    assert stored(database, kind) == [_at_version(record, 1)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "version" in kind.__struct_fields__ and kind is not ConfigChange])
def test_a_changed_record_replaces_the_one_that_was_read(database: Database, kind: type[Any]) -> None:
    """Every field is written, and the version counts on."""
    before, after = full(kind, id="id"), bare(kind, id="id")
    write(database, before)
    write(database, after, read_at=1)
    assert stored(database, kind) == [_at_version(after, 2)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "version" in kind.__struct_fields__ and kind is not ConfigChange])
def test_a_record_that_changed_meanwhile_is_a_conflict(database: Database, kind: type[Any]) -> None:
    """Of two writers that read version 1 the second one loses, and all that it wrote with it."""
    write(database, full(kind, id="id"))
    write(database, full(kind, id="id"), read_at=1)
    other = full(Order, id="other", source_id="other")
    with pytest.raises(Conflict):
        _write_both(database, bare(kind, id="id"), other)
    assert stored(database, kind) == [_at_version(full(kind, id="id"), 2)]
    assert [order for order in stored(database, Order) if order.id == "other"] == []


def test_a_batch_changes_many_rows_whatever_of_them_changes(database: Database) -> None:
    """More than go into one statement; of some a key changes too, which moves them in the indexes."""
    before = [full(Customer, id=f"{n:03}", source_id=f"was-{n}", deleted_at=None) for n in range(150)]
    write(database, *before)
    after = [
        msgspec.structs.replace(one, name=f"name {n}", source_id=f"is-{n}" if n % 7 == 0 else one.source_id)
        for n, one in enumerate(before)
    ]
    write(database, *after, read_at=1)
    assert sorted(stored(database, Customer), key=lambda one: one.id) == [_at_version(one, 2) for one in after]
    with pytest.raises(Conflict):
        write(database, *before, read_at=1)
    assert sorted(stored(database, Customer), key=lambda one: one.id) == [_at_version(one, 2) for one in after]


def _write_both(database: Database, stale: Any, fresh: Any) -> None:
    book = Book()
    book.writes = {(type(record).__name__, record.id): record for record in (fresh, stale)}
    book.versions[type(stale).__name__, stale.id] = 1
    with database.writing() as connection:
        FactWriter(sqlite=database.is_sqlite).write(connection, book, NOW)
        arrive(connection)


UNIQUE = {
    "customer of a source id": (full(Customer, id="a", deleted_at=None), full(Customer, id="b", deleted_at=None)),
    "order of a source id": (full(Order, id="a"), full(Order, id="b")),
    "card of a code": (
        full(Card, id="a", customer_id="a", deleted_at=None),
        full(Card, id="b", customer_id="b", deleted_at=None),
    ),
    "card per customer and campaign": (
        full(Card, id="a", code="a", deleted_at=None),
        full(Card, id="b", code="b", deleted_at=None),
    ),
    "lot per card and date": (full(Lot, id="a"), full(Lot, id="b")),
    "publication of a source id": (full(Publication, id="a"), full(Publication, id="b")),
    "award per cause and rule": (full(Award), full(Award, card_id="b", given_id="b")),
    "receipt per key": (full(Receipt), full(Receipt, body_hash="b")),
    "version of a document": (full(ConfigChange, id="wh_1:2"), full(ConfigChange, id="wh_1:2")),
}


@pytest.mark.parametrize("pair", UNIQUE.values(), ids=UNIQUE.keys())
def test_there_is_one(database: Database, pair: tuple[Any, Any]) -> None:
    """The database refuses a second, whoever decided on it; another project's is another's."""
    one, twin = pair
    write(database, one)
    with pytest.raises(IntegrityError):
        write(database, twin)
    assert stored(database, type(one)) == [_at_version(one, 1)]


def test_a_deleted_card_is_in_nobodys_way(database: Database) -> None:
    """Its code, and its holder's place in the campaign, may be taken again, as often as they are given up."""
    gone = [full(Card, id="a"), full(Card, id="b")]
    anew = full(Card, id="c", deleted_at=None)
    write(database, *gone, anew)
    assert sorted(card.id for card in stored(database, Card)) == ["a", "b", "c"]


def test_there_is_one_campaign_of_a_name(database: Database) -> None:
    """Another project's campaign may have it too, and a deleted one's name is free."""

    def change(campaign_id: str, project_id: str, version: int = 1, *, deleted: bool = False) -> ConfigChange:
        config = CodeConfig(length=8, charset="ab", pattern="########")
        doc = msgspec.json.encode(Campaign(id=campaign_id, name="Name", created_at=NOW, code_config=config)).decode()
        return ConfigChange(
            id=f"{campaign_id}:{version}",
            project_id=project_id,
            kind="campaign",
            entity_id=campaign_id,
            version=version,
            doc=None if deleted else doc,
            created_at=NOW,
        )

    write(database, change("camp_1", "one"), change("camp_2", "two"))
    with pytest.raises(IntegrityError):
        write(database, change("camp_3", "one"))
    write(database, change("camp_1", "one", 2, deleted=True), change("camp_3", "one"), change("camp_4", "three"))
    with database.reading() as connection:
        assert sorted(connection.scalars(select(documents.c.id))) == ["camp_2", "camp_3", "camp_4"]


@pytest.mark.parametrize(
    "wrong",
    [
        full(Card, balance=2),
        full(Card, points=9, redeemed_points=10, subtracted_points=0, expired_points=0, balance=-1),
        full(Card, pending_points=-1),
        full(Lot, points=-1),
    ],
    ids=["balance that does not add up", "negative balance", "negative pending points", "negative lot"],
)
def test_wrong_numbers_are_refused(database: Database, wrong: Any) -> None:
    """The database checks again what was decided (decision 2)."""
    with pytest.raises(IntegrityError):
        write(database, wrong)
    assert stored(database, type(wrong)) == []


def test_many_may_have_no_source_id(database: Database) -> None:
    """What is not there is not the same."""
    write(database, *(full(Customer, id=key, source_id=None) for key in "ab"))
    write(database, *(full(Order, id=key, source_id=None) for key in "ab"))
    write(database, *(full(Card, id=key, code=key, customer_id=None) for key in "ab"))
    assert [len(stored(database, kind)) for kind in (Customer, Order, Card)] == [2, 2, 2]


@pytest.mark.parametrize("year", [1, 1969, 1970, 2016, 2024, 9999])
@pytest.mark.parametrize("millisecond", [0, 1, 29, 499, 500, 999])
def test_an_instant_is_kept_to_the_millisecond(year: int, millisecond: int) -> None:
    """Also those long before 1970: an order may say when it was made (decision 44)."""
    at = datetime(year, 12, 31, 23, 59, 59, millisecond * 1_000, tzinfo=UTC)
    assert from_ms(to_ms(at)) == at
