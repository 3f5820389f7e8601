"""Cards as things of their own: added to a campaign, changed, switched on and off, deleted."""

from datetime import datetime
from typing import Any

import msgspec

from tallybook.domain.canonical import canonical, merge
from tallybook.domain.codes import check_config, code_config
from tallybook.domain.config import Campaign, CodeConfig
from tallybook.domain.configuration import Configuration
from tallybook.domain.earning import MAX_POINTS
from tallybook.domain.occurrence import Refs
from tallybook.domain.records import Card, Customer
from tallybook.domain.refusals import DuplicateFound, InvalidPayload, NotFound, ResourceProtected
from tallybook.usecases.campaigns import CodeConfigFields, RedemptionFields
from tallybook.usecases.categories import category_id_of
from tallybook.usecases.command import CodesWanted, Command, Needs
from tallybook.usecases.generate_cards import CardTerms, GenerateCards
from tallybook.usecases.join_campaign import CardView, campaign_of
from tallybook.usecases.metadata_schemas import check_metadata
from tallybook.usecases.page import Page
from tallybook.usecases.pending_points import cancel_entry
from tallybook.usecases.points import held_tier, version_of
from tallybook.usecases.publish import counter_of, generate_card

CODE_LENGTH = 255
"""Most characters of a code that a request gives."""


class PointsFields(msgspec.Struct, frozen=True, kw_only=True):
    """The initial points of one card."""

    points: int | None = None


class CardFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about a card. What it does not say stays as it is, or is the campaign's; null says nothing.

    A category is named by id, or by name in `category`; an empty text gives the campaign's back.
    """

    category: str | None = None
    category_id: str | None = None
    start_date: datetime | None = None
    expiration_date: datetime | None = None
    active: bool | None = None
    additional_info: str | None = None
    metadata: dict[str, Any] | None = None
    redemption: RedemptionFields | None = None
    loyalty_card: PointsFields | None = None


_PLAIN = ("start_date", "expiration_date", "active", "additional_info")


def _said(page: Page, card: Card, fields: CardFields) -> dict[str, Any]:
    """What the fields say of the card, as fields of its record. Refuses: NotFound for a category; InvalidPayload for dates in
    the wrong order, and for points of a published card: those have a ledger; whatever the schema of metadata refuses.
    """
    said: dict[str, Any] = {name: value for name in _PLAIN if (value := getattr(fields, name)) is not None}
    category_id = category_id_of(page.configuration, fields.category_id, fields.category)
    if category_id is not None:
        said["category_id"] = category_id or None
    if fields.metadata is not None:
        said["metadata"] = merge(card.metadata, fields.metadata)
        check_metadata(page.configuration, "voucher", said["metadata"])
    points = fields.loyalty_card.points if fields.loyalty_card else None
    if points is not None and points != card.points:
        if card.customer_id is not None:
            raise InvalidPayload("Property .loyalty_card.points cannot be changed of a published card; adjust its balance")
        if not 0 <= points <= MAX_POINTS:
            raise InvalidPayload(f"Property .loyalty_card.points must be >= 0 and <= {MAX_POINTS}")
        said |= {"points": points, "balance": points, "initial_points": points}
    starts, ends = said.get("start_date", card.start_date), said.get("expiration_date", card.expiration_date)
    if starts is not None and ends is not None and ends <= starts:
        raise InvalidPayload("Property .expiration_date must be after .start_date")
    return said


def _card_of(page: Page, key: str) -> tuple[Card, Campaign]:
    """The card by code or id, and its campaign. Refuses: NotFound, for a card of a deleted campaign too."""
    card = page.card(key)
    if card is None:
        raise NotFound("voucher", key)
    return card, campaign_of(page.configuration, card.campaign_id)


def _changed(page: Page, card: Card, campaign: Campaign, said: dict[str, Any], name: str) -> CardView:
    """Writes what is new of the card and tells of it; nothing at all when nothing is new (decision 43)."""
    if any(getattr(card, field) != value for field, value in said.items()):
        at = page.tick()
        card = page.put(msgspec.structs.replace(card, **said, updated_at=at))
        page.emit(name, card.id, _refs(page, card, campaign), card.customer_id, at)
    return _view(page, card, campaign)


def _view(page: Page, card: Card, campaign: Campaign) -> CardView:
    return CardView(card, page.numbers(card), campaign, page.configuration.category(card.category_id or campaign.category_id))


def _refs(page: Page, card: Card, campaign: Campaign) -> Refs:
    return Refs(card=page.subject(card), after=page.numbers(card), campaign=version_of(campaign))


def said_of_new(page: Page, campaign: Campaign, fields: CardFields) -> dict[str, Any]:
    """What the fields say of a card that is about to be made, as fields of its record. Refuses: InvalidPayload; NotFound for
    a category; MetadataValidationFailed.
    """
    blank = Card(
        id="",
        project_id=page.project_id,
        campaign_id=campaign.id,
        code="",
        points=campaign.card_points,
        start_date=campaign.validity.start_date,
        expiration_date=campaign.validity.expiration_date,
        created_at=page.now,
    )
    said = _said(page, blank, fields)
    if fields.redemption is not None:
        said["redemption_limit"] = fields.redemption.quantity
    return said


def check_code(code: str) -> str:
    """The code, if a card may have it. Refuses: InvalidPayload."""
    if not _is_code(code):
        raise InvalidPayload(f"Property .code must have 1 to {CODE_LENGTH} printable characters")
    return code


def _is_code(text: str) -> bool:
    return text.isprintable() and 1 <= len(text) <= CODE_LENGTH


class AddCard(Command, frozen=True, kw_only=True):
    """Add one card to a campaign: with the given code, else with one made as `code_config` or the campaign says."""

    campaign: str
    code: str | None = None
    code_config: CodeConfigFields | None = None
    fields: CardFields = CardFields()

    def needs(self, configuration: Configuration) -> Needs:
        """The card that may have the code already, or a code that nobody has."""
        campaign = configuration.campaign(self.campaign)
        if self.code is not None:
            return Needs(cards=(self.code,)) if _is_code(self.code) else Needs()
        config = self._config(campaign) if campaign else None
        return Needs(codes=(CodesWanted(_key_of(config), config, 1),)) if config and config.length else Needs()

    def decide(self, page: Page) -> CardView:
        """Refuses: NotFound; DuplicateFound for a code that is taken; InvalidPayload for what does not fit together or a
        pattern without a free code; ResourceProtected when the campaign is about to be deleted.
        """
        campaign = campaign_of(page.configuration, self.campaign)
        if campaign.deletion is not None:
            raise ResourceProtected("campaign", campaign.id)
        code = self._new_code(page, campaign) if self.code is None else self._checked_code(page, self.code)
        card = generate_card(page, campaign, page.tick(), code, **said_of_new(page, campaign, self.fields))
        return _view(page, card, campaign)

    def _config(self, campaign: Campaign) -> CodeConfig:
        said = self.code_config
        if said is None:
            return campaign.code_config
        return code_config(said.length, said.charset, said.pattern, said.prefix, said.postfix)

    def _checked_config(self, campaign: Campaign) -> CodeConfig:
        return check_config(self._config(campaign), ".code_config")

    def _new_code(self, page: Page, campaign: Campaign) -> str:
        code = page.take_code(_key_of(self._checked_config(campaign)))
        if code is None:
            raise InvalidPayload("The pattern of the codes has no free code left")
        return code

    @staticmethod
    def _checked_code(page: Page, code: str) -> str:
        if page.card(check_code(code)) is not None:
            raise DuplicateFound("voucher", code, "id")
        return code


class AddCards(AddCard, frozen=True, kw_only=True):
    """Add many cards to a campaign, by and by: the same as one, but no code is given and no points are said."""

    count: int

    def decide(self, page: Page) -> Any:
        """Gives the id of the async action. Refuses what adding one card refuses, and LimitExceeded past 100,000."""
        campaign = campaign_of(page.configuration, self.campaign)
        if self.code is not None:
            raise InvalidPayload("Property .code names one card, and .vouchers_count asks for more")
        names = CardTerms.__struct_fields__
        said = {name: value for name, value in said_of_new(page, campaign, self.fields).items() if name in names}
        terms = CardTerms(**said, code_config=self._checked_config(campaign) if self.code_config is not None else None)
        command = GenerateCards(project_id=self.project_id, key=campaign.id, count=self.count, terms=terms)
        return command.decide(page)


def _key_of(config: CodeConfig) -> str:
    """Codes of one kind are wanted together, whichever campaign they are for."""
    return canonical(msgspec.to_builtins(config))


class UpdateCard(Command, frozen=True, kw_only=True):
    """Change a card."""

    key: str
    fields: CardFields

    def needs(self, configuration: Configuration) -> Needs:
        """The card with its holder."""
        return Needs(cards=(self.key,))

    def decide(self, page: Page) -> CardView:
        """Refuses: NotFound; InvalidPayload. Says voucher.updated."""
        card, campaign = _card_of(page, self.key)
        return _changed(page, card, campaign, _said(page, card, self.fields), "voucher.updated")


class SwitchCard(Command, frozen=True, kw_only=True):
    """Enable or disable a card. While it is off it earns nothing (decision 23) and is not published."""

    key: str
    active: bool

    def needs(self, configuration: Configuration) -> Needs:
        """The card with its holder."""
        return Needs(cards=(self.key,))

    def decide(self, page: Page) -> CardView:
        """Refuses: NotFound. Says voucher.enabled or voucher.disabled."""
        card, campaign = _card_of(page, self.key)
        return _changed(page, card, campaign, {"active": self.active}, f"voucher.{'enabled' if self.active else 'disabled'}")


class DeleteCard(Command, frozen=True, kw_only=True):
    """Delete a card: unknown from then on, and its code is free. Its transactions stay for ever, and its lots stay as they
    were, but closed: nothing expires any more. What waits is canceled, the holder leaves the campaign's tiers and may join anew.
    """

    key: str

    def needs(self, configuration: Configuration) -> Needs:
        """The card with its holder, and how many cards the campaign has."""
        return Needs(cards=(self.key,))

    def decide(self, page: Page) -> None:
        """Refuses: NotFound. Says voucher.deleted, of the card as it was."""
        card, campaign = _card_of(page, self.key)
        holder = page.customer(card.customer_id)
        if holder is not None:
            card = self._let_go(page, card, campaign, holder)
        at = page.tick()
        refs = _refs(page, card, campaign)
        for lot in page.lots(card):
            page.put(msgspec.structs.replace(lot, status="DELETED", updated_at=at))
        page.put(msgspec.structs.replace(card, updated_at=at, deleted_at=at))
        page.count(counter_of(campaign), -1)
        page.emit("voucher.deleted", card.id, refs, card.customer_id, at)

    @staticmethod
    def _let_go(page: Page, card: Card, campaign: Campaign, holder: Customer) -> Card:
        """Cancels what waits for the card, and takes its holder out of the tiers."""
        for entry in page.waiting_entries(holder.id):
            if entry.card_id == card.id:
                cancel_entry(page, entry, page.tick())
        tier, membership = held_tier(page, holder.id, campaign.id), page.membership(holder.id, campaign.id)
        if tier is not None and membership is not None:
            at = page.tick()
            page.put(msgspec.structs.replace(membership, tier_id=None, expiration_on=None, updated_at=at))
            refs = Refs(customer=page.subject(holder), campaign=version_of(campaign), tier=version_of(tier))
            page.emit("customer.loyalty.tier.left", holder.id, refs, holder.id, at)
        return page.card(card.id) or card
