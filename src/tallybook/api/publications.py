"""/v1/publications: giving a customer a card."""

from collections.abc import Callable
from typing import Any

import msgspec

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.api.customers import part
from tallybook.api.filtering import narrowed
from tallybook.store import queries
from tallybook.store.filter_fields import PUBLICATIONS
from tallybook.store.queries_publications import WantedPublications
from tallybook.store.queries_publications import list_publications as listed
from tallybook.usecases.customers import CustomerRef
from tallybook.usecases.publications import PublicationView, PublishCard
from tallybook.wire import door, lists
from tallybook.wire.cards import voucher_full
from tallybook.wire.publications import publication_full, publication_listed

_INVALID_QUERY = "invalid_query_params"
_FIELDS = ("id", "voucher_code", "tracking_id", "customer_id", "created_at", "channel")
ORDERS = tuple(sign + name for name in _FIELDS for sign in ("", "-"))
LIST_QUERY = (
    "limit", "page", "order", "campaign", "customer", "voucher", "result", "voucher_type", "is_referral_code", "source_id",
    "channel", "filters",
)  # fmt: skip


class CampaignSource(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign a card is taken from, by name or id; `count` can only be 1."""

    name: str | None = None
    id: str | None = None
    count: door.NumericInt | None = None


class PublicationFields(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a publication; GET /v1/publications/create says the same as query parameters."""

    customer: CustomerRef | None = None
    campaign: str | CampaignSource | None = None
    voucher: str | None = None
    source_id: str | None = None
    channel: str | None = None
    metadata: dict[str, Any] | None = None


def _command(call: Call, fields: PublicationFields) -> PublishCard:
    campaign = CampaignSource(name=fields.campaign) if isinstance(fields.campaign, str) else fields.campaign
    return PublishCard(
        **call.wish,
        customer=fields.customer,
        campaign=(campaign.name or campaign.id) if campaign else None,
        count=(campaign.count if campaign else None) or 1,
        voucher=fields.voucher,
        join_once=door.flag_of(call.query, "join_once"),
        source_id=fields.source_id,
        channel=fields.channel,
        metadata=fields.metadata,
    )


def _show(public_url: str) -> Callable[[PublicationView], Any]:
    def show(view: PublicationView) -> Any:
        voucher = voucher_full(view.card, view.campaign, view.numbers, public_url, view.category)
        return publication_full(view.publication, view.customer, voucher)

    return show


def create_publication(public_url: str) -> Callable[[Call], Wish]:
    """Makes the route, which shows a card with the address of its images."""

    def create_publication(call: Call) -> Wish:
        """Give a customer a card: the next of a campaign, or the one that is named."""
        return Wish(_command(call, call.body(PublicationFields)), _show(public_url))

    return create_publication


def _fields_of(query: Any) -> PublicationFields:
    """What the query parameters say. Refuses: Malformed."""
    if "customer" not in query:
        raise door.Malformed("Query should have required property 'customer'", _INVALID_QUERY)
    names = PublicationFields.__struct_fields__
    try:
        return door.convert({name: value for name, value in query.items() if name in names}, PublicationFields)
    except door.Malformed as wrong:
        raise door.Malformed(wrong.details, _INVALID_QUERY) from None


def create_publication_by_query(public_url: str) -> Callable[[Call], Wish]:
    """Makes the route, which shows a card with the address of its images."""

    def create_publication_by_query(call: Call) -> Wish:
        """Give a customer a card, as the query parameters say."""
        return Wish(_command(call, _fields_of(call.query)), _show(public_url))

    return create_publication_by_query


def list_publications(call: Call, look: Look) -> Any:
    """Publications, newest first unless asked otherwise."""
    query, configuration = call.query, look.configuration
    customer_key, campaign_key = door.text_of(query, "customer"), door.text_of(query, "campaign")
    customer = queries.get_customer(look.connection, call.project_id, customer_key) if customer_key else None
    campaign = configuration.campaign(campaign_key) if campaign_key else None
    wanted = WantedPublications(
        customer_id=customer.id if customer else customer_key,
        campaign_ids=None if campaign_key is None else [campaign.id if campaign else campaign_key],
        voucher=door.text_of(query, "voucher"),
        source_id=door.text_of(query, "source_id"),
        channel=door.text_of(query, "channel"),
        narrowing=narrowed(call, look, PUBLICATIONS),
        nothing=_is_foreign(query),
    )
    found, total = listed(look.connection, call.project_id, part(query, ORDERS, "-created_at"), wanted)
    numbers = queries.numbers_of_cards(look.connection, [one.card for one in found])
    campaigns = {
        key: queries.get_campaign_ever(look.connection, configuration, key) for key in {one.card.campaign_id for one in found}
    }
    rows = [
        publication_listed(one.publication, one.customer, one.card, campaigns[one.card.campaign_id], numbers[one.card.id])
        for one in found
    ]
    return lists.page(rows, total, "publications")


def _is_foreign(query: Any) -> bool:
    """Whether the query asks for what we never have: failed publications, and vouchers other than loyalty cards."""
    return (
        door.text_of(query, "result") not in (None, "SUCCESS")
        or door.text_of(query, "voucher_type") not in (None, "loyalty")
        or door.flag_of(query, "is_referral_code")
    )


def routes(public_url: str) -> list[Route]:
    """The routes of publications. `public_url` is where this server is reached."""
    path, by_query = "/v1/publications", create_publication_by_query(public_url)
    said = ("join_once", *PublicationFields.__struct_fields__)
    return [
        Route("POST", path, "Create publication", create_publication(public_url), takes=PublicationFields, query=("join_once",)),
        Route("GET", path + "/create", "Create publication by query", by_query, query=said),
        Route("GET", path, "List publications", read=list_publications, query=LIST_QUERY),
    ]
