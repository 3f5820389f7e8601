"""/v1/exports, and the exports of one campaign, card or kind of object that have a path of their own."""

from collections.abc import Callable
from typing import Any

import msgspec

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.api.customers import part
from tallybook.domain.exports import EXPORTED
from tallybook.domain.refusals import NotFound
from tallybook.store import queries_exports
from tallybook.store.export_rows import SOURCES
from tallybook.store.filters import kinds
from tallybook.usecases.exports import CreateExport, DeleteExport, ExportParameters
from tallybook.wire import lists
from tallybook.wire.door import Malformed
from tallybook.wire.exports import export_full
from tallybook.wire.filters import read_filters

ORDERS = ("created_at", "-created_at", "status", "-status")


class OneExportFields(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an export whose path says what is exported."""

    parameters: ExportParameters | None = None


class ExportFields(OneExportFields, frozen=True, kw_only=True):
    """The body of an export: what to write, and how."""

    exported_object: str


def list_exports(call: Call, look: Look) -> Any:
    """The exports that were asked for, newest first unless asked otherwise."""
    found, total = queries_exports.list_exports(look.connection, call.project_id, part(call.query, ORDERS, "-created_at"))
    return lists.page([export_full(one, look.public_url) for one in found], total, "exports")


def get_export(call: Call, look: Look) -> Any:
    """How far an export is; when it is DONE, `result.url` opens the file. With its `token` this is the file itself."""
    found = queries_exports.get_export(look.connection, call.path["exportId"], call.project_id)
    if found is None:
        raise NotFound("export", call.path["exportId"])
    return export_full(found, look.public_url)


class _Writers:
    """The routes that change something; `wake` has the new export begun, or the old one's file removed, at once."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def create_export(self, call: Call) -> Wish:
        """Have a CSV file written: of cards, customers, publications, orders, transactions, or points that expire."""
        fields = call.body(ExportFields)
        if fields.exported_object not in EXPORTED:
            names = ", ".join(EXPORTED)
            raise Malformed(f"Property .exported_object should be equal to one of the allowed values [ {names} ]")
        return self._create(call, fields.exported_object, fields.parameters)

    def export_orders(self, call: Call) -> Wish:
        """Have a CSV file of orders written."""
        return self._create(call, "order", call.body(OneExportFields).parameters)

    def export_points_expiration(self, call: Call) -> Wish:
        """Have a CSV file written of when the points of a campaign expire, and of those that have."""
        said = call.body(OneExportFields).parameters
        return self._create(call, "points_expiration", said, campaign=call.path["campaignId"])

    def export_campaign_transactions(self, call: Call) -> Wish:
        """Have a CSV file of the transactions of a campaign written."""
        bound = {"campaign": call.path["campaignId"], "shown_as": "campaign_id"}
        return self._create(call, "voucher_transactions", call.body(OneExportFields).parameters, **bound)

    def export_member_transactions(self, call: Call) -> Wish:
        """Have a CSV file of the transactions of a card written."""
        bound = {"card": call.path["memberId"], "campaign": call.path.get("campaignId"), "shown_as": "voucher_id"}
        return self._create(call, "voucher_transactions", call.body(OneExportFields).parameters, **bound)

    def export_voucher_transactions(self, call: Call) -> Wish:
        """Have a CSV file of the transactions of a card written."""
        bound = {"card": call.path["code"], "shown_as": "voucher_id"}
        return self._create(call, "voucher_transactions", call.body(OneExportFields).parameters, **bound)

    def _create(self, call: Call, exported_object: str, said: ExportParameters | None, **bound: Any) -> Wish:
        said = said or ExportParameters()
        read_filters(said.filters, kinds(SOURCES[exported_object].filters), ".parameters.filters", "invalid_payload")
        command = CreateExport(**call.wish, exported_object=exported_object, parameters=said, **bound)
        return Wish(command, lambda export: export_full(export, ""), after=self._wake)

    def delete_export(self, call: Call) -> Wish:
        """Forget an export; its address opens nothing any more."""
        return Wish(DeleteExport(**call.wish, key=call.path["exportId"]), after=self._wake)


_EXPORT = "/v1/exports/{exportId}"
_CAMPAIGN = "/v1/loyalties/{campaignId}"
_MEMBER = "/members/{memberId}/transactions/export"


def routes(wake: Callable[[], None]) -> list[Route]:
    """The routes of exports."""
    one, takes = _Writers(wake), OneExportFields
    return [
        Route("POST", "/v1/exports", "Create export", one.create_export, takes=ExportFields),
        Route("GET", "/v1/exports", "List exports", read=list_exports, query=("limit", "page", "order")),
        Route("GET", _EXPORT, "Get export, or download it", read=get_export, query=("token",)),
        Route("DELETE", _EXPORT, "Delete export", one.delete_export, status=204),
        Route("POST", "/v1/orders/export", "Create orders export", one.export_orders, takes=takes),
        Route(
            "POST",
            _CAMPAIGN + "/transactions/export",
            "Export loyalty campaign transactions",
            one.export_campaign_transactions,
            takes=takes,
        ),
        Route(
            "POST",
            _CAMPAIGN + "/points-expiration/export",
            "Create points expiration export",
            one.export_points_expiration,
            takes=takes,
        ),
        Route("POST", "/v1/loyalties" + _MEMBER, "Export loyalty card transactions", one.export_member_transactions, takes=takes),
        Route(
            "POST",
            _CAMPAIGN + _MEMBER,
            "Export loyalty card transactions in a campaign",
            one.export_member_transactions,
            takes=takes,
        ),
        Route(
            "POST",
            "/v1/vouchers/{code}/transactions/export",
            "Export voucher transactions",
            one.export_voucher_transactions,
            takes=takes,
        ),
    ]
