"""/v1/vouchers: cards as vouchers. And the cards that are added to a campaign."""

from typing import Any, Literal

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.api.customers import part, span
from tallybook.api.filtering import narrowed
from tallybook.api.members import LEDGER_QUERY, ORDERS, ledger
from tallybook.domain.records import Card
from tallybook.domain.refusals import InvalidPayload, NotFound, NotImplementedYet
from tallybook.store import queries
from tallybook.store.filter_fields import CARDS
from tallybook.usecases.campaigns import CodeConfigFields
from tallybook.usecases.cards import AddCard, AddCards, CardFields, DeleteCard, SwitchCard, UpdateCard
from tallybook.usecases.generate_cards import MOST_CARDS
from tallybook.usecases.join_campaign import CardView
from tallybook.wire import door, lists
from tallybook.wire.cards import voucher_full, voucher_got

LIST_QUERY = (
    "limit", "page", "order", "category", "campaign", "campaign_id", "customer", "code", "type", "ids", "created_at",
    "updated_at", "filters",
)  # fmt: skip


class NewCardFields(CardFields, frozen=True, kw_only=True):
    """The body that adds cards to a campaign."""

    code: str | None = None
    code_config: CodeConfigFields | None = None


class NewVoucherFields(NewCardFields, frozen=True, kw_only=True):
    """The body that makes a voucher: ours are the cards of loyalty campaigns."""

    type: Literal["LOYALTY_CARD", "GIFT_VOUCHER", "DISCOUNT_VOUCHER"] = "DISCOUNT_VOUCHER"
    campaign: str | None = None
    campaign_id: str | None = None


# --- reading ---


def list_vouchers(call: Call, look: Look) -> Any:
    """The cards of all campaigns, newest first unless asked otherwise."""
    query, configuration = call.query, look.configuration
    campaign_key = door.text_of(query, "campaign_id") or door.text_of(query, "campaign")
    campaign = configuration.campaign(campaign_key) if campaign_key else None
    customer_key = door.text_of(query, "customer")
    customer = queries.get_customer(look.connection, call.project_id, customer_key) if customer_key else None
    category_key = door.text_of(query, "category")
    category = next((one for one in configuration.categories if category_key in (one.id, one.name)), None)
    unknown = (campaign_key and not campaign) or (customer_key and not customer) or (category_key and not category)
    wanted, narrowing = part(query, ORDERS, "-created_at"), narrowed(call, look, CARDS)
    if unknown or door.text_of(query, "type") not in (None, "LOYALTY_CARD"):
        return lists.page([], 0, "vouchers")
    found, total = queries.list_cards(
        look.connection,
        call.project_id,
        wanted,
        campaign_id=campaign.id if campaign else None,
        customer_id=customer.id if customer else None,
        category_id=category.id if category else None,
        campaigns_of_category=[one.id for one in configuration.campaigns if category and one.category_id == category.id],
        code=door.text_of(query, "code"),
        ids=door.values_of(query, "ids"),
        created=span(query, "created_at"),
        updated=span(query, "updated_at"),
        narrowing=narrowing,
    )
    return lists.page(_shown(look, found), total, "vouchers")


def _shown(look: Look, cards: list[Card]) -> list[Any]:
    numbers = queries.numbers_of_cards(look.connection, cards)
    keys = {card.campaign_id for card in cards}
    campaigns = {key: queries.get_campaign_ever(look.connection, look.configuration, key) for key in keys}
    shown = []
    for card in cards:
        campaign = campaigns[card.campaign_id]
        category = look.configuration.category(card.category_id or campaign.category_id)
        shown.append(voucher_full(card, campaign, numbers[card.id], look.public_url, category))
    return shown


def list_voucher_transactions(call: Call, look: Look) -> Any:
    """A card's ledger, newest first unless asked otherwise."""
    card = queries.get_card(look.connection, call.project_id, call.path["code"])
    if card is None:
        raise NotFound("voucher", call.path["code"])
    return ledger(call, look, card_id=card.id)


# --- writing ---


def delete_voucher(call: Call) -> Wish:
    """Delete a card for good; what it did stays in the ledger. There is no bin to bring it back from."""
    return Wish(DeleteCard(**call.wish, key=call.path["code"]))


class _Writers:
    """The routes whose answer is a card: it names the address of the card's images."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    def _show(self, view: CardView) -> Any:
        return voucher_got(view.card, view.campaign, view.numbers, self._public_url, view.category)

    def update_voucher(self, call: Call) -> Wish:
        """Change what is sent; the rest stays."""
        return Wish(UpdateCard(**call.wish, key=call.path["code"], fields=call.body(CardFields)), self._show)

    def enable_voucher(self, call: Call) -> Wish:
        """Switch a card on."""
        return Wish(SwitchCard(**call.wish, key=call.path["code"], active=True), self._show)

    def disable_voucher(self, call: Call) -> Wish:
        """Switch a card off: it earns nothing while it is."""
        return Wish(SwitchCard(**call.wish, key=call.path["code"], active=False), self._show)

    def add_vouchers(self, call: Call) -> Wish:
        """Add a card to a campaign; or, as `vouchers_count` says, many: then the answer is 202 and names an async action."""
        fields = call.body(NewCardFields)
        count = door.integer_of(call.query, "vouchers_count", default=1, low=1, high=MOST_CARDS)
        if count == 1:
            return self._add(call, call.path["campaignId"], fields, fields.code)
        said = {"campaign": call.path["campaignId"], "code": fields.code, "code_config": fields.code_config, "fields": fields}
        return Wish(AddCards(**call.wish, **said, count=count), lambda action_id: {"async_action_id": action_id}, status=202)

    def add_voucher_with_code(self, call: Call) -> Wish:
        """Add a card with this code to a campaign."""
        return self._add(call, call.path["campaignId"], call.body(CardFields), call.path["code"])

    def create_voucher(self, call: Call) -> Wish:
        """Make a loyalty card with this code; `campaign` is required."""
        return self._create(call, call.path["code"])

    def create_voucher_with_random_code(self, call: Call) -> Wish:
        """Make a loyalty card, with a code as `code` or `code_config` says; `campaign` is required."""
        return self._create(call, None)

    def _create(self, call: Call, code: str | None) -> Wish:
        fields = call.body(NewVoucherFields)
        if fields.type != "LOYALTY_CARD":
            raise NotImplementedYet("Vouchers other than loyalty cards are not built")
        campaign = fields.campaign_id or fields.campaign
        if not campaign:
            raise InvalidPayload("Property .campaign is required")
        return self._add(call, campaign, fields, code or fields.code)

    def _add(self, call: Call, campaign: str, fields: CardFields, code: str | None) -> Wish:
        config = fields.code_config if isinstance(fields, NewCardFields) else None
        return Wish(AddCard(**call.wish, campaign=campaign, code=code, code_config=config, fields=fields), self._show)


def routes(public_url: str) -> list[Route]:
    """The routes of cards as vouchers. `public_url` is where this server is reached."""
    to, one, many = _Writers(public_url), "/v1/vouchers/{code}", "/v1/campaigns/{campaignId}/vouchers"
    count = ("vouchers_count",)
    return [
        Route("GET", "/v1/vouchers", "List vouchers", read=list_vouchers, query=LIST_QUERY),
        Route("POST", "/v1/vouchers", "Generate random code", write=to.create_voucher_with_random_code, takes=NewVoucherFields),
        Route("POST", one, "Create voucher", write=to.create_voucher, takes=NewVoucherFields),
        Route("PUT", one, "Update voucher", write=to.update_voucher, takes=CardFields),
        Route("DELETE", one, "Delete voucher", write=delete_voucher, status=204, query=("force",)),
        Route("POST", one + "/enable", "Enable voucher", write=to.enable_voucher),
        Route("POST", one + "/disable", "Disable voucher", write=to.disable_voucher),
        Route("GET", one + "/transactions", "List voucher transactions", read=list_voucher_transactions, query=LEDGER_QUERY),
        Route("POST", many, "Add vouchers to campaign", write=to.add_vouchers, takes=NewCardFields, query=count),
        Route("POST", many + "/{code}", "Add voucher with specific code", write=to.add_voucher_with_code, takes=CardFields),
    ]
