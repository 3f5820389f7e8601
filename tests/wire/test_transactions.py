"""Transactions: where the operation type is shown, and how the cause gets into the details."""

import msgspec
import pytest

from tallybook.wire.json import encode
from tallybook.wire.transactions import balance, pending_balance, transaction_brief, transaction_full
from tests.wire.scenes import JOHNS_CARD, JOHNS_TRANSACTION


@pytest.mark.parametrize(
    ("type", "listed"),
    [
        ("POINTS_ADDITION", True),
        ("POINTS_REMOVAL", True),
        ("POINTS_ACCRUAL", True),
        ("PENDING_POINTS_ACTIVATION", True),
        ("POINTS_REDEMPTION", True),
        ("POINTS_REFUND", False),
        ("POINTS_EXPIRATION", False),
        ("POINTS_TRANSFER_IN", False),
        ("POINTS_TRANSFER_OUT", False),
    ],
)
def test_operation_type_in_listings(type: str, listed: bool) -> None:
    """Listings say who did it for five types and not for the others; transaction.created never does (decision 20)."""
    transaction = msgspec.structs.replace(JOHNS_TRANSACTION, type=type)
    for asked in (True, False):
        shown = msgspec.json.decode(encode(transaction_full(transaction, operation_type=asked)))
        assert ("operation_type" in shown["details"]["balance"]) is (listed and asked)


def test_details_are_the_balance_and_the_cause() -> None:
    """The cause follows the balance with the very bytes that were stored."""
    transaction = msgspec.structs.replace(JOHNS_TRANSACTION, cause='{"reward":{"name":"Ł"},"x":[1.50]}')
    assert b'"type":"voucher"}},"reward":{"name":"\xc5\x81"},"x":[1.50]},"related' in encode(transaction_full(transaction))


def test_transaction_without_operation_type() -> None:
    """An old row that says nothing of its operation shows nothing of it."""
    silent = msgspec.structs.replace(JOHNS_TRANSACTION, operation_type=None)
    assert "operation_type" not in balance(silent, operation_type=True)


def test_balance_of_a_transaction() -> None:
    """The balance shows the signed change, then the card after it; `amount` for vouchers' own endpoint (decision 40)."""
    removal = msgspec.structs.replace(JOHNS_TRANSACTION, points=-5, balance=205, total=205, operation_type="MANUAL")
    assert balance(removal, operation_type=True, amount_key="amount") == {
        "amount": -5,
        "total": 205,
        "balance": 205,
        "type": "loyalty_card",
        "object": "balance",
        "related_object": {"type": "voucher", "id": JOHNS_CARD.id},
        "operation_type": "MANUAL",
    }


def test_pending_balance() -> None:
    """A balance of pending points has no type and no balance (seed 001)."""
    assert pending_balance("v_1", 1, 1234, "AUTOMATIC") == {
        "points": 1,
        "total": 1234,
        "object": "balance",
        "related_object": {"type": "voucher", "id": "v_1"},
        "operation_type": "AUTOMATIC",
    }


def test_brief_transaction() -> None:
    """The transaction of points_added has five keys, and null details (seed 000)."""
    assert transaction_brief(JOHNS_TRANSACTION) == {
        "id": JOHNS_TRANSACTION.id,
        "campaign_id": JOHNS_TRANSACTION.campaign_id,
        "type": "POINTS_ACCRUAL",
        "details": None,
        "created_at": "2024-07-24T10:51:30.608Z",
    }
