"""Which card codes are taken."""

from typing import Any

from sqlalchemy import ARRAY, BindParameter, Select, Text, bindparam, func, select, true

from tallybook.store.among import Among
from tallybook.store.tables import cards


def taken_codes(*, sqlite: bool) -> Select[Any]:
    """The statement: which of the codes in the parameter `keys` a card of `project_id` has.

    PostgreSQL knows nothing of a table that is just being filled, and would look through all cards of the project again and
    again. Asked code by code, and for one card each, it can but use the index that keeps the codes unique.
    """
    c, there = cards.c, cards.c.deleted_at.is_(None)
    project: BindParameter[str] = bindparam("project_id")
    if sqlite:
        return select(c.code).where(c.project_id == project, Among(sqlite=True)(c.code), there)
    asked = func.unnest(bindparam("keys", type_=ARRAY(Text))).table_valued("code").render_derived("asked")
    found = select(c.code).where(c.project_id == project, c.code == asked.c.code, there).limit(1).lateral("found")
    return select(found.c.code).select_from(asked.join(found, true()))
