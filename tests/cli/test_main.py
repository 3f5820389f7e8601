"""The command line, as a process of its own: what it prints, where, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import tallybook
from tallybook.clock import real_now
from tallybook.ids import Ids
from tallybook.settings import FirstProject
from tallybook.store.database import Database
from tallybook.store.migrate import head_revision
from tallybook.store.projects import make_first_project
from tallybook.store.verify import check_names
from tests.books import small_book

COMMANDS = ["backup", "demo", "keys", "migrate", "restore", "serve", "verify", "version"]


def run(*words: str, home: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `tallybook` with these words, in an environment that says nothing of ours but what is given."""
    coloured = ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TALLYBOOK_", *coloured))}
    environment |= {"NO_COLOR": "1", "COLUMNS": "100"}
    if home is not None:
        environment |= {"XDG_DATA_HOME": str(home)}
    command = [sys.executable, "-m", "tallybook", *words]
    return subprocess.run(command, env=environment | variables, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where a SQLite database may be made."""
    return f"sqlite:///{tmp_path / 'book.db'}"


def test_without_a_command_the_commands_are_listed() -> None:
    """A person who types the name alone sees what there is."""
    assert [name for name in COMMANDS if f"│ {name} " not in run().stdout] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """`--help` ends well and names the command."""
    done = run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: tallybook {command}" in done.stdout


def test_the_version_is_printed() -> None:
    """For people and for programs."""
    assert run("version").stdout == f"tallybook {tallybook.__version__}\n"
    assert json.loads(run("version", "--json").stdout) == {"version": tallybook.__version__}


def test_migrate_makes_the_database_and_then_does_nothing(url: str) -> None:
    """The first time it names what it applied, the second time it has nothing to do."""
    first, second = (run("migrate", "--json", "--database", url) for _ in range(2))
    assert [json.loads(done.stdout)["applied"][-1:] for done in (first, second)] == [[head_revision()], []]
    assert run("migrate", "--database", url).stdout == f"The schema is current: {head_revision()}.\n"


def test_the_database_is_named_by_the_environment(url: str) -> None:
    """TALLYBOOK_DATABASE_URL stands for the option."""
    done = run("migrate", TALLYBOOK_DATABASE_URL=url)
    assert (done.returncode, done.stderr) == (0, "")
    assert Path(url.removeprefix("sqlite:///")).exists()


def test_without_a_name_the_database_is_in_the_data_folder(tmp_path: Path) -> None:
    """It is told on standard error, so that standard output stays for the answer."""
    done = run("migrate", "--json", home=tmp_path)
    path = tmp_path / "tallybook" / "tallybook.db"
    assert done.stderr == f"Database: sqlite:///{path}\n"
    assert json.loads(done.stdout)["revision"] == head_revision()
    assert path.exists()


def test_verify_of_books_that_close(url: str) -> None:
    """It ends with 0, and counts what it looked at."""
    with small_book(url) as book:
        expected = book.verify()
    told, asked = run("verify", "--database", url), run("verify", "--json", "--database", url)
    assert (told.returncode, asked.returncode) == (0, 0)
    assert told.stdout == f"The books close: {len(check_names())} checks, no row breaks any.\n"
    assert json.loads(asked.stdout) == {"ok": True, "checked": expected.checked, "broken": {}, "findings": []}


def test_verify_of_books_that_do_not_close(url: str) -> None:
    """It ends with 1 and names the rows."""
    with small_book(url):
        pass
    engine = create_engine(url)
    with engine.begin() as connection:
        names = [{"name": f"vouchers:camp_{number:04}"} for number in range(120)]
        connection.execute(text("INSERT INTO counters (name, n) VALUES (:name, 3)"), names)
    engine.dispose()
    told, asked = run("verify", "--database", url), run("verify", "--json", "--database", url)
    lines = told.stdout.splitlines()
    assert (told.returncode, asked.returncode) == (1, 1)
    assert lines[0] == "counter_counts_cards: counters vouchers:camp_0000: expected 0, found 3"
    assert lines[-2:] == [
        "counter_counts_cards: 20 more",
        f"The books do not close: 120 rows break 1 of {len(check_names())} checks.",
    ]
    answer = json.loads(asked.stdout)
    assert (answer["ok"], answer["broken"], len(answer["findings"])) == (False, {"counter_counts_cards": 120}, 100)


def test_keys_are_listed_without_their_tokens(url: str) -> None:
    """Name, kind, app id and project; what is secret is not in the output in any form."""
    run("migrate", "--database", url)
    database = Database(url)
    with database.writing() as connection:
        wanted = FirstProject(
            project_id="proj_shop", app_id="app-1", management_id="man-1", app_token="s3cret", management_token="t0ken"
        )
        make_first_project(connection, Ids(1), real_now(), wanted)
        hashes = connection.scalars(text("SELECT token_hash FROM api_keys")).all()
    database.close()
    told, asked = run("keys", "--database", url).stdout, run("keys", "--json", "--database", url).stdout
    common = {"name": "Primary", "project_id": "proj_shop", "project": "Tallybook"}
    assert json.loads(asked) == [
        {**common, "kind": "app", "app_id": "app-1"},
        {**common, "kind": "management", "app_id": "man-1"},
    ]
    assert told.splitlines() == [
        "NAME     KIND        APP ID  PROJECT",
        "Primary  app         app-1   Tallybook (proj_shop)",
        "Primary  management  man-1   Tallybook (proj_shop)",
    ]
    assert [secret for secret in ("s3cret", "t0ken", *hashes) if secret in told + asked] == []


def test_a_database_that_is_not_there_is_not_made_by_looking(url: str) -> None:
    """It ends with 2 and says what to do."""
    done = run("verify", "--database", url)
    path = url.removeprefix("sqlite:///")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"There is no database at {path}. `tallybook serve` or `tallybook migrate` makes it.\n"
    assert not Path(path).exists()


def test_a_database_with_another_schema_is_refused(url: str) -> None:
    """It ends with 2 and names both schemas."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE cards (id TEXT)"))
    engine.dispose()
    done = run("verify", "--database", url)
    assert done.returncode == 2
    assert done.stderr == f"The database has schema none, wanted is {head_revision()}. Run `tallybook migrate`.\n"


@pytest.mark.parametrize("command", ["verify", "migrate", "keys"])
@pytest.mark.parametrize(
    ("database", "says"),
    [
        ("nonsense", "That is no database URL."),
        ("postgresql://somebody:hunter2@127.0.0.1:1/book", "does not answer"),
    ],
)
def test_a_database_that_cannot_be_reached_is_told_in_a_sentence(command: str, database: str, says: str) -> None:
    """No traceback, no password; exit code 2."""
    done = run(command, "--database", database)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
