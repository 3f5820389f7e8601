"""Publications as REST shows them."""

import msgspec

from tallybook.wire.cards import voucher_full
from tallybook.wire.json import encode
from tallybook.wire.publications import publication_full, publication_listed
from tests.wire.scenes import JACK, JACKS_AFTER, JACKS_CAMPAIGN, JACKS_CARD, JACKS_PUBLICATION, PUBLIC_URL

KEYS = [
    *["id", "object", "created_at", "customer_id", "tracking_id", "metadata", "channel", "source_id", "result", "customer"],
    *["voucher", "vouchers_id"],
]


def test_answer_to_a_publication() -> None:
    """The answer has the short customer, the whole voucher, and the list of voucher ids."""
    api = msgspec.structs.replace(JACKS_PUBLICATION, channel="API", source_id="p-1", metadata='{"year":2022}')
    voucher = voucher_full(JACKS_CARD, JACKS_CAMPAIGN, JACKS_AFTER, PUBLIC_URL)
    shown = publication_full(api, JACK, voucher)
    assert list(shown) == KEYS
    read = msgspec.json.decode(encode(shown))
    assert {key: read[key] for key in ("channel", "source_id", "metadata", "result", "vouchers_id")} == {
        "channel": "API",
        "source_id": "p-1",
        "metadata": {"year": 2022},
        "result": "SUCCESS",
        "vouchers_id": [JACKS_CARD.id],
    }
    assert list(read["customer"]) == ["id", "name", "email", "source_id", "metadata", "object"]


def test_listed_publication() -> None:
    """In a list the voucher has five keys."""
    shown = publication_listed(JACKS_PUBLICATION, JACK, JACKS_CARD, JACKS_CAMPAIGN, JACKS_AFTER)
    assert list(shown) == KEYS
    assert shown["voucher"] == {
        "code": "L0y4L",
        "object": "voucher",
        "campaign": "Loyalty programme",
        "loyalty_card": {"points": 900, "balance": 900},
        "is_referral_code": False,
    }
