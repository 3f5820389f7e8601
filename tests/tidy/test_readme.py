"""The documentation says what the code does: tables that are made from it, names it must have, examples that run."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

from tallybook.cli.main import app
from tallybook.settings import PREFIX, read_settings
from tests.acceptance.official import Management
from tests.acceptance.process import Server, running_server
from tests.tidy import reference

ROOT = reference.ROOT
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
AGAIN = "run `python -m tests.tidy.reference`"
START_SECONDS = 10


class Asked(Mapping[str, str]):
    """An environment in which nothing is set, that remembers what it was asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]  # settings ask for text only
        """Nothing is set."""
        self.names.append(name)
        return default

    def __getitem__(self, name: str) -> str:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _variables() -> set[str]:
    asked = Asked()
    read_settings(asked)
    return {name for name in asked.names if name.startswith(PREFIX)}


def _page(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", reference.SECTIONS)
def test_what_is_made_from_the_code_is_up_to_date(name: str) -> None:
    """No built route, refusal, event or bound is missing in its page, and none is there that is gone."""
    path, make = reference.SECTIONS[name]
    assert reference.section(_page(path), name) == make(), f"{path}, {name}: {AGAIN}"


@pytest.mark.parametrize("path", ["README.md", "docs/reference/settings.md"])
def test_every_setting_is_said(path: str) -> None:
    """Each variable that is read stands in the table, and no other."""
    assert set(re.findall(rf"`({PREFIX}[A-Z_]+)`", _page(path))) == _variables()


def test_defaults_of_settings_are_what_is_said() -> None:
    """Setting a variable to the default that its row names changes nothing."""
    rows = [line.split("|") for line in _page("docs/reference/settings.md").splitlines() if line.startswith(f"| `{PREFIX}")]
    said = {cells[1].strip(" `"): cells[-3].strip(" `") for cells in rows if "`" in cells[-3]}
    assert said.keys() >= {f"{PREFIX}{name}" for name in ("HOST", "PORT", "WORKERS", "DRAIN_SECONDS", "LOG_LEVEL", "TIME_ZONE")}
    assert read_settings(said) == read_settings({})


def test_every_event_that_is_caused_is_said() -> None:
    """The page names each event that some command emits, above the list of those that nothing causes."""
    caused = _page("docs/reference/events.md").partition("## Accepted, and not caused")[0]
    assert set(re.findall(r"`([a-z_]+\.[a-z_.]+)`", caused)) == reference.emitted()


def _commands(group: Any, said: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{said} {name}")
        else:
            yield f"{said} {name}", command


def test_every_command_and_option_is_said() -> None:
    """The page of the command line has a row for each command, with each of its options, and for no other."""
    rows = dict(re.findall(r"^\| `(tallybook [a-z -]+)[^`]*` \| ([^|]*) \|", _page("docs/reference/cli.md"), re.MULTILINE))
    said = {name.strip(): set(re.findall(r"`(--[a-z-]+)`", options)) for name, options in rows.items()}
    assert said == {
        name: {option for one in command.params for option in one.opts if option.startswith("--")} - {"--help"}
        for name, command in _commands(typer.main.get_command(app), "tallybook")
    }


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_page_points_at_is_there(path: Path) -> None:
    """Links lead to files and headings, and Python files that are named exist."""
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", text)
    gone = [link + anchor for link, anchor in links if not _is_there(path, link, anchor)]
    named = set(re.findall(r"`((?:[\w.]+/)*\w+\.(?:py|txt))`", text))
    gone += [name for name in named if not any((base / name).exists() for base in (ROOT, reference.SOURCE)) and "/" in name]
    assert not gone


def _is_there(page: Path, link: str, anchor: str) -> bool:
    target = (page.parent / link).resolve() if link else page
    if not target.exists() or not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor[1:] in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", _page("README.md"), re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server on an empty SQLite file."""
    folder = tmp_path_factory.mktemp("readme")
    with running_server(f"sqlite:///{folder / 'book.db'}", folder) as server:
        yield server


def test_the_examples_of_the_readme_run(server: Server) -> None:
    """The client's example earns 25 points, and the receiver's prints the event that its order caused."""
    client, receiver = _examples()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = server.environment("UTC") | {"TALLYBOOK_PUBLIC_URL": server.url, "RECEIVER_PORT": str(port)}
    listening = subprocess.Popen([sys.executable, "-c", receiver], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        _wait_for(port)
        Management(server).subscribe(f"http://127.0.0.1:{port}/", ["customer.rewarded.loyalty_points"])
        words = [sys.executable, "-W", "ignore", "-c", client]
        done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
        assert done.stdout.endswith(" has 25 points\n")
        assert listening.stdout is not None
        assert re.fullmatch(r"whs_[0-9a-f]{18} customer\.rewarded\.loyalty_points\n", listening.stdout.readline())
    finally:
        listening.kill()
        listening.communicate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nobody listens at {port}")
