"""Points by hand and points that wait: balance, pending points, points expiration."""

from datetime import date
from typing import Any, Literal

import msgspec

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.api.members import card_of
from tallybook.domain.records import Transaction
from tallybook.store import queries_points
from tallybook.usecases.adjust_balance import AdjustBalance
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.pending_points import ActivatePendingPoints, AdjustPendingPoints, CancelPendingPoints, PendingBalance
from tallybook.wire import door, lists
from tallybook.wire.lots import bucket
from tallybook.wire.pending_points import entry_full
from tallybook.wire.transactions import balance, pending_balance

ExpirationType = Literal["PROGRAM_RULES", "CUSTOM_DATE", "NON_EXPIRING"]
LEDGER_QUERY = ("limit", "order", "starting_after_id")


class BalanceFields(msgspec.Struct, frozen=True, kw_only=True):
    """The body that adds points (positive) or removes them (negative)."""

    points: int
    expiration_type: ExpirationType | None = None
    expiration_date: date | None = None
    reason: str | None = None
    source_id: str | None = None


class VoucherBalanceFields(msgspec.Struct, frozen=True, kw_only=True):
    """The same for the vouchers' route, which says `amount` (decision 40)."""

    amount: int
    expiration_type: ExpirationType | None = None
    expiration_date: date | None = None
    reason: str | None = None
    source_id: str | None = None


class PendingPointsFields(msgspec.Struct, frozen=True, kw_only=True):
    """The body that changes how many points wait, by a signed number."""

    points: int


def adjust_balance(call: Call) -> Wish:
    """Add points to a card, or remove them: those that expire first go first."""
    said = call.body(BalanceFields)
    command = AdjustBalance(
        **call.wish,
        member=call.path["memberId"],
        campaign=call.path.get("campaignId"),
        points=said.points,
        expiration_type=said.expiration_type,
        expiration_date=said.expiration_date,
        reason=said.reason,
        source_id=said.source_id,
    )
    return Wish(command, lambda row: balance(row, operation_type=True))


def adjust_voucher_balance(call: Call) -> Wish:
    """The same, with `amount` in question and answer."""
    said = call.body(VoucherBalanceFields)
    command = AdjustBalance(
        **call.wish,
        member=call.path["code"],
        points=said.amount,
        expiration_type=said.expiration_type,
        expiration_date=said.expiration_date,
        reason=said.reason,
        source_id=said.source_id,
        source="API",
    )
    return Wish(command, lambda row: balance(row, operation_type=True, amount_key="amount"))


def _entry(call: Call) -> dict[str, Any]:
    return {**call.wish, "member": call.path["memberId"], "entry_id": call.path["pendingPointsId"]}


def activate_pending_points(call: Call) -> Wish:
    """Put waiting points on the card now."""

    def shown(row: Transaction) -> Any:
        return balance(row, operation_type=True)

    return Wish(ActivatePendingPoints(**_entry(call)), shown)


def cancel_pending_points(call: Call) -> Wish:
    """Let waiting points never come."""
    return Wish(CancelPendingPoints(**_entry(call)))


def adjust_pending_points(call: Call) -> Wish:
    """Change how many points wait."""

    def shown(said: PendingBalance) -> Any:
        return pending_balance(said.card_id, said.points, said.total, "MANUAL")

    return Wish(AdjustPendingPoints(**_entry(call), points=call.body(PendingPointsFields).points), shown)


def _entries(call: Call, look: Look, **whose: str) -> Any:
    query = call.query
    found, more = queries_points.list_entries(
        look.connection,
        call.project_id,
        newest_first=door.order_of(query, ("id", "-id"), "-id") == "-id",
        starting_after_id=door.text_of(query, "starting_after_id"),
        limit=door.limit_of(query),
        **whose,
    )
    return lists.stretch([entry_full(one) for one in found], found[-1].id if more else None)


def list_member_pending_points(call: Call, look: Look) -> Any:
    """The points that wait on a card, those activated last in front."""
    return _entries(call, look, card_id=card_of(call, look).id)


def list_campaign_pending_points(call: Call, look: Look) -> Any:
    """The points that wait on the cards of a campaign."""
    return _entries(call, look, campaign_id=campaign_of(look.configuration, call.path["campaignId"]).id)


def list_points_expiration(call: Call, look: Look) -> Any:
    """When the points of a card expire: its buckets, the first to expire in front."""
    card = card_of(call, look)
    found, total = queries_points.list_lots(look.connection, card.id, door.limit_of(call.query), door.page_of(call.query))
    return lists.page([bucket(lot) for lot in found], total)


_MEMBER = "/v1/loyalties/members/{memberId}"
_MEMBER_OF = "/v1/loyalties/{campaignId}/members/{memberId}"
_ENTRY = _MEMBER + "/pending-points/{pendingPointsId}"

ROUTES = [
    Route("POST", _MEMBER + "/balance", "Adjust loyalty card balance", write=adjust_balance, takes=BalanceFields),
    Route(
        "POST", _MEMBER_OF + "/balance", "Adjust loyalty card balance in a campaign", write=adjust_balance, takes=BalanceFields
    ),
    Route(
        "POST", "/v1/vouchers/{code}/balance", "Adjust voucher balance", write=adjust_voucher_balance, takes=VoucherBalanceFields
    ),
    Route("GET", _MEMBER + "/pending-points", "List member pending points", read=list_member_pending_points, query=LEDGER_QUERY),
    Route(
        "GET",
        _MEMBER_OF + "/pending-points",
        "List member pending points in a campaign",
        read=list_member_pending_points,
        query=LEDGER_QUERY,
    ),
    Route(
        "GET",
        "/v1/loyalties/{campaignId}/pending-points",
        "List campaign pending points",
        read=list_campaign_pending_points,
        query=LEDGER_QUERY,
    ),
    Route("POST", _ENTRY + "/activate", "Activate member pending points", write=activate_pending_points),
    Route("POST", _ENTRY + "/cancel", "Cancel member pending points", write=cancel_pending_points, status=204),
    Route("POST", _ENTRY + "/balance", "Adjust member pending points", write=adjust_pending_points, takes=PendingPointsFields),
    Route(
        "GET", _MEMBER_OF + "/points-expiration", "List points expiration", read=list_points_expiration, query=("limit", "page")
    ),
]
