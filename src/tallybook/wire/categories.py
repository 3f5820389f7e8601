"""Categories: as REST answers them, and within the campaigns and cards that carry them."""

from tallybook.domain.config import Category
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object


def category_full(category: Category) -> Object:
    """Five keys, and `updated_at` once it was changed."""
    shown: Object = {
        "id": category.id,
        "name": category.name,
        "hierarchy": category.hierarchy,
        "created_at": instant_text(category.created_at),
    }
    if category.updated_at is not None:
        shown["updated_at"] = instant_text(category.updated_at)
    shown["object"] = "category"
    return shown


def category_name(category: Category | None) -> str | None:
    """What `category` of a campaign or card says: the name."""
    return None if category is None else category.name


def categories_of(category: Category | None) -> list[Object]:
    """What `categories` of a campaign or card says: the whole category, or nothing."""
    return [] if category is None else [category_full(category)]
