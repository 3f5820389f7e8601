"""Tiers: exact multipliers, open ends, and the dates of a membership."""

from datetime import date

import msgspec
import pytest

from tallybook.domain.config import TierMapping
from tallybook.wire.json import encode
from tallybook.wire.tiers import tier_full, tier_of_member
from tests.wire.scenes import BASIC, GOLD, JOHNS_MEMBERSHIP, at


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", b"2"), ("2.00", b"2"), ("1.50", b"1.5"), ("0.1", b"0.1"), ("100", b"100"), ("1E+1", b"10"), ("0", b"0")],
)
def test_multiplier_is_an_exact_number(text: str, number: bytes) -> None:
    """A multiplier goes out as the number it is, written as JavaScript writes it, and never through a float."""
    tier = msgspec.structs.replace(BASIC, earning_rules={"ern_1": TierMapping(type="MULTIPLY", multiplier=text)})
    assert b'"earning_rules":{"ern_1":{"type":"MULTIPLY","multiplier":' + number + b"}}" in encode(tier_full(tier))


def test_custom_mapping_and_open_end() -> None:
    """A custom mapping shows its points; a tier without upper end shows no `to`, in either place."""
    tier = msgspec.structs.replace(GOLD, earning_rules={}, rewards={"rewa_1": TierMapping(type="CUSTOM", points=300)})
    assert msgspec.json.decode(encode(tier_full(tier))) == {
        "id": GOLD.id,
        "name": "Gold",
        "campaign_id": GOLD.campaign_id,
        "metadata": {},
        "created_at": "2024-07-24T09:48:32.573Z",
        "updated_at": "2024-07-24T09:49:00.000Z",
        "earning_rules": {},
        "rewards": {"rewa_1": {"type": "CUSTOM", "points": 300}},
        "config": {"points": {"from": 500}},
        "points": {"from": 500},
        "object": "loyalty_tier",
    }


def test_membership_that_ends() -> None:
    """A membership shows its end and its last change only when it has them."""
    changes = {"expiration_on": date(2025, 2, 28), "updated_at": at("2024-07-25T00:00:00.000")}
    ending = msgspec.structs.replace(JOHNS_MEMBERSHIP, **changes)
    assert tier_of_member(BASIC, ending)["expiration"] == {
        "customer_id": JOHNS_MEMBERSHIP.customer_id,
        "campaign_id": BASIC.campaign_id,
        "tier_id": BASIC.id,
        "start_date": "2024-07-24",
        "expiration_date": "2025-02-28",
        "created_at": "2024-07-24T09:52:21.616Z",
        "updated_at": "2024-07-25T00:00:00.000Z",
    }
