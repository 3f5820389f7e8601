"""Importing cards: those that come with their codes. Few are made at once, many in slices, as a generation is.

    asked for ──all in the first slice──▶ DONE
        └──else──▶ IN_PROGRESS ──last slice──▶ DONE, saying how many were made

A slice writes its cards and the action's `done_count` in one transaction, so an import that was killed goes on where it stood.
A card whose metadata does not fit the schema, or whose code was taken since the import was asked for, is passed over; the
action says which and why.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from tallybook.domain.config import Campaign
from tallybook.domain.configuration import Configuration
from tallybook.domain.occurrence import Refs
from tallybook.domain.records import AsyncAction
from tallybook.domain.refusals import DuplicateCodes, InvalidVoucher, MetadataValidationFailed, ResourceProtected
from tallybook.usecases.cards import CardFields, check_code, said_of_new
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.generate_cards import DONE, IN_PROGRESS, CardTerms, delete_if_waiting
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.page import Page
from tallybook.usecases.points import version_of
from tallybook.usecases.publish import counter_of, new_card

ImportType = Literal["CAMPAIGN.VOUCHERS_IMPORT", "CAMPAIGN.VOUCHERS_IMPORT_CSV"]
IMPORT: ImportType = "CAMPAIGN.VOUCHERS_IMPORT"
IMPORT_CSV: ImportType = "CAMPAIGN.VOUCHERS_IMPORT_CSV"
IMPORTS = (IMPORT, IMPORT_CSV)
TAKEN = "The code exists already"
SLICE = 500
"""Cards made in one batch of the engine."""


class ImportFields(CardFields, frozen=True, kw_only=True):
    """What a request says about one of the cards. `category` may be an id or a name."""

    code: str | None = None


class ImportedCard(CardTerms, frozen=True, kw_only=True, omit_defaults=True):
    """A card that is to be made; what is UNSET is as the campaign says. `row` counts the cards of the import from 1."""

    code: str
    row: int
    points: int | UnsetType = UNSET
    balance: int | UnsetType = UNSET
    initial_points: int | UnsetType = UNSET


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A card that was not made, and why. `row` counts the cards of the import from 1."""

    code: str
    row: int
    reason: str


class ImportTask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parameters of an import's action: the cards to make, until it has ended, and those that could not be made."""

    cards: tuple[ImportedCard, ...] = ()
    failed: tuple[Failure, ...] = ()


def next_cards(action: AsyncAction) -> tuple[ImportedCard, ...]:
    """The cards that the next slice of this import makes."""
    cards = task_of(action).cards
    begin = action.done_count - (action.total - len(cards))
    return cards[begin : begin + SLICE]


def task_of(action: AsyncAction) -> ImportTask:
    """What is to be imported, and what could not be."""
    return msgspec.json.decode(action.parameters, type=ImportTask)


class ImportCards(Command, frozen=True, kw_only=True):
    """Add cards with these codes to a campaign. No event tells of a single one."""

    campaign: str
    type: ImportType
    cards: list[ImportFields]

    def needs(self, configuration: Configuration) -> Needs:
        """Which of the codes are taken."""
        return Needs(maybe_taken=tuple(one.code for one in self.cards if one.code))

    def decide(self, page: Page) -> str:
        """Gives the id of the async action. Refuses: NotFound for the campaign or a category; ResourceProtected when the
        campaign is about to be deleted; InvalidVoucher for a card without a code; DuplicateCodes; InvalidPayload for what a
        card cannot be.
        """
        campaign = campaign_of(page.configuration, self.campaign)
        if campaign.deletion is not None:
            raise ResourceProtected("campaign", campaign.id)
        self._check_codes(page)
        task = self._task(page, campaign)
        action = AsyncAction(
            id=page.ordered_id("aa_"),
            project_id=page.project_id,
            type=self.type,
            entity_id=campaign.id,
            request_id=page.occurrence_id,
            total=len(self.cards),
            done_count=len(task.failed),
            parameters=msgspec.json.encode(task).decode(),
            created_at=page.now,
        )
        if len(task.cards) > SLICE:
            said = {"generations": (*campaign.generations, action.id), "vouchers_generation_status": IN_PROGRESS}
            campaign = page.configure(msgspec.structs.replace(campaign, **said, version=campaign.version + 1))
        _go_on(page, campaign, action, task.cards[:SLICE])
        return action.id

    def _check_codes(self, page: Page) -> None:
        codes = [one.code for one in self.cards if one.code]
        if len(codes) < len(self.cards):
            raise InvalidVoucher(len(self.cards) - len(codes))
        different = {check_code(code) for code in codes}
        if taken := len(codes) - sum(not page.is_taken(code) for code in different):
            raise DuplicateCodes(taken)

    def _task(self, page: Page, campaign: Campaign) -> ImportTask:
        cards, failed = [], []
        for row, fields in enumerate(self.cards, 1):
            try:
                cards.append(_imported(page, campaign, row, fields))
            except MetadataValidationFailed as refused:
                failed.append(Failure(code=fields.code or "", row=row, reason=str(refused)))
        return ImportTask(cards=tuple(cards), failed=tuple(failed))


def _imported(page: Page, campaign: Campaign, row: int, fields: ImportFields) -> ImportedCard:
    if fields.category and page.configuration.category(fields.category) is not None:
        fields = msgspec.structs.replace(fields, category=None, category_id=fields.category)
    return ImportedCard(code=fields.code or "", row=row, **said_of_new(page, campaign, fields))


class ImportSlice(Command, frozen=True, kw_only=True):
    """Make the next cards of an import: those from `start` on."""

    campaign_id: str
    action_id: str
    start: int
    cards: tuple[ImportedCard, ...]

    def needs(self, configuration: Configuration) -> Needs:
        """How far the import is, codes that were taken since, and what a deletion that waits for it has to know."""
        campaign = configuration.campaign(self.campaign_id)
        if campaign is None:
            return Needs(actions=(self.action_id,))
        return Needs(
            actions=(self.action_id, campaign.deletion or ""),
            maybe_taken=tuple(card.code for card in self.cards),
            counters=(counter_of(campaign),),
        )

    def decide(self, page: Page) -> None:
        """Nothing happens when the import is not where this slice begins."""
        action = page.action(self.action_id)
        campaign = page.configuration.campaign(self.campaign_id)
        if action is None or campaign is None or action.id not in campaign.generations or action.done_count != self.start:
            return
        _go_on(page, campaign, action, self.cards)


def _go_on(page: Page, campaign: Campaign, action: AsyncAction, cards: tuple[ImportedCard, ...]) -> None:
    """Makes these cards, and remembers that they are done."""
    lost = [Failure(code=card.code, row=card.row, reason=TAKEN) for card in cards if page.is_taken(card.code)]
    free = [card for card in cards if not page.is_taken(card.code)]
    for card in free:
        page.put(card.apply(new_card(page, campaign, card.code, page.now)))
    page.count(counter_of(campaign), len(free))
    task, done = task_of(action), action.done_count + len(cards)
    task = msgspec.structs.replace(task, failed=(*task.failed, *lost), cards=task.cards if done < action.total else ())
    action = msgspec.structs.replace(
        action,
        status=IN_PROGRESS if done < action.total else DONE,
        done_count=done,
        updated_at=page.tick(),
        parameters=msgspec.json.encode(task).decode(),
    )
    page.put(action)
    if action.status == DONE:
        _end(page, campaign, action, action.total - len(task.failed))


def _end(page: Page, campaign: Campaign, action: AsyncAction, made: int) -> None:
    """Ends an import: tells of it, and does the deletion that waited for it."""
    if action.id in campaign.generations:
        others = tuple(one for one in campaign.generations if one != action.id)
        status = IN_PROGRESS if others else DONE
        campaign = page.configure(
            msgspec.structs.replace(campaign, generations=others, vouchers_generation_status=status, version=campaign.version + 1)
        )
    if made:
        page.emit("campaign.vouchers.added", campaign.id, Refs(campaign=version_of(campaign), count=made))
    delete_if_waiting(page, campaign)
