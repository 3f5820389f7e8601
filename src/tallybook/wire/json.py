"""JSON as it goes out: compact, UTF-8 unescaped, integers as integers, keys in the order they were put (decision 31)."""

import contextlib
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Raw

Object = dict[str, Any]
"""A JSON object on its way out. Its values are plain values, other objects, lists, structs and `Raw` pieces."""

_ENCODER = msgspec.json.Encoder()


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_D = TypeVar("_D", bound=_Named)


def encode(value: object) -> bytes:
    """The bytes of a document. The same value gives the same bytes; pieces spliced into it go out untouched."""
    return _ENCODER.encode(value)


def make_types_ready() -> None:
    """Builds what msgspec otherwise builds when a type is first decoded: two threads that do that at once crash the process.

    To be called when everything is imported and no second thread runs yet.
    """
    waiting: list[type[msgspec.Struct]] = [msgspec.Struct]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        with contextlib.suppress(TypeError):  # a type that is never decoded
            msgspec.json.Decoder(kind)


def spliced(text: str) -> Raw:
    """A piece that is JSON text already (metadata, addresses): it is never decoded, so nothing about it can change."""
    return Raw(text.encode())


def kept(form: Callable[[_D], Object], most: int = 1024) -> Callable[[_D], Raw]:
    """`form`, but with the bytes kept and spliced: the same campaign goes into thousands of payloads.

    A piece is used again only for the very same (immutable) object, so what is shown can never be out of date. At most
    `most` pieces are kept.
    """
    pieces: dict[str, tuple[_D, Raw]] = {}

    def shown(document: _D) -> Raw:
        found = pieces.get(document.id)
        if found is not None and found[0] is document:
            return found[1]
        piece = Raw(encode(form(document)))
        if len(pieces) >= most:
            pieces.clear()
        pieces[document.id] = document, piece
        return piece

    return shown
