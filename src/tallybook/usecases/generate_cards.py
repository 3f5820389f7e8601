"""Cards by the thousand: asked for in one command, made in slices, each of which remembers how far it came (decision 36).

    asked for: ENQUEUED ──first slice──▶ IN_PROGRESS ──last slice──▶ DONE
                                              └──no code is left───▶ FAILED, with what was made until then

A slice writes its cards and the action's `done_count` in one transaction, so a generation that was killed goes on where it
stood, and never makes a card too many.
"""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from tallybook.domain.codes import space
from tallybook.domain.config import Campaign, CodeConfig
from tallybook.domain.configuration import Configuration
from tallybook.domain.occurrence import Refs
from tallybook.domain.records import AsyncAction, Card
from tallybook.domain.refusals import InvalidPayload, LimitExceeded, ResourceProtected
from tallybook.usecases.command import CodesWanted, Command, Needs
from tallybook.usecases.delete_campaign import remove_campaign
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.page import Page
from tallybook.usecases.points import version_of
from tallybook.usecases.publish import counter_of, new_card

GENERATE = "CAMPAIGN.VOUCHERS_GENERATE"
MOST_CARDS = 100_000
"""Cards that one request may ask for (semantics 2.1)."""
IN_PROGRESS, DONE, FAILED = "IN_PROGRESS", "DONE", "FAILED"
NO_CODE_LEFT = "The pattern of the codes has no free code left"


class CardTerms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What generated cards have instead of the campaign's own; what is UNSET is the campaign's."""

    code_config: CodeConfig | None = None
    redemption_limit: int | None | UnsetType = UNSET
    start_date: datetime | None | UnsetType = UNSET
    expiration_date: datetime | None | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    category_id: str | None | UnsetType = UNSET
    additional_info: str | UnsetType = UNSET
    metadata: str | UnsetType = UNSET

    def apply(self, card: Card) -> Card:
        """The card with these terms."""
        names = (name for name in self.__struct_fields__ if name in Card.__struct_fields__)
        said: dict[str, Any] = {name: value for name in names if (value := getattr(self, name)) is not UNSET}
        return msgspec.structs.replace(card, **said) if said else card


class GenerationTask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parameters of a generation's action. `addition`: the campaign was there before."""

    addition: bool = False
    terms: CardTerms = CardTerms()


def task_of(action: AsyncAction) -> GenerationTask:
    """What a generation was asked to do."""
    return msgspec.json.decode(action.parameters, type=GenerationTask)


def check_count(config: CodeConfig, count: int) -> None:
    """Refuses: InvalidPayload below zero, and above half of what the pattern can make; LimitExceeded above 100,000."""
    if count < 0:
        raise InvalidPayload("Property .vouchers_count must be >= 0")
    if count > MOST_CARDS:
        raise LimitExceeded(f"Property .vouchers_count must be <= {MOST_CARDS}")
    if 2 * count > space(config):
        raise InvalidPayload(f"Property .vouchers_count must be at most half of the {space(config)} codes of the pattern")


def begin_generation(page: Page, campaign: Campaign, count: int, task: GenerationTask) -> tuple[Campaign, AsyncAction]:
    """Queues the making of cards. The campaign comes back as it is while they are made: the caller configures it."""
    action = page.put(
        AsyncAction(
            id=page.ordered_id("aa_"),
            project_id=page.project_id,
            type=GENERATE,
            entity_id=campaign.id,
            request_id=page.occurrence_id,
            total=count,
            parameters=msgspec.json.encode(task).decode(),
            created_at=page.now,
        )
    )
    said: dict[str, Any] = {"vouchers_generation_status": IN_PROGRESS, "generations": (*campaign.generations, action.id)}
    if not task.addition:
        said["creation_status"] = IN_PROGRESS
    return msgspec.structs.replace(campaign, **said), action


def tell_started(page: Page, campaign: Campaign, count: int) -> None:
    """Says that cards are being made; `count` is how many were asked for."""
    page.emit("campaign.vouchers.generation.started", campaign.id, Refs(campaign=version_of(campaign), count=count))


class GenerateCards(Command, frozen=True, kw_only=True):
    """Add many cards to a campaign: queued, and made by and by."""

    key: str
    count: int
    terms: CardTerms = CardTerms()

    def decide(self, page: Page) -> str:
        """Gives the id of the async action. Refuses: NotFound; InvalidPayload; LimitExceeded; ResourceProtected when the
        campaign is about to be deleted.
        """
        known = campaign_of(page.configuration, self.key)
        check_count(self.terms.code_config or known.code_config, self.count)
        if known.deletion is not None:
            raise ResourceProtected("campaign", known.id)
        campaign, action = begin_generation(page, known, self.count, GenerationTask(addition=True, terms=self.terms))
        campaign = page.configure(msgspec.structs.replace(campaign, version=known.version + 1))
        tell_started(page, campaign, self.count)
        return action.id


class GenerateSlice(Command, frozen=True, kw_only=True):
    """Make the next cards of a generation: at most `size`, with codes made as `code_config` or the campaign says."""

    campaign_id: str
    action_id: str
    size: int
    code_config: CodeConfig | None = None

    def needs(self, configuration: Configuration) -> Needs:
        """How far the generation is, codes that nobody has, and what a deletion that waits for it has to know."""
        campaign = configuration.campaign(self.campaign_id)
        if campaign is None:
            return Needs(actions=(self.action_id,))
        return Needs(
            actions=(self.action_id, campaign.deletion or ""),
            codes=(CodesWanted(self.action_id, self.code_config or campaign.code_config, self.size),),
            counters=(counter_of(campaign),),
        )

    def decide(self, page: Page) -> bool:
        """Whether there is more to do. Nothing happens when the generation has ended."""
        action = page.action(self.action_id)
        campaign = page.configuration.campaign(self.campaign_id)
        if action is None or campaign is None or action.id not in campaign.generations:
            return False
        wanted = min(self.size, action.total - action.done_count)
        made = self._make(page, campaign, task_of(action).terms, wanted)
        done = action.done_count + made
        action = msgspec.structs.replace(action, status=IN_PROGRESS, done_count=done, updated_at=page.now)
        if made and done < action.total:
            page.put(action)
            return True
        _end(page, campaign, action, None if done == action.total else NO_CODE_LEFT)
        return False

    def _make(self, page: Page, campaign: Campaign, terms: CardTerms, wanted: int) -> int:
        made = 0
        while made < wanted and (code := page.take_code(self.action_id)) is not None:
            page.put(terms.apply(new_card(page, campaign, code, page.now)))
            made += 1
        page.count(counter_of(campaign), made)
        return made


def _end(page: Page, campaign: Campaign, action: AsyncAction, failure: str | None) -> None:
    """Ends a generation: its action, the statuses of its campaign, the events, and the deletion that waited for it."""
    status, addition = (FAILED if failure else DONE), task_of(action).addition
    action = page.put(msgspec.structs.replace(action, status=status, reason=failure, updated_at=page.tick()))
    others = tuple(one for one in campaign.generations if one != action.id)
    said: dict[str, Any] = {"generations": others, "vouchers_generation_status": IN_PROGRESS if others else status}
    if not addition:
        said["creation_status"] = status
    campaign = page.configure(msgspec.structs.replace(campaign, **said, version=campaign.version + 1))
    refs = Refs(campaign=version_of(campaign), count=action.done_count, reason=failure)
    page.emit(f"campaign.vouchers.generation.{'failed' if failure else 'completed'}", campaign.id, refs)
    if addition and action.done_count:
        page.emit("campaign.vouchers.added", campaign.id, refs)
    delete_if_waiting(page, campaign)


def delete_if_waiting(page: Page, campaign: Campaign) -> None:
    """Does the deletion that was asked for while cards were being made, once none are."""
    if campaign.deletion is not None and not campaign.generations:
        waiting = page.action(campaign.deletion)
        assert waiting is not None, "a deletion without its action"
        remove_campaign(page, campaign, waiting)
