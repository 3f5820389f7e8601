"""Projects and their keys, as commands: what a batch sees of its own, what a deletion leaves, and what loses."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from tallybook.domain.records import Project
from tallybook.domain.refusals import LimitExceeded, NotFound, ResourceProtected
from tallybook.store.database import Database
from tallybook.store.driver import Conflict, arrive
from tallybook.store.write_facts import FactWriter
from tallybook.usecases.api_keys import MAX_KEYS, ApiKeyFields, CreateApiKey
from tallybook.usecases.customers import CreateCustomer, CustomerFields
from tallybook.usecases.projects import CreateProject, DeleteProject, NewProjectFields, ProjectFields, ProjectMade, UpdateProject
from tallybook.usecases.webhooks import CreateWebhook, WebhookFields
from tests.books import PROJECT, Book, empty_book

FIELDS = NewProjectFields(name="Child", timezone="UTC", currency="EUR", case_sensitive_codes=True)


def child_of(book: Book) -> Project:
    """Make a project that the book's project owns."""
    made: ProjectMade = book.do(CreateProject(project_id=PROJECT, fields=FIELDS))
    return made.project


def column(book: Book, sql: str, **said: Any) -> list[Any]:
    """The first column of what a query finds."""
    with book.database.reading() as connection:
        return list(connection.scalars(text(sql), said))


def test_a_deleted_project_is_closed_and_its_books_too(database_url: str) -> None:
    """Keys revoked, webhooks gone, what waited is canceled, every command is refused; the rows stay and prove."""
    with empty_book(database_url) as book:
        child = child_of(book)
        webhook = WebhookFields(target_url="http://127.0.0.1:1/", events=["customer.created"])
        book.do(CreateWebhook(project_id=child.id, fields=webhook))
        create = CreateCustomer(project_id=child.id, fields=CustomerFields(source_id="ann"))
        book.do(create)
        assert column(book, "SELECT state FROM send_outs") == ["WAITING"]
        book.do(DeleteProject(project_id=child.id))
        assert column(book, "SELECT state FROM send_outs") == ["CANCELED"]
        assert column(book, "SELECT COUNT(*) FROM api_keys WHERE project_id = :id AND revoked_at IS NULL", id=child.id) == [0]
        for command in (create, DeleteProject(project_id=child.id), UpdateProject(project_id=child.id, fields=ProjectFields())):
            with pytest.raises(NotFound):
                book.do(command)
        assert column(book, "SELECT source_id FROM customers") == ["ann"]
        assert book.verify().findings == []


def test_the_first_project_is_protected(database_url: str) -> None:
    """It owns what is made from it."""
    with empty_book(database_url) as book:
        assert child_of(book).owner_id == PROJECT
        with pytest.raises(ResourceProtected):
            book.do(DeleteProject(project_id=PROJECT))


def test_the_keys_of_one_batch_are_counted_together(database_url: str) -> None:
    """A project can have a hundred keys that open, however they are asked for."""
    with empty_book(database_url) as book:
        wish = CreateApiKey(project_id=PROJECT, fields=ApiKeyFields(name="Till"))
        answers = book.together([wish] * (MAX_KEYS + 2))
        assert [type(answer) for answer in answers[MAX_KEYS:]] == [LimitExceeded] * 2
        assert column(book, "SELECT COUNT(*) FROM api_keys") == [MAX_KEYS]


def test_a_change_that_changes_nothing_writes_nothing(database_url: str) -> None:
    """No new version of the configuration (decision 43)."""
    with empty_book(database_url) as book:
        child = child_of(book)
        same = UpdateProject(project_id=child.id, fields=ProjectFields(name="Child", timezone="UTC"))
        assert book.do(same).name == "Child"
        assert column(book, "SELECT config_version FROM projects WHERE id = :id", id=child.id) == [0]
        book.do(UpdateProject(project_id=child.id, fields=ProjectFields(name="Other")))
        assert column(book, "SELECT config_version FROM projects WHERE id = :id", id=child.id) == [1]


def test_of_two_changes_of_a_project_that_meet_one_is_decided_again(database_url: str) -> None:
    """A name given in one process does not set back a clock that another moved meanwhile."""
    with empty_book(database_url) as book:
        child = child_of(book)
        read: Any = book.engine._batch._reader
        with book.database.reading() as connection:
            stale = read.read(connection, [UpdateProject(project_id=child.id, fields=ProjectFields())])
        book.do(UpdateProject(project_id=child.id, fields=ProjectFields(name="Renamed meanwhile")))
        stale.writes["Project", child.id] = msgspec.structs.replace(child, currency="PLN")
        with pytest.raises(Conflict):
            _write(book.database, stale)


def _write(database: Database, book: Any) -> None:
    with database.writing() as connection:
        FactWriter(sqlite=database.is_sqlite).write(connection, book, datetime(2024, 1, 1, tzinfo=UTC))
        arrive(connection)
