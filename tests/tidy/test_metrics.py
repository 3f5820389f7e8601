"""Metrics are named once, told in the reference, and shown on the board that comes with them."""

import json
import re

from prometheus_client.metrics import MetricWrapperBase

from tests.tidy.reference import ROOT, described, named_metrics

BOARD = ROOT / "docs" / "how-to" / "grafana.json"
SERIES: dict[str, tuple[str, ...]] = {"histogram": ("_bucket", "_sum", "_count")}


def _series(name: str, metric: MetricWrapperBase) -> set[str]:
    return {name + end for end in SERIES.get(described(metric).type, ("",))}


def _expressions() -> list[str]:
    panels = json.loads(BOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_every_metric_of_the_board_exists() -> None:
    """A name that nobody exports would be an empty panel."""
    there = {series for name, metric in named_metrics().items() for series in _series(name, metric)}
    assert set(re.findall(r"\b(tallybook_\w+)", " ".join(_expressions()))) <= there


def test_the_board_shows_every_metric() -> None:
    """Whoever imports it sees all that is measured."""
    shown = " ".join(_expressions())
    assert [name for name in named_metrics() if name not in shown] == []


def test_the_labels_of_the_board_exist() -> None:
    """What a panel divides by is a label of its metric, or one that Prometheus adds."""
    labels = {label for metric in named_metrics().values() for label in metric._labelnames} | {"le", "instance"}
    said = " ".join(re.findall(r"by \(([^)]*)\)", " ".join(_expressions())))
    assert set(re.findall(r"\w+", said)) <= labels
