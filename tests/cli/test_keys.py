"""`tallybook keys`: the keys of the projects from the command line."""

import contextlib
import json
from typing import Any

import pytest
from sqlalchemy import text

from tallybook.clock import real_now
from tallybook.ids import Ids
from tallybook.settings import FirstProject
from tallybook.store.database import Database
from tallybook.store.migrate import migrate
from tallybook.store.projects import make_first_project
from tests.cli.test_main import run

WANTED = FirstProject(project_id="proj_shop", app_id="app-1", management_id="man-1", app_token="s3cret", management_token="t0ken")


@pytest.fixture
def url(database_url: str) -> str:
    """A database with a project and its two keys."""
    with contextlib.closing(Database(database_url)) as database:
        migrate(database)
        with database.writing() as connection:
            make_first_project(connection, Ids(1), real_now(), WANTED)
    return database_url


def said(url: str, *words: str) -> Any:
    """What a command that must succeed prints as JSON."""
    done = run("keys", *words, "--database", url, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done
    return json.loads(done.stdout)


def listed(url: str) -> list[str]:
    """The ids of the keys that are listed."""
    return [key["app_id"] for key in said(url, "list")]


def test_a_key_is_made_rotated_and_revoked(url: str) -> None:
    """Old and new stand side by side until the old one is revoked; the hash is stored, the token is not."""
    made = said(url, "create", "Till")
    assert (made["name"], made["kind"], len(made["app_token"])) == ("Till", "app", 40)
    new = said(url, "rotate", made["app_id"])
    assert listed(url) == ["app-1", "man-1", made["app_id"], new["app_id"]]
    assert said(url, "revoke", made["app_id"]) == {"revoked": made["app_id"]}
    assert listed(url) == ["app-1", "man-1", new["app_id"]]
    with contextlib.closing(Database(url)) as database, database.reading() as connection:
        stored = str(connection.execute(text("SELECT * FROM api_keys")).all())
    assert [token for token in (made["app_token"], new["app_token"]) if token in stored] == []


def test_a_made_key_is_shown_to_people_once(url: str) -> None:
    """Project, id and token, and that this was it."""
    lines = run("keys", "create", "Till", "--kind", "management", "--database", url).stdout.splitlines()
    assert lines[0] == "This is the key; its token is not shown again:"
    assert [line.split("  ")[1] for line in lines[2:]] == ["project id", "app id", "app token"]


def test_a_lost_management_key_is_replaced(url: str) -> None:
    """The command line needs no key: who has the database has everything."""
    said(url, "revoke", "man-1")
    made = said(url, "create", "Found", "--kind", "management")
    assert listed(url) == ["app-1", made["app_id"]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["create", "Till", "--kind", "root"], "kind must be one of: app, management"),
        (["create", "Till", "--expires-at", "soon"], "expires_at cannot be recognized as a ISO-8601 compliant date"),
        (["create", "Till", "--expires-at", "2020-01-01T00:00:00Z"], "Property .expires_at must be in the future"),
        (["create", "Till", "--project", "proj_no"], "Cannot find project with id proj_no"),
        (["rotate", "app-9"], "There is no key app-9, or it is revoked."),
        (["revoke", "app-9"], "There is no key app-9, or it is revoked."),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(url: str, words: list[str], says: str) -> None:
    """Exit code 2, and nothing is changed."""
    done = run("keys", *words, "--database", url)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{says}\n")
    assert listed(url) == ["app-1", "man-1"]


def test_a_database_named_too_early_is_not_passed_over(url: str) -> None:
    """A key is not made in the default database by a slip."""
    done = run("keys", "--database", url, "create", "Till")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--database comes after the command: tallybook keys create --database URL\n"


@pytest.mark.parametrize("words", [["create", "Till"], ["rotate", "app-1"], ["revoke", "app-1"]])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_beside_a_server_on_sqlite_the_api_is_named(url: str, words: list[str]) -> None:
    """Whoever serves the file is the only one that writes it; listing goes on."""
    with contextlib.closing(Database(url)) as server:
        server.lock()
        done = run("keys", *words, "--database", url)
        assert listed(url) == ["app-1", "man-1"]
    assert (done.returncode, done.stdout) == (2, "")
    assert "is served by another Tallybook" in done.stderr
    assert "/management/v1/projects/PROJECT_ID/api-keys" in done.stderr
