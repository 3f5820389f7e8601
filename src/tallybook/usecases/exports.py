"""Exports: asked for in one command, written into a file slice by slice, deleted with it.

asked for: SCHEDULED ──first slice──▶ IN_PROGRESS ──last slice──▶ DONE
                                           └──it cannot be written──▶ ERROR
"""

from typing import Any

import msgspec

from tallybook.domain.canonical import canonical
from tallybook.domain.config import Campaign
from tallybook.domain.configuration import Configuration
from tallybook.domain.exports import EXPORTED, SCHEDULED, ExportTask
from tallybook.domain.records import Card, Export
from tallybook.domain.refusals import InvalidExportFields, InvalidPayload, NotFound
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.page import Page

TOKEN_LENGTH = 40
"""Characters of the secret that opens the file: 238 bits, which nobody guesses."""


class ExportParameters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an export was asked for: columns, order, and which rows."""

    order: str | None = None
    fields: list[str] | None = None
    filters: dict[str, Any] | None = None
    campaign_id: str | None = None


class CreateExport(Command, frozen=True, kw_only=True):
    """Have rows written into a CSV file. With a campaign or a card, by id or name or code, only those of it.

    `shown_as` is the filter that says so in the answer, as the documented ones do.
    """

    exported_object: str
    parameters: ExportParameters = ExportParameters()
    campaign: str | None = None
    card: str | None = None
    shown_as: str | None = None

    def needs(self, configuration: Configuration) -> Needs:
        """The card."""
        return Needs(cards=(self.card,) if self.card else ())

    def decide(self, page: Page) -> Export:
        """Refuses: InvalidExportFields; InvalidPayload for an order that is none; NotFound for campaign or card."""
        said, exported = self.parameters, EXPORTED[self.exported_object]
        fields = tuple(said.fields or exported.defaults)
        if not all(map(exported.takes, fields)):
            raise InvalidExportFields(exported.fields)
        if said.order and said.order not in exported.orders:
            raise InvalidPayload(f"Property .parameters.order must be one of: {', '.join(exported.orders)}")
        key = self.campaign or said.campaign_id
        campaign = campaign_of(page.configuration, key) if key else None
        card = self._card(page, campaign)
        task = ExportTask(
            fields=fields,
            order=said.order or exported.orders[0],
            filters=said.filters,
            campaign_id=campaign.id if campaign else None,
            card_id=card.id if card else None,
        )
        return page.put(
            Export(
                id=page.random_id("exp_"),
                project_id=page.project_id,
                exported_object=self.exported_object,
                parameters=canonical(self._shown(campaign)),
                task=msgspec.json.encode(task).decode(),
                status=SCHEDULED,
                token=page.random_id("", TOKEN_LENGTH),
                created_at=page.now,
            )
        )

    def _card(self, page: Page, campaign: Campaign | None) -> Card | None:
        if self.card is None:
            return None
        card = page.card(self.card)
        if card is None or (campaign is not None and card.campaign_id != campaign.id):
            raise NotFound("voucher", self.card)
        return card

    def _shown(self, campaign: Campaign | None) -> dict[str, Any]:
        """The parameters as they were sent, and the path's campaign or card as the filter that they amount to."""
        said = self.parameters
        shown: dict[str, Any] = {
            name: value for name in ("order", "fields", "filters", "campaign_id") if (value := getattr(said, name)) is not None
        }
        if self.shown_as is not None:
            own = {"junction": "AND", **said.filters} if said.filters else {}
            bound = campaign.id if campaign is not None and self.shown_as == "campaign_id" else self.card
            shown["filters"] = {**own, self.shown_as: {"conditions": {"$in": [bound]}}}
        return shown


class DeleteExport(Command, frozen=True, kw_only=True):
    """Forget an export: it is gone at once, its file a moment later, and one that is being written ends."""

    key: str

    def needs(self, configuration: Configuration) -> Needs:
        """The export."""
        return Needs(exports=(self.key,))

    def decide(self, page: Page) -> None:
        """Refuses: NotFound."""
        export = page.export(self.key)
        if export is None:
            raise NotFound("export", self.key)
        page.put(msgspec.structs.replace(export, deleted_at=page.now))
