"""House style as functions: source text in, findings out, each saying where it is and what to do instead.

Only what a linter does not know is here; ruff, mypy and import-linter see the rest.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

FUNCTION_LINES = 70
FILE_LINES = 500

VAGUE_NAMES = frozenset({"util", "utils", "helper", "helpers", "manager", "managers", "service", "services", "data"})

# Standard modules by which a decision could learn the time, draw a number or touch the world behind its page's back.
IMPURE_MODULES = frozenset(
    {"asyncio", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3"}
    | {"ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "uuid"}
)
PURE_LIBRARIES = sys.stdlib_module_names | {"msgspec", "tallybook"}
CLOCK_CALLS = frozenset({"now", "today", "utcnow"})
CLOCK_CLASSES = frozenset({"date", "datetime"})

UNFINISHED = re.compile(r"\b(TO(?:DO)|FIX(?:ME)|X{3}|HA(?:CK))\b")
MACHINE_PATH = re.compile(r"(?<![\w.}/])/(?:work|root)/[\w.-]*|(?<![\w.}/])/home/(?!user\b)\w+/")

Check = Callable[[str, str], Iterator[str]]
"""Takes the path of a file, from the root of the repository, and its text; gives findings as `path:line: advice`."""


def long_functions(path: str, text: str) -> Iterator[str]:
    """Find functions of more than 70 lines."""
    for node in _functions(text):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES:
            yield (
                f"{path}:{node.lineno}: `{node.name}` has {lines} lines, at most {FUNCTION_LINES}: "
                "give each of its steps a name and a function"
            )


def long_files(path: str, text: str) -> Iterator[str]:
    """Find files of more than 500 lines; tables, migrations and generated files may be longer."""
    pure_path = PurePosixPath(path)
    tables = pure_path.parent.name == "store" and pure_path.name.startswith("tables")
    generated = pure_path.name.startswith("generated")
    lines = text.count("\n")
    if lines > FILE_LINES and not (tables or generated or "migrations" in pure_path.parts):
        yield f"{path}:{FILE_LINES + 1}: {lines} lines, at most {FILE_LINES}: move one noun into a file of its own"


def vague_names(path: str, _text: str) -> Iterator[str]:
    """Find files and folders whose name says nothing: utils, event_helpers, webhook_service."""
    for part in PurePosixPath(path).with_suffix("").parts:
        last = part.rpartition("_")[2]
        if last in VAGUE_NAMES:
            yield f"{path}:1: `{last}` says nothing: name the file after the noun it is about, as in DESIGN's rooms"


def unfinished_marks(path: str, text: str) -> Iterator[str]:
    """Find marks of unfinished work."""
    for number, line in enumerate(text.splitlines(), 1):
        found = UNFINISHED.search(line)
        if found:
            yield f"{path}:{number}: `{found[0]}`: finish it now, or open an issue and say here what holds today"


def machine_paths(path: str, text: str) -> Iterator[str]:
    """Find absolute paths that exist on one machine only."""
    for number, line in enumerate(text.splitlines(), 1):
        found = MACHINE_PATH.search(line)
        if found:
            yield f"{path}:{number}: `{found[0]}` is a path of one machine: make it relative, or a setting"


def silent_tests(path: str, text: str) -> Iterator[str]:
    """Find test functions that do not open with a sentence on the behaviour they show."""
    for node in _functions(text):
        if node.name.startswith("test_") and not ast.get_docstring(node):
            yield f"{path}:{node.lineno}: `{node.name}` has no docstring: open it with one sentence that states the behaviour"


def mocks(path: str, text: str) -> Iterator[str]:
    """Find tests that replace our own code."""
    advice = "pass the clock, the ids or a real local server in"
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names) if any(name.name.startswith("unittest.mock") for name in names):
                yield f"{path}:{node.lineno}: unittest.mock: {advice}"
            case ast.ImportFrom(module="unittest.mock"):
                yield f"{path}:{node.lineno}: unittest.mock: {advice}"
            case ast.ImportFrom(module="unittest", names=names) if any(name.name == "mock" for name in names):
                yield f"{path}:{node.lineno}: unittest.mock: {advice}"
            case ast.Attribute(value=ast.Name(id="monkeypatch"), attr="setattr"):
                yield f"{path}:{node.lineno}: monkeypatch.setattr: {advice}"


def foreign_imports(path: str, text: str) -> Iterator[str]:
    """Find what a decision must not import: libraries other than msgspec, and modules that reach the world."""
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            if top not in PURE_LIBRARIES or {top, name} & IMPURE_MODULES:
                yield (
                    f"{path}:{getattr(node, 'lineno', 1)}: imports {name}: domain and usecases are pure; let the page, "
                    "the store or the caller hand in what it gives"
                )


def clock_reads(path: str, text: str) -> Iterator[str]:
    """Find decisions that ask what time it is."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name)) if (
                owner in CLOCK_CLASSES and name in CLOCK_CALLS
            ):
                yield f"{path}:{node.lineno}: `{owner}.{name}()`: take `now` as an argument; only clock.py knows the time"


def floats(path: str, text: str) -> Iterator[str]:
    """Find floating point where points and money are counted; asking whether a foreign value is a float is fine."""
    advice = "count in whole points or minor units: int, Fraction or Decimal"
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Constant(value=float()):
                yield f"{path}:{node.lineno}: the float {node.value!r}: {advice}"
            case ast.Call(func=ast.Name(id="float")):
                yield f"{path}:{node.lineno}: `float(...)`: {advice}"
            case ast.arg(annotation=ast.expr() as said) | ast.AnnAssign(annotation=said) if _names_float(said):
                yield f"{path}:{node.lineno}: annotated as float: {advice}"
            case ast.FunctionDef(returns=ast.expr() as said) if _names_float(said):
                yield f"{path}:{node.lineno}: `{node.name}` returns a float: {advice}"


def _names_float(annotation: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "float" for node in ast.walk(annotation))


def _functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
