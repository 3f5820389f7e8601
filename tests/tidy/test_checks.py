"""Each check of house style catches an offender, and leaves its good neighbour alone."""

import pytest

from tests.tidy import checks

UNFINISHED = "TO" + "DO"
LONG = "def pay_order():\n" + "    x = 1\n" * checks.FUNCTION_LINES
LONG_FILE = "x = 1\n" * (checks.FILE_LINES + 1)

OFFENDERS = [
    (checks.long_functions, "src/a.py", LONG, 1),
    (checks.long_functions, "src/a.py", "class A:\n    async " + LONG.replace("\n", "\n    ").rstrip(), 2),
    (checks.long_files, "src/a.py", LONG_FILE, checks.FILE_LINES + 1),
    (checks.long_files, "src/tables.py", LONG_FILE, checks.FILE_LINES + 1),
    (checks.vague_names, "src/tallybook/utils.py", "", 1),
    (checks.vague_names, "src/tallybook/helpers/dates.py", "", 1),
    (checks.vague_names, "src/tallybook/webhook_service.py", "", 1),
    (checks.unfinished_marks, "src/a.py", f"x = 1\n# {UNFINISHED}: later\n", 2),
    (checks.machine_paths, "a.md", f"see\n/{'work'}/main\n", 2),
    (checks.machine_paths, "a.md", f"in `/{'root'}/.cache`", 1),
    (checks.machine_paths, "a.md", f"file:/{'home'}/alice/x", 1),
    (checks.silent_tests, "tests/a.py", "\ndef test_a() -> None:\n    assert 1\n", 2),
    (checks.silent_tests, "tests/a.py", "async def test_a() -> None:\n    assert 1\n", 1),
    (checks.mocks, "tests/a.py", "import unittest.mock\n", 1),
    (checks.mocks, "tests/a.py", "from unittest.mock import Mock\n", 1),
    (checks.mocks, "tests/a.py", "from unittest import mock\n", 1),
    (checks.mocks, "tests/a.py", "def test_a(monkeypatch):\n    monkeypatch.setattr(a, 'b', 1)\n", 2),
    (checks.foreign_imports, "a.py", "import sqlalchemy as sa\n", 1),
    (checks.foreign_imports, "a.py", "from urllib.request import urlopen\n", 1),
    (checks.foreign_imports, "a.py", "def f():\n    import time\n", 2),
    (checks.clock_reads, "a.py", "x = datetime.now(UTC)\n", 1),
    (checks.clock_reads, "a.py", "x = datetime.date.today()\n", 1),
    (checks.floats, "a.py", "rate = 0.1\n", 1),
    (checks.floats, "a.py", "rate = float(text)\n", 1),
    (checks.floats, "a.py", "def f(rate: float | None) -> int: ...\n", 1),
    (checks.floats, "a.py", "def f(rate: int) -> list[float]: ...\n", 1),
    (checks.floats, "a.py", "class A:\n    rate: float\n", 2),
]

NEIGHBOURS = [
    (checks.long_functions, "src/a.py", LONG.removesuffix("    x = 1\n")),
    (checks.long_files, "src/a.py", LONG_FILE.removesuffix("x = 1\n")),
    (checks.long_files, "src/tallybook/store/tables_orders.py", LONG_FILE),
    (checks.long_files, "src/tallybook/store/migrations/versions/0001.py", LONG_FILE),
    (checks.vague_names, "src/tallybook/metadata.py", ""),
    (checks.unfinished_marks, "src/a.py", "todos = []  # hackney\n"),
    (checks.machine_paths, "a.md", f"https://a.example/{'work'}/b, ./{'root'}/c, {{base}}/{'root'}/d"),
    (checks.silent_tests, "tests/a.py", 'def test_a() -> None:\n    """One is true."""\n    assert 1\n'),
    (checks.mocks, "tests/a.py", "def test_a(monkeypatch):\n    monkeypatch.setenv('A', '1')\n"),
    (
        checks.foreign_imports,
        "a.py",
        "import re\nfrom urllib.parse import quote\nimport msgspec\nfrom tallybook.ids import Ids\nfrom . import x\n",
    ),
    (checks.clock_reads, "a.py", "x = page.now()\ny = datetime.combine(a, b)\n"),
    (checks.floats, "a.py", "rate = Fraction(1, 10)\nname = 'float 0.1'\nodd = isinstance(name, float)\n"),
]


@pytest.mark.parametrize(("check", "path", "text", "line"), OFFENDERS)
def test_an_offender_is_caught(check: checks.Check, path: str, text: str, line: int) -> None:
    """There is one finding, and it names the file and the line."""
    findings = list(check(path, text))
    assert [finding.startswith(f"{path}:{line}: ") for finding in findings] == [True], findings


@pytest.mark.parametrize(("check", "path", "text"), NEIGHBOURS)
def test_its_good_neighbour_is_left_alone(check: checks.Check, path: str, text: str) -> None:
    """What is allowed gives no finding."""
    assert list(check(path, text)) == []
