"""All routes of the API, and the documented ones that are not built yet."""

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from tallybook.api import (
    activities,
    api_keys,
    async_actions,
    categories,
    customers,
    exports,
    import_cards,
    loyalties,
    management,
    members,
    metadata_schemas,
    orders,
    points,
    product_collections,
    products,
    projects,
    publications,
    vouchers,
)
from tallybook.api.call import Route


def all_routes(
    public_url: str, sweep: Callable[[str], None] = lambda _: None, wake_exports: Callable[[], None] = lambda: None
) -> list[Route]:
    """Every route that answers. `sweep` settles whoever is due in a project, after its test clock was moved; `wake_exports`
    has the exports gone on with.
    """
    return [
        *customers.ROUTES,
        *activities.ROUTES,
        *orders.ROUTES,
        *members.routes(public_url),
        *points.ROUTES,
        *exports.routes(wake_exports),
        *publications.routes(public_url),
        *vouchers.routes(public_url),
        *loyalties.ROUTES,
        *import_cards.ROUTES,
        *async_actions.ROUTES,
        *categories.ROUTES,
        *products.ROUTES,
        *product_collections.ROUTES,
        *metadata_schemas.ROUTES,
        *management.routes(sweep),
        *projects.ROUTES,
        *api_keys.ROUTES,
    ]


@cache
def _not_built() -> list[tuple[str, re.Pattern[str]]]:
    lines = files("tallybook.api").joinpath("not_built.txt").read_text().split("\n")
    pairs = [line.split(" ", 1) for line in lines if line and not line.startswith("#")]
    return [(method, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path))) for method, path in pairs]


def is_documented(method: str, path: str) -> bool:
    """Whether this operation is part of the documented API and not built yet: it is answered 501, not 404."""
    return any(method == one and pattern.fullmatch(path) for one, pattern in _not_built())
