"""Whose key it is, and for how long it is remembered."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import delete, insert

from tallybook.api.authentication import KEPT_SECONDS, Doorman
from tallybook.api.call import Identity
from tallybook.api.errors import Forbidden, Unauthorized
from tallybook.domain.api_keys import hash_token
from tallybook.domain.records import ApiKey
from tallybook.store.database import Database
from tallybook.store.mapping import mapping
from tallybook.store.migrate import migrate
from tallybook.store.tables import api_keys

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
KEY = ApiKey(id="till", project_id="proj_1", kind="app", name="Till", token_hash=hash_token("s3cret"), created_at=NOW, version=1)
TILL = Identity("proj_1", "app", "till", "Till")


class Clocks:
    """Two clocks that stand still until they are moved."""

    def __init__(self) -> None:
        self.passed = 0

    def now(self) -> datetime:
        """The real instant."""
        return NOW + timedelta(seconds=self.passed)

    def seconds(self) -> int:
        """What never goes back."""
        return self.passed


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with the schema and nothing else."""
    with contextlib.closing(Database(database_url)) as database:
        migrate(database)
        yield database


def store(database: Database, key: ApiKey) -> None:
    """Write a key as another process would."""
    with database.writing() as connection:
        connection.execute(delete(api_keys).where(api_keys.c.id == key.id))
        connection.execute(insert(api_keys), [mapping(ApiKey).row(key)])


def test_a_key_is_looked_up_once_and_then_known(database: Database) -> None:
    """So a request costs no read; the token is compared each time."""
    store(database, KEY)
    doorman = Doorman(database)
    assert doorman.known("till", "s3cret", "app") is None
    assert doorman.look_up("till", "s3cret", "app") == TILL
    assert doorman.known("till", "s3cret", "app") == TILL
    with pytest.raises(Unauthorized):
        doorman.known("till", "guess", "app")


@pytest.mark.parametrize(("app_id", "token"), [("till", "guess"), ("nobody", "s3cret"), ("", "s3cret"), ("till", "")])
def test_a_wrong_key_is_refused(database: Database, app_id: str, token: str) -> None:
    """Whether id or token is wrong cannot be told."""
    store(database, KEY)
    doorman = Doorman(database)
    for _ in range(2):
        with pytest.raises(Unauthorized):
            doorman.look_up(app_id, token, "app")


def test_a_good_key_opens_its_own_doors_only(database: Database) -> None:
    """An application key does not manage."""
    store(database, KEY)
    with pytest.raises(Forbidden):
        Doorman(database).look_up("till", "s3cret", "management")


def test_a_key_that_another_process_revoked_goes_on_for_five_seconds_at_most(database: Database) -> None:
    """Then it is read again."""
    store(database, KEY)
    clocks = Clocks()
    doorman = Doorman(database, clocks.now, clocks.seconds)
    doorman.look_up("till", "s3cret", "app")
    store(database, msgspec.structs.replace(KEY, revoked_at=NOW))
    clocks.passed = int(KEPT_SECONDS)
    assert doorman.known("till", "s3cret", "app") == TILL
    clocks.passed += 1
    assert doorman.known("till", "s3cret", "app") is None
    with pytest.raises(Unauthorized):
        doorman.look_up("till", "s3cret", "app")


def test_what_this_process_changed_is_forgotten_at_once(database: Database) -> None:
    """The next request reads the key again."""
    store(database, KEY)
    doorman = Doorman(database)
    doorman.look_up("till", "s3cret", "app")
    doorman.forget()
    assert doorman.known("till", "s3cret", "app") is None


def test_a_look_up_that_began_before_a_change_leaves_nothing_behind(database: Database) -> None:
    """Between its read and its end another request revoked the key: what it read must not be remembered."""
    store(database, KEY)
    clocks, doormen = Clocks(), list[Doorman]()

    def seconds() -> int:
        for one in doormen[:1]:
            one.forget()
        doormen.clear()
        return clocks.seconds()

    doorman = Doorman(database, clocks.now, seconds)
    doormen.append(doorman)
    assert doorman.look_up("till", "s3cret", "app") == TILL
    assert doorman.known("till", "s3cret", "app") is None


def test_a_key_ends_on_the_second_though_it_is_remembered(database: Database) -> None:
    """`expires_at` is compared with each request."""
    store(database, msgspec.structs.replace(KEY, expires_at=NOW + timedelta(seconds=2)))
    clocks = Clocks()
    doorman = Doorman(database, clocks.now, clocks.seconds)
    doorman.look_up("till", "s3cret", "app")
    clocks.passed = 1
    assert doorman.known("till", "s3cret", "app") == TILL
    clocks.passed = 2
    with pytest.raises(Unauthorized):
        doorman.known("till", "s3cret", "app")
