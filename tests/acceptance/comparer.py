"""Says where a document that came differs from the one that must come; an empty list says nowhere.

Names (ids, codes, UUIDs) must have the right form, and be equal exactly where the expected document has them equal. Instants
must be UTC with milliseconds, and stand to each other as in the expected document: before, or at the same millisecond. An
asset's URL must be one. Everything else, local dates included, must be equal by value and by JSON type.
"""

import re
from datetime import datetime
from itertools import combinations
from typing import Any, NamedTuple

Json = Any

_HEX18 = "[0-9a-f]{18}"
_BASE62 = "[0-9a-zA-Z]"

ID_FORMS = {
    "auto_": f"{_BASE62}{{24}}",
    "camp_": f"{_BASE62}{{24}}",
    "cust_": f"{_BASE62}{{24}}",
    "ern_": f"{_BASE62}{{24}}",
    "evcam_": _HEX18,
    "evcus_": _HEX18,
    "evpub_": _HEX18,
    "evvou_": _HEX18,
    "lopp_": _HEX18,
    "ltr_": _HEX18,
    "ord_": f"{_HEX18}|{_BASE62}{{24}}",  # base62 in documents up to early 2024, hexadecimal since
    "ordli_": _HEX18,
    "pub_": f"{_BASE62}{{32}}",
    "v-": _HEX18,
    "v_": f"{_BASE62}{{32}}",
    "vtx_": _HEX18,
    "wh_": f"{_BASE62}{{24}}",
    "whs_": _HEX18,
}
"""The body of an id, by its prefix. Product ids are not here: the request names them, so they come back as they are."""

_CODE = re.compile(f"{_BASE62}{{8}}")  # the pattern ######## over the default charset
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(\d{3})?Z")
_OUR_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_PLACEHOLDER = re.compile(r"\{\{.*\}\}")
_URL = re.compile(r"https?://[^\s/]+/\S+")


class _Moment(NamedTuple):
    path: str
    expected: str
    came: str


class _Comparison:
    """One walk over two documents; names and instants are remembered and judged together."""

    def __init__(self) -> None:
        self.differences: list[str] = []
        self.urls: list[tuple[str, str, str]] = []
        self._moments: list[_Moment] = []
        self._came_of: dict[str, str] = {}
        self._expected_of: dict[str, str] = {}
        self._codes: dict[str, str] = {}

    def report(self, path: str, expected: Json, came: Json) -> None:
        self.differences.append(f"{path}: expected {expected!r}, came {came!r}")

    def walk(self, path: str, expected: Json, came: Json) -> None:
        if type(expected) is not type(came):
            self.report(path, expected, came)
        elif isinstance(expected, dict):
            self._walk_object(path, expected, came)
        elif isinstance(expected, list):
            self._walk_array(path, expected, came)
        elif isinstance(expected, str):
            self._walk_text(path, expected, came)
        elif expected != came:
            self.report(path, expected, came)

    def _walk_object(self, path: str, expected: dict[str, Json], came: dict[str, Json]) -> None:
        self.differences += [f"{path}.{key}: missing" for key in expected.keys() - came.keys()]
        self.differences += [f"{path}.{key}: not expected" for key in came.keys() - expected.keys()]
        for key, value in expected.items():
            if key in came:
                self.walk(f"{path}.{key}", value, came[key])

    def _walk_array(self, path: str, expected: list[Json], came: list[Json]) -> None:
        if len(expected) != len(came):
            self.differences.append(f"{path}: expected {len(expected)} elements, came {len(came)}")
        for position, (one, other) in enumerate(zip(expected, came, strict=False)):
            self.walk(f"{path}[{position}]", one, other)

    def _walk_text(self, path: str, expected: str, came: str) -> None:
        key = path.rpartition(".")[2]
        form = _form_of(key, expected)
        if _INSTANT.fullmatch(expected):
            self._moments.append(_Moment(path, expected, came))
        elif key == "url":
            self.urls.append((path, expected, came))
        elif form is None:
            if expected != came:
                self.report(path, expected, came)
        elif not form.fullmatch(came):
            self.report(path, f"the form of {expected}", came)
        else:
            self._pair(path, expected, came)
            if key == "code":
                self._codes[expected] = came

    def _pair(self, path: str, expected: str, came: str) -> None:
        if self._came_of.setdefault(expected, came) != came:
            self.report(path, self._came_of[expected], came)
        elif self._expected_of.setdefault(came, expected) != expected:
            self.differences.append(f"{path}: {came!r} stands for {self._expected_of[came]!r} and for {expected!r}")

    def judge_urls(self) -> None:
        """A placeholder stands for any URL of its own; other URLs are equal but for the card's code."""
        for path, expected, came in self.urls:
            if _PLACEHOLDER.fullmatch(expected):
                if not _URL.fullmatch(came):
                    self.report(path, "a URL", came)
                continue
            wanted = expected
            for code, other in self._codes.items():
                wanted = wanted.replace(code, other)
            if wanted != came:
                self.report(path, wanted, came)

    def judge_moments(self) -> None:
        """Each pair of instants stands to each other as expected, at the resolution of a millisecond."""
        proper = []
        for moment in self._moments:
            if _OUR_INSTANT.fullmatch(moment.came):
                proper.append(moment)
            else:
                self.report(moment.path, "an instant with milliseconds", moment.came)
        for one, other in combinations(proper, 2):
            wanted, found = _order(one.expected, other.expected), _order(one.came, other.came)
            if wanted != found:
                self.differences.append(f"{one.path} is {found} {other.path}, expected {wanted} ({one.came}, {other.came})")


def _form_of(key: str, text: str) -> re.Pattern[str] | None:
    if key == "code":
        return _CODE
    if _UUID.fullmatch(text):
        return _UUID
    for prefix, body in ID_FORMS.items():
        if re.fullmatch(f"{prefix}(?:{body})", text):
            return re.compile(f"{prefix}(?:{body})")
    return None


def _order(one: str, other: str) -> str:
    first, second = _milliseconds(one), _milliseconds(other)
    return "before" if first < second else "at the time of" if first == second else "after"


def _milliseconds(text: str) -> int:
    at = datetime.fromisoformat(text)
    return int(at.replace(microsecond=0).timestamp()) * 1000 + at.microsecond // 1000


def compare(expected: Json, came: Json) -> list[str]:
    """Give a sentence for each difference, with its path from `$`; the rules are those of this module."""
    comparison = _Comparison()
    comparison.walk("$", expected, came)
    comparison.judge_urls()
    comparison.judge_moments()
    return sorted(comparison.differences)
