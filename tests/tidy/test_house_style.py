"""The tree keeps house style: each check of `checks.py` over the files it is meant for."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tidy import checks

ROOT = Path(__file__).parents[2]
SKIPPED = {".git", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".venv", "__pycache__", "dist", "node_modules"}

NOT_ABOUT_POINTS = {"src/tallybook/domain/canonical.py"}  # it writes any JSON number as JavaScript would, floats too

RULES: list[tuple[checks.Check, tuple[str, ...]]] = [
    (checks.long_functions, ("src/",)),
    (checks.long_files, ("src/",)),
    (checks.vague_names, ("src/", "tests/", "bench/")),
    (checks.unfinished_marks, ("src/", "tests/", "bench/")),
    (checks.silent_tests, ("tests/",)),
    (checks.mocks, ("src/", "tests/")),
    (checks.foreign_imports, ("src/tallybook/domain/", "src/tallybook/usecases/")),
    (checks.clock_reads, ("src/tallybook/domain/", "src/tallybook/usecases/")),
    (checks.floats, ("src/tallybook/domain/", "src/tallybook/usecases/")),
]


def texts() -> dict[str, str]:
    """Give every text file that is tracked or is about to be, by its path from the root."""
    paths = _known_to_git() or [path for path in ROOT.rglob("*") if not SKIPPED.intersection(path.relative_to(ROOT).parts)]
    return {path.relative_to(ROOT).as_posix(): text for path in paths if (text := _text_of(path)) is not None}


def _known_to_git() -> list[Path]:
    """Give nothing where there is no git, or no history: an unpacked archive."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True) if shutil.which("git") else None
    return [ROOT / name for name in listed.stdout.split("\0") if name] if listed and not listed.returncode else []


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except UnicodeDecodeError:
        return None


TEXTS = texts()


def test_the_tree_was_found() -> None:
    """A check over no file would pass for ever."""
    assert {"pyproject.toml", "src/tallybook/__init__.py", "tests/tidy/checks.py"} <= TEXTS.keys()


@pytest.mark.parametrize(("check", "folders"), [pytest.param(check, where, id=check.__name__) for check, where in RULES])
def test_python_files_keep_house_style(check: checks.Check, folders: tuple[str, ...]) -> None:
    """No Python file of these folders breaks the rule."""
    findings = [
        finding
        for path, text in sorted(TEXTS.items())
        if path.endswith(".py") and path.startswith(folders) and not (check is checks.floats and path in NOT_ABOUT_POINTS)
        for finding in check(path, text)
    ]
    assert not findings, "\n" + "\n".join(findings)


def test_no_file_names_a_path_of_one_machine() -> None:
    """A checkout works wherever it lies."""
    findings = [finding for path, text in sorted(TEXTS.items()) for finding in checks.machine_paths(path, text)]
    assert not findings, "\n" + "\n".join(findings)
