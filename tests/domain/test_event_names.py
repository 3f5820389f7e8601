"""Names of events: what a webhook may ask for, and what ids look like."""

import json
from pathlib import Path

import pytest

from tallybook.domain.event_names import MISSPELT, SUBSCRIBABLE, event_id_prefix, is_of_customer

DOCUMENTED = Path(__file__).parents[3] / "shared" / "contract" / "webhooks.openapi.json"

PREFIXES = [
    ("customer.order.paid", "evcus_", True),
    ("customer.loyalty.tier.joined", "evcus_", True),
    ("voucher.loyalty_card.transaction.created", "evvou_", False),
    ("voucher.created", "evvou_", False),
    ("campaign.earning_rule.assigned", "evcam_", False),
    ("publication.succeeded", "evpub_", False),
    ("redemption.succeeded", "evred_", False),
    ("business_validation_rule.created", "evbvr_", False),
]


@pytest.mark.parametrize(("name", "prefix", "of_customer"), PREFIXES)
def test_the_id_of_an_event(name: str, prefix: str, of_customer: bool) -> None:
    """The first word of the name says what the event is about, and so which prefix its id has (decisions 28 and 29)."""
    assert (event_id_prefix(name), is_of_customer(name)) == (prefix, of_customer)


def test_every_name_has_an_id() -> None:
    """There is no name that a webhook may ask for whose events could have no id."""
    assert {event_id_prefix(name)[:2] for name in SUBSCRIBABLE} == {"ev"}


def test_misspelt_names() -> None:
    """Four names are accepted as the management API misspells them, and stand for names that exist (decision 50)."""
    assert len(MISSPELT) == 4
    assert set(MISSPELT.values()) <= SUBSCRIBABLE
    assert not set(MISSPELT) & SUBSCRIBABLE


@pytest.mark.skipif(not DOCUMENTED.exists(), reason="the published descriptions are not beside the repository")
def test_documented_names_are_subscribable() -> None:
    """Whatever the published webhook description names can be subscribed to, but for what only a distribution sends."""
    keys = [name.removeprefix("EVENTS.").lower() for name in json.loads(DOCUMENTED.read_text())["webhooks"]]
    names = {key.replace("bus_val_rule", "business_validation_rule") for key in keys if not key.startswith("distribution.")}
    assert names - SUBSCRIBABLE == set()
