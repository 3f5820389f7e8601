"""Lists: a page with a total, or a stretch with a cursor."""

from collections.abc import Sequence

from tallybook.wire.json import Object


def page(rows: Sequence[Object], total: int, data_ref: str = "data") -> Object:
    """A page of a list that is paged by number; `total` counts the whole list. The rows stand under the name in `data_ref`."""
    return {"object": "list", "data_ref": data_ref, data_ref: rows, "total": total}


def stretch(rows: Sequence[Object], more_after: str | None, data_ref: str = "data") -> Object:
    """A stretch of a list that is read by cursor; `more_after` is the id to go on from, None at the end."""
    shown: Object = {"object": "list", "data_ref": data_ref, data_ref: rows, "has_more": more_after is not None}
    if more_after is not None:
        shown["more_starting_after"] = more_after
    return shown
