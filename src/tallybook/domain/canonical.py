"""Canonical JSON text: what `JSON.stringify(JSON.parse(text))` gives back unchanged (decisions 31 and 47).

A receiver that parses a payload in JavaScript and writes it again gets the same bytes, so a signature over them still holds.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from tallybook.domain.records import Json

JsonNumber = int | float
"""Any number of metadata: what a shop keeps there is neither points nor money."""

_SAFE_INTEGER = 2**53 - 1
_INDEX_KEYS = 2**32 - 1
_FIXED_DIGITS = 21
"""ECMAScript writes numbers below 10^21 without an exponent (Number::toString, step 7)."""

_MOST_ZEROS = 5
"""Zeros it writes between the point and the first digit before it turns to an exponent (step 9)."""

_encode = msgspec.json.encode
_decode = msgspec.json.decode


def canonical(value: Any) -> Json:
    """`value` (None, bool, int, float, str, list, dict with string keys) as ECMAScript would write it: compact, unescaped.

    Integer-like keys come first, ascending; the others keep their order. Raises ValueError for what no JSON parser keeps
    (not-a-number, infinities, integers a double cannot hold, lone surrogates), TypeError for any other kind of value.
    The door lets none of them in, so such an error is a broken invariant and no refusal.
    """
    if not is_plain(value):
        value = _as_ecmascript(value)
    return _encode(value).decode()


def parse(text: Json) -> Any:
    """The value of a canonical text: `canonical(parse(text)) == text`."""
    return _decode(text)


def merge(old: Json, changes: Mapping[str, Any], unset: Collection[str] = ()) -> Json:
    """Metadata `old` with the keys of `changes` set and those of `unset` taken out (semantics 2.1).

    Kept keys keep their place, so changes that change nothing give `old` back (decision 43). Null is a value like any other.
    """
    merged = {**parse(old), **changes}
    return canonical({key: value for key, value in merged.items() if key not in unset})


def is_plain(value: Any) -> bool:
    """Whether the C encoder alone writes `value` as ECMAScript would: no floats, no large integers, no keys in digits."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-_SAFE_INTEGER <= value <= _SAFE_INTEGER)
    if kind is dict:
        # Text that begins with a digit sorts between "0" and ":", the character after "9". Only strings compare with these.
        return not any("0" <= key < ":" for key in value) and all(map(is_plain, value.values()))
    return kind is list and all(map(is_plain, value))


def _as_ecmascript(value: Any) -> Any:
    """The same value for the C encoder: keys in order, and each number it would write differently as ready text."""
    kind = type(value)
    if kind is dict:
        return {key: _as_ecmascript(value[key]) for key in _in_order(value)}
    if kind is list:
        return [_as_ecmascript(item) for item in value]
    if kind is str or value is None or kind is bool:
        return value
    if kind is int:
        return value if is_plain(value) else msgspec.Raw(_large_text(value).encode())
    if kind is float:
        return msgspec.Raw(_double_text(value).encode())
    raise TypeError(f"no JSON value: {kind.__name__}")


def _in_order(keys: Mapping[str, Any]) -> list[str]:
    """Array indices ascending, then the other keys as they came (OrdinaryOwnPropertyKeys)."""
    indices = sorted((key for key in keys if _is_index(key)), key=int)
    return indices + [key for key in keys if not _is_index(key)]


def _is_index(key: str) -> bool:
    """Whether a key is the decimal form of 0 to 2^32 - 2."""
    if not (str.isascii(key) and key.isdigit() and len(key) <= len(str(_INDEX_KEYS))):
        return False
    return str(int(key)) == key and int(key) < _INDEX_KEYS


def _large_text(value: int) -> str:
    """An integer beyond the safe range, if a double writes the same digits."""
    digits = str(value)
    if len(digits) > _FIXED_DIGITS + 1 or _double_text(float(value)) != digits:
        raise ValueError("an integer that JavaScript would change")
    return digits


def _double_text(value: float) -> str:
    """A double as ECMAScript prints it: Python finds the same shortest digits and only places them differently."""
    text = repr(value)
    if value == 0:
        return "0"
    if "n" in text:  # nan, inf
        raise ValueError("a number that JSON does not have")
    return _placed(text) if "e" in text else text.removesuffix(".0")


def _placed(text: str) -> str:
    """Python's exponent form, `d.ddde±xx`, as ECMAScript places the same digits (Number::toString, steps 7 to 12)."""
    mantissa, exponent = text.split("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    digits = mantissa.replace(".", "")
    point = int(exponent) + 1
    if len(digits) <= point <= _FIXED_DIGITS:
        return sign + digits.ljust(point, "0")
    if -_MOST_ZEROS <= point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"
