"""Deleting a campaign: at once, or as soon as the cards that are being made for it are made (decision 36)."""

import msgspec

from tallybook.domain.config import Campaign
from tallybook.domain.configuration import Configuration
from tallybook.domain.occurrence import Refs
from tallybook.domain.records import AsyncAction
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.page import Page
from tallybook.usecases.points import version_of
from tallybook.usecases.publish import counter_of

DELETE = "CAMPAIGN.VOUCHERS_DELETE"


class DeleteCampaign(Command, frozen=True, kw_only=True):
    """Delete a campaign: it earns and publishes nothing any more, and its name is free. Its cards keep their ledger.

    While cards are being made for it, it stays until they are, and goes then.
    """

    key: str

    def needs(self, configuration: Configuration) -> Needs:
        """How many cards it has."""
        campaign = configuration.campaign(self.key)
        return Needs(counters=(counter_of(campaign),) if campaign else ())

    def decide(self, page: Page) -> str:
        """Gives the id of the async action, which has ended unless the campaign has to wait. Refuses: NotFound."""
        campaign = campaign_of(page.configuration, self.key)
        if campaign.deletion is not None:
            return campaign.deletion
        action = AsyncAction(
            id=page.ordered_id("aa_"),
            project_id=page.project_id,
            type=DELETE,
            entity_id=campaign.id,
            request_id=page.occurrence_id,
            total=0,
            created_at=page.now,
        )
        if campaign.generations:
            page.put(action)
            page.configure(msgspec.structs.replace(campaign, deletion=action.id, version=campaign.version + 1))
        else:
            remove_campaign(page, campaign, action)
        return action.id


def remove_campaign(page: Page, campaign: Campaign, action: AsyncAction) -> None:
    """Takes the campaign with its rules and tiers out of the configuration, tells, and ends the action."""
    at, cards = page.tick(), page.counted(counter_of(campaign))
    for document in (
        *page.configuration.earning_rules.get(campaign.id, ()),
        *page.configuration.tiers.get(campaign.id, ()),
        campaign,
    ):
        page.discard(document)
    page.emit("campaign.deleted", campaign.id, Refs(campaign=version_of(campaign), vouchers_count=cards), at=at)
    page.put(msgspec.structs.replace(action, status="DONE", total=cards, done_count=cards, updated_at=at))
