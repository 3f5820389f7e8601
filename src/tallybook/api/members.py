"""Members of a campaign: their cards, tiers and transactions. And cards as vouchers."""

from typing import Any

import msgspec

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.api.customers import part, span
from tallybook.api.filtering import narrowed
from tallybook.domain.occurrence import CardNumbers
from tallybook.domain.records import Card
from tallybook.domain.refusals import NotFound
from tallybook.store import queries
from tallybook.store.filter_fields import TRANSACTIONS
from tallybook.usecases.customers import CustomerRef
from tallybook.usecases.join_campaign import JoinCampaign, campaign_of
from tallybook.wire import door, lists
from tallybook.wire.cards import voucher_full, voucher_got
from tallybook.wire.tiers import tier_of_member
from tallybook.wire.transactions import transaction_full

ORDERS = ("created_at", "-created_at", "updated_at", "-updated_at", "code", "-code")
LEDGER_QUERY = ("limit", "order", "starting_after_id", "filters")


class MemberFields(msgspec.Struct, frozen=True, kw_only=True):
    """The body of "add member"."""

    customer: CustomerRef
    voucher: str | None = None
    channel: str | None = None
    metadata: dict[str, Any] | None = None


def add_member(public_url: str) -> Any:
    """Makes the route, which shows a card with the address of its images."""

    def add_member(call: Call) -> Wish:
        """Give a customer a card of the campaign; the answer is the card."""
        fields = call.body(MemberFields)
        command = JoinCampaign(
            **call.wish,
            campaign=call.path["campaignId"],
            customer=fields.customer,
            voucher=fields.voucher,
            channel=fields.channel,
            metadata=fields.metadata,
        )
        return Wish(command, lambda view: voucher_full(view.card, view.campaign, view.numbers, public_url, view.category))

    return add_member


def card_of(call: Call, look: Look) -> Card:
    """The card that a member's path names, by code or id. Refuses: NotFound."""
    key = call.path["memberId"]
    card = queries.get_card(look.connection, call.project_id, key)
    campaign = campaign_of(look.configuration, call.path["campaignId"]) if "campaignId" in call.path else None
    if card is None or (campaign is not None and card.campaign_id != campaign.id):
        raise NotFound("voucher", key)
    return card


def _shown(look: Look, cards: list[Card]) -> list[Any]:
    numbers = queries.numbers_of_cards(look.connection, cards)
    campaigns = {
        key: queries.get_campaign_ever(look.connection, look.configuration, key) for key in {c.campaign_id for c in cards}
    }
    return [voucher_full(card, campaigns[card.campaign_id], numbers[card.id], look.public_url) for card in cards]


def settled_card(look: Look, card: Card) -> tuple[Card, CardNumbers]:
    """The card and its numbers, brought up to today where something of its holder may be due."""
    if card.customer_id is None or not card.pending_points:
        return card, queries.numbers_of_cards(look.connection, [card])[card.id]
    page = look.settled(card.customer_id)
    now = page.card(card.id) or card
    return now, page.numbers(now)


def get_member(call: Call, look: Look) -> Any:
    """A member's card, by code or id."""
    card, numbers = settled_card(look, card_of(call, look))
    return voucher_full(
        card, queries.get_campaign_ever(look.connection, look.configuration, card.campaign_id), numbers, look.public_url
    )


def list_members(call: Call, look: Look) -> Any:
    """The cards of a campaign, newest first unless asked otherwise."""
    campaign, query = campaign_of(look.configuration, call.path["campaignId"]), call.query
    customer_key = door.text_of(query, "customer")
    customer = queries.get_customer(look.connection, call.project_id, customer_key) if customer_key else None
    if customer_key and customer is None:
        return lists.page([], 0, "vouchers")
    found, total = queries.list_cards(
        look.connection,
        call.project_id,
        part(query, ORDERS, "-created_at"),
        campaign_id=campaign.id,
        customer_id=customer.id if customer else None,
        code=door.text_of(query, "code"),
        ids=door.values_of(query, "ids"),
        created=span(query, "created_at"),
        updated=span(query, "updated_at"),
    )
    return lists.page(_shown(look, found), total, "vouchers")


def get_voucher(call: Call, look: Look) -> Any:
    """A card by code or id."""
    card = queries.get_card(look.connection, call.project_id, call.path["code"])
    if card is None:
        raise NotFound("voucher", call.path["code"])
    card, numbers = settled_card(look, card)
    campaign = queries.get_campaign_ever(look.connection, look.configuration, card.campaign_id)
    category = look.configuration.category(card.category_id or campaign.category_id)
    return voucher_got(card, campaign, numbers, look.public_url, category)


def list_member_tiers(call: Call, look: Look) -> Any:
    """The tier a member holds: a list of one, or of none."""
    card = card_of(call, look)
    if card.customer_id is not None and card.pending_points:
        membership = look.settled(card.customer_id).membership(card.customer_id, card.campaign_id)
    else:
        membership = queries.get_membership(look.connection, card.customer_id or "", card.campaign_id)
    tier = look.configuration.tier(membership.tier_id) if membership else None
    rows = [tier_of_member(tier, membership)] if tier and membership else []
    return lists.page(rows, len(rows))


def ledger(call: Call, look: Look, **whose: str) -> Any:
    """A stretch of the ledger of a card or a campaign, newest first unless asked otherwise."""
    query = call.query
    found, more = queries.list_transactions(
        look.connection,
        call.project_id,
        narrowing=narrowed(call, look, TRANSACTIONS),
        newest_first=door.order_of(query, ("id", "-id"), "-id") == "-id",
        starting_after_id=door.text_of(query, "starting_after_id"),
        limit=door.limit_of(query),
        **whose,
    )
    return lists.stretch([transaction_full(one) for one in found], found[-1].id if more else None)


def list_member_transactions(call: Call, look: Look) -> Any:
    """A card's ledger, newest first unless asked otherwise."""
    return ledger(call, look, card_id=card_of(call, look).id)


def list_campaign_transactions(call: Call, look: Look) -> Any:
    """The ledger of all cards of a campaign, newest first unless asked otherwise."""
    return ledger(call, look, campaign_id=campaign_of(look.configuration, call.path["campaignId"]).id)


_MEMBERS = "/v1/loyalties/{campaignId}/members"


def routes(public_url: str) -> list[Route]:
    """The routes of members and their cards."""
    return [
        Route("POST", _MEMBERS, "Add member", write=add_member(public_url), takes=MemberFields),
        Route(
            "GET",
            _MEMBERS,
            "List members",
            read=list_members,
            query=("limit", "page", "order", "customer", "code", "ids", "created_at", "updated_at"),
        ),
        Route("GET", _MEMBERS + "/{memberId}", "Get member of a campaign", read=get_member),
        Route("GET", "/v1/loyalties/members/{memberId}", "Get member", read=get_member),
        Route("GET", "/v1/loyalties/members/{memberId}/tiers", "List member's loyalty tier", read=list_member_tiers),
        Route(
            "GET",
            "/v1/loyalties/members/{memberId}/transactions",
            "List loyalty card transactions",
            read=list_member_transactions,
            query=LEDGER_QUERY,
        ),
        Route(
            "GET",
            _MEMBERS + "/{memberId}/transactions",
            "List loyalty card transactions in a campaign",
            read=list_member_transactions,
            query=LEDGER_QUERY,
        ),
        Route(
            "GET",
            "/v1/loyalties/{campaignId}/transactions",
            "List loyalty campaign transactions",
            read=list_campaign_transactions,
            query=LEDGER_QUERY,
        ),
        Route("GET", "/v1/vouchers/{code}", "Get voucher", read=get_voucher),
    ]
