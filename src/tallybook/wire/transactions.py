"""Transactions: rows of the ledger, and the balance objects that say what an operation did to a card.

`points` is the signed change; `balance` and `total` are those of the card after it (decision 2).
"""

from tallybook.domain.records import Transaction
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object, encode, spliced

OPERATED = frozenset(
    {"POINTS_ADDITION", "POINTS_REMOVAL", "POINTS_ACCRUAL", "PENDING_POINTS_ACTIVATION", "POINTS_REDEMPTION"},
)
"""The types whose details say whether a person or a rule did it (decision 20)."""


def transaction_full(transaction: Transaction, *, operation_type: bool = True) -> Object:
    """The ten keys of a row (TX10). transaction.created carries it without `operation_type` (decision 20, seed 003)."""
    return {
        "id": transaction.id,
        "source_id": transaction.source_id,
        "voucher_id": transaction.card_id,
        "campaign_id": transaction.campaign_id,
        "source": transaction.source,
        "reason": transaction.reason,
        "type": transaction.type,
        "details": spliced(_details(transaction, operation_type=operation_type)),
        "related_transaction_id": transaction.related_transaction_id,
        "created_at": instant_text(transaction.created_at),
    }


def transaction_brief(transaction: Transaction) -> Object:
    """The five keys inside points_added: its details are null (TX5, seed 000, decision 26)."""
    return {
        "id": transaction.id,
        "campaign_id": transaction.campaign_id,
        "type": transaction.type,
        "details": None,
        "created_at": instant_text(transaction.created_at),
    }


def balance(transaction: Transaction, *, operation_type: bool, amount_key: str = "points") -> Object:
    """What a transaction did to its card: six keys, seven with `operation_type`.

    `amount_key` is `amount` in the answer of /vouchers/{code}/balance (decision 40).
    """
    shown: Object = {
        amount_key: transaction.points,
        "total": transaction.total,
        "balance": transaction.balance,
        "type": "loyalty_card",
        "object": "balance",
        "related_object": {"type": "voucher", "id": transaction.card_id},
    }
    if operation_type and transaction.operation_type is not None:
        shown["operation_type"] = transaction.operation_type
    return shown


def pending_balance(card_id: str, points: int, total: int, operation_type: str) -> Object:
    """What happened to the pending points of a card: the signed change, and their total after it (PPBAL5, seed 001)."""
    return {
        "points": points,
        "total": total,
        "object": "balance",
        "related_object": {"type": "voucher", "id": card_id},
        "operation_type": operation_type,
    }


def _details(transaction: Transaction, *, operation_type: bool) -> str:
    """The balance, then the cause as it was stored, byte for byte."""
    operated = operation_type and transaction.operation_type is not None and transaction.type in OPERATED
    shown = encode(
        {
            "type": "loyalty_card",
            "total": transaction.total,
            "object": "balance",
            "points": transaction.points,
            "balance": transaction.balance,
            **({"operation_type": transaction.operation_type} if operated else {}),
            "related_object": {"id": transaction.card_id, "type": "voucher"},
        },
    ).decode()
    return f'{{"balance":{shown}}}' if transaction.cause == "{}" else f'{{"balance":{shown},{transaction.cause[1:]}'
