"""What the code says of itself, as the tables that stand in the documentation: routes, refusals, events, limits, metrics.

`python -m tests.tidy.reference` writes them again between their marks; `test_readme.py` fails when they are not what it says.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import TypeGuard

from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase

from tallybook import telemetry
from tallybook.api import gateway
from tallybook.api.call import Route
from tallybook.api.errors import STATUS
from tallybook.api.routes import all_routes
from tallybook.delivery import policy, sender
from tallybook.domain import earning, orders, refusals
from tallybook.domain.event_names import SUBSCRIBABLE
from tallybook.domain.refusals import Refusal
from tallybook.engine import engine
from tallybook.usecases import earning_rules, tiers
from tallybook.wire import door
from tallybook.wire.events import PAYLOADS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "tallybook"
_PREFIXES = ("customer.", "voucher.", "campaign.", "publication.", "redemption.")
_OPEN = "<!-- made: {name} -->"
_CLOSE = "<!-- end -->"


def built() -> str:
    """What is built, area by area, for the README."""
    rows = [f"| {_link(area)} | {', '.join(_in_words(routes))} |" for area, routes in _areas(all_routes("")).items()]
    return _table("| Area | Built |", rows)


def not_built() -> str:
    """How many documented operations of each area are answered 501."""
    counts: dict[str, int] = {}
    for _, path in _documented_only():
        counts[_area(path)] = counts.get(_area(path), 0) + 1
    return ", ".join(f"{area} ({count})" for area, count in sorted(counts.items())) + "."


def routes() -> str:
    """Every route that answers, with what it does in a sentence."""
    parts = []
    for area, found in _areas(all_routes("")).items():
        rows = [f"| `{one.method}` | `{one.path}` | {_sentence((one.write or one.read).__doc__)} |" for one in found]
        parts.append(f"### {area}\n\n" + _table("| Method | Path | What it does |", rows))
    return "\n\n".join(parts)


def missing_routes() -> str:
    """Every documented operation that is answered 501."""
    return "\n".join(f"    {method:<6} {path}" for method, path in _documented_only())


def given() -> str:
    """The refusals that some command or route gives."""
    return _refusals(given=True)


def reserved() -> str:
    """The refusals that have their name and key, and that nothing gives yet."""
    return _refusals(given=False) or "None: every key is in use."


def malformed() -> str:
    """The keys of requests that break the form of the API."""
    return ", ".join(f"`{key}`" for key in door._MESSAGES)


def silent() -> str:
    """The events that may be subscribed to and that nothing causes."""
    return ", ".join(f"`{name}`" for name in sorted(SUBSCRIBABLE - emitted())) + "."


def emitted() -> set[str]:
    """The events that some command names and that have a payload. A name may be put together: `customer.order.{word}`."""
    trees = [ast.parse(path.read_text()) for path in sorted((SOURCE / "usecases").glob("*.py"))]
    said = [pattern for tree in trees for node in ast.walk(tree) if (pattern := _pattern(node))]
    return {name for name in SUBSCRIBABLE & PAYLOADS.keys() if any(re.fullmatch(pattern, name) for pattern in said)}


def _pattern(node: ast.AST) -> str | None:
    """What a text of the code can be, as a regular expression; a gap is one word, or any words where the text begins."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if not isinstance(node, ast.JoinedStr) or not any(_is_part_of_name(part) for part in node.values):
        return None
    gaps = ["[a-z_.]*"] + ["[a-z_]+"] * (len(node.values) - 1)
    return "".join(
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else gap for part, gap in zip(node.values, gaps, strict=True)
    )


def not_yet() -> str:
    """What a command that is built says no to for now, in its words; a gap is said as `…`."""
    trees = [ast.parse(path.read_text()) for path in sorted((SOURCE / "usecases").glob("*.py"))]
    said = [node.args[0] for tree in trees for node in ast.walk(tree) if _is_not_yet(node)]
    return "\n".join(sorted({f"- {_words(one)}" for one in said}))


def _is_not_yet(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "NotImplementedYet"


def _words(text: ast.expr) -> str:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)


def limits() -> str:
    """The bounds, from the constants that enforce them."""
    rows = [
        f"| Body of a request | {door.BODY_LIMIT:,} bytes, else 413; {door.VALUES_LIMIT:,} values, {door.DEPTH_LIMIT} levels |",
        f"| Integers in JSON | up to ±{door.SAFE_INTEGER:,} (2^53 − 1) |",
        f"| Order | {orders.MAX_ITEMS} items, quantity {orders.MAX_QUANTITY:,}, amounts {orders.MAX_AMOUNT:,} minor units |",
        f"| Points of one operation | {earning.MAX_POINTS:,}; a rule that would give more is skipped |",
        f"| Configuration | {earning_rules.MAX_RULES} earning rules per project, {tiers.MAX_TIERS} tiers per campaign |",
        f"| Lists | {door.LIST_LIMIT} rows a page (10 unless asked), {door.PAGE_LIMIT:,} pages |",
        f"| `Idempotency-Key` | {gateway.KEY_LIMIT} characters; the answer is kept for at least 24 h |",
        f"| Commands that wait | {engine.QUEUE_LIMIT:,} per process, then 503 with `Retry-After` |",
        f"| Webhook call | {sender.TOTAL_SECONDS:g} s, then it is retried; {len(policy.POLICY.due)} retries over 24 h |",
    ]
    return _table("| What | Bound |", rows)


def metrics() -> str:
    """Every metric of ours, by the name under which it is scraped."""
    found = {name: (described(one), _labels(one)) for name, one in named_metrics().items()}
    rows = [f"| `{name}` | {one.type} | {labels} | {one.documentation} |" for name, (one, labels) in found.items()]
    return _table("| Name | Kind | Labels | What it says |", rows)


def named_metrics() -> dict[str, MetricWrapperBase]:
    """The metrics of the process, each by its name in a scrape; a histogram without `_bucket`, `_sum`, `_count`."""
    found = [one for name, one in vars(telemetry).items() if isinstance(one, MetricWrapperBase) and not name.startswith("_")]
    return {_scraped(described(one)): one for one in found}


def described(metric: MetricWrapperBase) -> Metric:
    """What a metric says of itself: its kind, and its name without what a scrape adds."""
    return next(iter(metric.describe()))


def _scraped(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _labels(metric: MetricWrapperBase) -> str:
    return ", ".join(f"`{label}`" for label in metric._labelnames)


SECTIONS: dict[str, tuple[str, Callable[[], str]]] = {
    "built": ("README.md", built),
    "not built": ("README.md", not_built),
    "limits": ("README.md", limits),
    "not yet": ("docs/how-to/replace-voucherify.md", not_yet),
    "routes": ("docs/reference/api.md", routes),
    "missing routes": ("docs/reference/api.md", missing_routes),
    "given refusals": ("docs/reference/errors.md", given),
    "reserved refusals": ("docs/reference/errors.md", reserved),
    "malformed": ("docs/reference/errors.md", malformed),
    "metrics": ("docs/reference/metrics.md", metrics),
    "silent events": ("docs/reference/events.md", silent),
}
"""Each table by its name: the page it stands in, and how it is made."""


def section(page: str, name: str) -> str:
    """What stands between the marks of this name. Raises ValueError when the page has no such marks."""
    start, end = _bounds(page, name)
    return page[start:end].strip("\n")


def with_section(page: str, name: str, text: str) -> str:
    """The page with another text between the marks of this name."""
    start, end = _bounds(page, name)
    return f"{page[:start]}\n{text}\n{page[end:]}"


def _bounds(page: str, name: str) -> tuple[int, int]:
    opened = _OPEN.format(name=name)
    start = page.index(opened) + len(opened)
    return start, page.index(_CLOSE, start)


def _is_part_of_name(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and str(part.value).startswith(_PREFIXES)


def _table(head: str, rows: Iterable[str]) -> str:
    return "\n".join((head, "|" + "---|" * (head.count("|") - 1), *rows))


def _area(path: str) -> str:
    parts = path.split("/")
    return "management" if parts[1] == "management" else parts[2]


def _areas(found: list[Route]) -> dict[str, list[Route]]:
    areas: dict[str, list[Route]] = {}
    for one in found:
        areas.setdefault(_area(one.path), []).append(one)
    return areas


def _in_words(found: list[Route]) -> Iterator[str]:
    """`List campaign members` as `list campaign members`, each once."""
    yield from dict.fromkeys(one.summary[:1].lower() + one.summary[1:] for one in found)


def _link(area: str) -> str:
    return f"[{area}](docs/reference/api.md#{area})"


def _documented_only() -> list[tuple[str, str]]:
    lines = files("tallybook.api").joinpath("not_built.txt").read_text().splitlines()
    return [(line.split(" ")[0], line.split(" ")[1]) for line in lines if line and not line.startswith("#")]


def _refusals(*, given: bool) -> str:
    used = "\n".join(path.read_text() for path in SOURCE.rglob("*.py") if path.name not in ("refusals.py", "errors.py"))
    rows = [
        f"| `{kind.key}` | {_status(kind)} | {_sentence(kind.__doc__)} |"
        for kind in _kinds()
        if bool(re.search(rf"\b{kind.__name__}\b", used)) is given
    ]
    return _table("| Key | Status | When |", rows) if rows else ""


def _kinds() -> list[type[Refusal]]:
    return [one for one in vars(refusals).values() if isinstance(one, type) and issubclass(one, Refusal) and one is not Refusal]


def _status(kind: type[Refusal]) -> int:
    return next((STATUS[one] for one in kind.__mro__ if one in STATUS), 400)


def _sentence(doc: str | None) -> str:
    """A docstring in one line, without the references that speak to those who change the code."""
    text = " ".join((doc or "").split())
    text = re.sub(r" of (?:decision|semantics) [0-9.]+", "", text)
    text = re.sub(r"\s*\((?:DESIGN|decision|semantics|seed)s? [^()]*\)", "", text)
    return re.sub(r" ?(?:Refuses|Raises):? .*", "", text).replace("|", "\\|")


def main() -> None:
    """Write every table into its page again."""
    for name, (path, make) in SECTIONS.items():
        page = ROOT / path
        page.write_text(with_section(page.read_text(encoding="utf-8"), name, make()), encoding="utf-8")


if __name__ == "__main__":
    main()
