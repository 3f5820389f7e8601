"""/v1/assets: pictures of a card's code, for whoever has their address. They need no key: the address is signed."""

import hmac
from collections.abc import Callable

from litestar import HttpMethod, Response
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from tallybook.domain.records import Card
from tallybook.store import queries
from tallybook.store.database import Database
from tallybook.wire.cards import asset_ids
from tallybook.wire.images import barcode_png, qr_png

PNG = "image/png"
HEADERS = {"Cache-Control": "private, max-age=31536000, immutable", "Referrer-Policy": "no-referrer"}
"""A code never changes, so its picture may be kept for a year; but it is a secret of its holder, so not by proxies."""


def handlers(database: Database) -> list[HTTPRouteHandler]:
    """GET of the two pictures of every card; a wrong signature, a deleted card and an unknown one are all 404."""

    def qr(card_id: FromPath[str], file: FromPath[str]) -> Response[bytes]:
        return _picture(_signed(database, card_id, file, 0), qr_png)

    def barcode(card_id: FromPath[str], file: FromPath[str]) -> Response[bytes]:
        return _picture(_signed(database, card_id, file, 1), barcode_png)

    methods = [HttpMethod.GET, HttpMethod.HEAD]
    return [
        HTTPRouteHandler(f"/v1/assets/{one.__name__}/{{card_id:str}}/{{file:str}}", http_method=methods, sync_to_thread=True)(one)
        for one in (qr, barcode)
    ]


def _signed(database: Database, card_id: str, file: str, kind: int) -> Card:
    """The card, when the file is called by the id that this picture of it has. Raises NotFoundException."""
    if "\0" in card_id:
        raise NotFoundException
    with database.reading() as connection:
        card = queries.find_card(connection, card_id)
    if card is None or not card.asset_key or not hmac.compare_digest(file.encode(), f"{asset_ids(card)[kind]}.png".encode()):
        raise NotFoundException
    return card


def _picture(card: Card, draw: Callable[[str], bytes | None]) -> Response[bytes]:
    picture = draw(card.code)
    if picture is None:
        raise NotFoundException
    return Response(picture, media_type=PNG, headers=HEADERS)
