"""Metadata against its schema: what each key must be, and what is wrong with what came. Pure.

The words are those of the two documented answers: `location_id: must be an array, and every element: must be a string, must be
equal to one of L1,L2,L3 (actual value is 'L1')`.
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from tallybook.domain.canonical import JsonNumber, canonical
from tallybook.domain.config import Definition, MetadataSchema

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?")
_IMAGE = re.compile(r"https?://[^\s/?#]+/\S*\.(jpe?g|png)([?#]\S*)?", re.IGNORECASE)
_PLACE = re.compile(r"\s*(-?[0-9]{1,2}(?:\.[0-9]+)?)\s*,\s*(-?[0-9]{1,3}(?:\.[0-9]+)?)\s*")
_NORTH, _EAST = 90, 180
"""Degrees of latitude and longitude, at most, either way."""


def faults(metadata: Mapping[str, Any], schema: MetadataSchema, custom: Mapping[str, MetadataSchema]) -> list[str]:
    """What is wrong with metadata, a sentence each; nothing when all of it fits.

    Null counts as not there. Keys that the schema does not define are free unless it says `allow_defined_only`. `custom` gives
    the schemas that objects within may be of, by name; an object within an object is not looked into.
    """
    defined = {key: one for key, one in schema.properties.items() if not one.deleted}
    found = []
    for key, definition in defined.items():
        value = metadata.get(key)
        if value is None and not definition.optional:
            found.append(f"{key}: is required")
        elif value is not None:
            found += _faults_of(key, value, definition, custom)
    if schema.allow_defined_only:
        found += [f"{key}: is not defined in the metadata schema" for key in metadata if key not in defined]
    return found


def _faults_of(key: str, value: Any, definition: Definition, custom: Mapping[str, MetadataSchema]) -> list[str]:
    values = value if definition.array and isinstance(value, list) else [value]
    if isinstance(value, list) != definition.array or not all(_fits(one, definition) for one in values):
        shown = value if isinstance(value, str) else canonical(value)
        return [f"{key}: {wanted(definition)} (actual value is '{shown}')"]
    inner = custom.get(definition.object_type or "") if definition.type == "object" else None
    if inner is None:
        return []
    return [f"{key}.{fault}" for one in values for fault in faults(one, inner, {})]


def wanted(definition: Definition) -> str:
    """What a value must be, in words."""
    one = ", ".join([_TYPES[definition.type][0], *(f"must {text}" for text, _ in _limits(definition))])
    return f"must be an array, and every element: {one}" if definition.array else one


def _fits(value: Any, definition: Definition) -> bool:
    return _TYPES[definition.type][1](value) and all(keeps(value) for _, keeps in _limits(definition))


Test = Callable[[Any], bool]


def _limits(definition: Definition) -> list[tuple[str, Test]]:
    """What the definition asks of a value of the right type, beyond the type."""
    limits: list[tuple[str, Test]] = []
    if definition.eq:
        allowed = definition.eq
        limits.append((f"be equal to one of {_listed(allowed)}", lambda value: value in allowed))
    if definition.type == "string":
        limits += _limits_of_text(definition)
    if definition.type == "number":
        limits += _limits_of_number(definition)
    return limits


def _limits_of_text(definition: Definition) -> list[tuple[str, Test]]:
    least, most, exact = definition.min_length, definition.max_length, definition.exact_length
    said: list[tuple[int | None, str, Callable[[int, int], bool]]] = [
        (least, "at least", operator.ge),
        (most, "at most", operator.le),
        (exact, "exactly", operator.eq),
    ]
    return [
        (f"have {words} {bound} characters", partial(_keeps_length, keeps, bound))
        for bound, words, keeps in said
        if bound is not None
    ]


def _keeps_length(keeps: Callable[[int, int], bool], bound: int, value: str) -> bool:
    return keeps(len(value), bound)


def _keeps_bound(keeps: Callable[[Any, Any], bool], bound: JsonNumber, value: JsonNumber) -> bool:
    return keeps(value, bound)


def _limits_of_number(definition: Definition) -> list[tuple[str, Test]]:
    limits: list[tuple[str, Test]] = []
    if definition.ne:
        refused = definition.ne
        limits.append((f"not be equal to any of {_listed(refused)}", lambda value: value not in refused))
    said: list[tuple[JsonNumber | None, str, Callable[[Any, Any], bool]]] = [
        (definition.lt, "less than", operator.lt),
        (definition.lte, "less than or equal to", operator.le),
        (definition.gt, "greater than", operator.gt),
        (definition.gte, "greater than or equal to", operator.ge),
    ]
    bounds: list[tuple[str, Test]] = [
        (f"be {words} {canonical(bound)}", partial(_keeps_bound, keeps, bound))
        for bound, words, keeps in said
        if bound is not None
    ]
    return limits + bounds


def _listed(values: list[Any]) -> str:
    return ",".join(one if isinstance(one, str) else canonical(one) for one in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_date(value: Any) -> bool:
    return isinstance(value, str) and bool(_DATE.fullmatch(value)) and _reads(date.fromisoformat, value)


def _is_instant(value: Any) -> bool:
    return isinstance(value, str) and bool(_INSTANT.fullmatch(value)) and _reads(datetime.fromisoformat, value.upper())


def _reads(read: Callable[[str], Any], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _is_image(value: Any) -> bool:
    return isinstance(value, str) and bool(_IMAGE.fullmatch(value))


def _is_place(value: Any) -> bool:
    """`52.23,21.01`, or an object with `lat` and `lng`, or with the long names. The documents do not say which."""
    if isinstance(value, str):
        read = _PLACE.fullmatch(value)
        return read is not None and abs(Decimal(read[1])) <= _NORTH and abs(Decimal(read[2])) <= _EAST
    if not isinstance(value, dict):
        return False
    north: Any = value.get("lat", value.get("latitude"))
    east: Any = value.get("lng", value.get("longitude"))
    return _is_number(north) and _is_number(east) and abs(north) <= _NORTH and abs(east) <= _EAST


_TYPES: dict[str, tuple[str, Test]] = {
    "string": ("must be a string", lambda value: isinstance(value, str)),
    "number": ("must be a number", _is_number),
    "boolean": ("must be a boolean", lambda value: isinstance(value, bool)),
    "date": ("must be a date such as 2024-01-18", _is_date),
    "datetime": ("must be a date and time such as 2024-01-18T15:19:20Z", _is_instant),
    "image_url": ("must be a URL pointing to JPG/JPEG or PNG resource", _is_image),
    "geopoint": ("must be a latitude and a longitude such as 52.23,21.01", _is_place),
    "object": ("must be an object", lambda value: isinstance(value, dict)),
}
"""The types of metadata: what a value must be, and whether it is."""
