"""Activities of customers and of members: …/activity, and the older …/activities."""

from collections.abc import Callable
from typing import Any

from tallybook.api.call import Call, Look, Route
from tallybook.api.members import card_of
from tallybook.domain.activities import category_of, is_activity_of_customer, is_activity_of_member
from tallybook.domain.config import Document
from tallybook.domain.refusals import NotFound
from tallybook.store import queries
from tallybook.store.queries import Span
from tallybook.store.queries_activity import Stretch, Told, WantedEvents, count_events, list_events
from tallybook.wire import door, lists
from tallybook.wire.activities import activities
from tallybook.wire.door import Malformed
from tallybook.wire.events import PAYLOADS

ORDERS = ("created_at", "-created_at")
CATEGORIES = ("ACTION", "EFFECT")
CAMPAIGN_TYPES = ("DISCOUNT_COUPONS", "REFERRAL_PROGRAM", "GIFT_VOUCHERS", "PROMOTION", "LOYALTY_PROGRAM")
STRETCH_QUERY = ("limit", "order", "starting_after_id")
FILTER_QUERY = ("start_date", "end_date", "campaign_id", "campaign_type")


def list_customer_activity(call: Call, look: Look) -> Any:
    """What happened to a customer, by id or source_id; newest first unless asked otherwise."""
    customer_id = _customer_id(call, look)
    found, more = list_events(look.connection, customer_id, _wanted(call), _stretch(call))
    return _shown(look, found, more)


def list_customer_activities(call: Call, look: Look) -> Any:
    """The same with a total in place of a cursor; `starting_after` is an instant."""
    if door.text_of(call.query, "product_id") is not None:
        raise Malformed("Property .product_id is not supported", "invalid_query_params")
    customer_id, wanted = _customer_id(call, look), _wanted(call)
    found, _ = list_events(look.connection, customer_id, wanted, _stretch(call))
    return lists.page(_rows(look, found), count_events(look.connection, customer_id, wanted))


def list_member_activity(call: Call, look: Look) -> Any:
    """What happened to a member in the programme: the events that speak of the card."""
    card = card_of(call, look)
    if card.customer_id is None:
        return lists.stretch([], None)
    wanted = WantedEvents(names=_names(is_activity_of_member), card_id=card.id)
    return _shown(look, *list_events(look.connection, card.customer_id, wanted, _stretch(call)))


def _customer_id(call: Call, look: Look) -> str:
    found = queries.get_customer(look.connection, call.project_id, call.path["customerId"])
    if found is None:
        raise NotFound("customer", call.path["customerId"])
    return found.id


def _names(wanted: Callable[[str], bool]) -> set[str]:
    return {name for name in PAYLOADS if wanted(name)}


def _wanted(call: Call) -> WantedEvents:
    query = call.query
    name, category, kind = (door.text_of(query, one) for one in ("type", "category", "campaign_type"))
    _check("category", category, CATEGORIES)
    _check("campaign_type", kind, CAMPAIGN_TYPES)
    names = _names(is_activity_of_customer) if name is None else {name} & _names(lambda one: one.startswith("customer."))
    if category is not None:
        names = {one for one in names if category_of(one) == category}
    return WantedEvents(
        names=names if kind in (None, "LOYALTY_PROGRAM") else (),
        campaign_id=door.text_of(query, "campaign_id"),
        with_card=kind is not None,
        during=Span(after=door.instant_of(query, "start_date"), before=door.instant_of(query, "end_date")),
    )


def _check(parameter: str, said: str | None, allowed: tuple[str, ...]) -> None:
    if said is not None and said not in allowed:
        raise Malformed(f"Property .{parameter} must be one of: {', '.join(allowed)}", "invalid_query_params")


def _stretch(call: Call) -> Stretch:
    query = call.query
    newest_first = door.order_of(query, ORDERS, "-created_at") == "-created_at"
    behind = door.instant_of(query, "starting_after")
    return Stretch(
        limit=door.limit_of(query),
        newest_first=newest_first,
        after_id=door.text_of(query, "starting_after_id"),
        behind=Span(before=behind) if newest_first else Span(after=behind),
    )


def _shown(look: Look, told: list[Told], more: bool) -> Any:
    return lists.stretch(_rows(look, told), told[-1][0].id if more else None)


def _rows(look: Look, told: list[Told]) -> list[Any]:
    kept: dict[tuple[str, int], Document] = {}

    def history(document_id: str, version: int) -> Document:
        if (document_id, version) not in kept:
            kept[document_id, version] = queries.get_document(look.connection, document_id, version)
        return kept[document_id, version]

    return activities(told, history, look.public_url)


_MEMBER = "/v1/loyalties/members/{memberId}/activity"
_MEMBER_OF = "/v1/loyalties/{campaignId}/members/{memberId}/activity"

ROUTES = [
    Route(
        "GET",
        "/v1/customers/{customerId}/activity",
        "List customer activity",
        read=list_customer_activity,
        query=(*STRETCH_QUERY, *FILTER_QUERY, "category", "type"),
    ),
    Route(
        "GET",
        "/v1/customers/{customerId}/activities",
        "List customer activities",
        read=list_customer_activities,
        query=(*STRETCH_QUERY, "starting_after", *FILTER_QUERY),
    ),
    Route("GET", _MEMBER, "List member activity", read=list_member_activity, query=STRETCH_QUERY),
    Route("GET", _MEMBER_OF, "List member activity in a campaign", read=list_member_activity, query=STRETCH_QUERY),
]
