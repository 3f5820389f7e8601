"""Payloads of events: the two seeds that need nothing but these records, and the keys of every other name."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.occurrence import Refs, Subject, decode_subjects, encode_subjects
from tallybook.domain.records import Customer, Order
from tallybook.wire.events import PAYLOADS, render
from tests.wire.scenes import (
    GOLD,
    JACK,
    JACKS_ORDER,
    JACKS_REFS,
    JACKS_SUBJECTS,
    JOHN,
    JOHNS_CARD,
    JOHNS_REFS,
    JOHNS_SUBJECTS,
    JOHNS_TRANSACTION,
    OCCURRENCE,
    PUBLIC_URL,
    event,
    look_up,
    payload,
)

GOLDEN = Path(__file__).parent / "golden"
SHAPES = Path(__file__).parents[3] / "shared" / "contract" / "event_shapes.json"

CUSTOMER = ["id", "name", "email", "source_id", "metadata", "object"]
CAMPAIGN12 = [
    *["id", "name", "campaign_type", "type", "is_referral_code", "voucher", "auto_join", "join_once", "active"],
    *["category_id", "created_at", "object"],
]
CAMPAIGN18 = [
    *CAMPAIGN12[:10],
    *["category", "metadata", "start_date", "expiration_date", "description", "created_at", "updated_at", "object"],
]
CAMPAIGN_FULL = [
    *["id", "name", "campaign_type", "type", "voucher", "auto_join", "join_once", "use_voucher_metadata_schema"],
    *["vouchers_count", "active", "metadata", "created_at", "updated_at", "creation_status", "vouchers_generation_status"],
    *["protected", "category_id", "categories", "object"],
]
TEMPLATE = ["type", "loyalty_card", "redemption", "code_config"]
TEMPLATE_WITH_NULLS = ["type", "discount", "gift", "loyalty_card", "redemption", "code_config"]
CARD14 = [
    *["id", "code", "loyalty_card", "type", "campaign", "campaign_id", "is_referral_code", "holder_id", "category_id"],
    *["active", "created_at", "updated_at", "redemption", "object"],
]
CARD17 = [*CARD14[:-1], "start_date", "expiration_date", "metadata", "object"]
TIER11 = [
    *["id", "name", "campaign_id", "metadata", "created_at", "updated_at", "earning_rules", "rewards", "config", "points"],
    "object",
]
PUBLICATION = [
    *["id", "object", "created_at", "customer_id", "tracking_id", "metadata", "channel", "source_id", "result", "customer"],
    "vouchers_id",
]


ASSIGNMENTS = "validation_rules_assignments"


def golden(name: str) -> Any:
    """An expected document."""
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def test_rewarded_points_is_the_seed() -> None:
    """A rewarded event carries the card as it was before beside the balance after, exactly as seed 002 does."""
    shown = payload("customer.rewarded.loyalty_points", JACKS_REFS, JACKS_SUBJECTS, group="v-0e2905d4bb0dcc9e62")
    assert shown == golden("customer.rewarded.loyalty_points")


def test_transaction_created_is_the_seed() -> None:
    """A transaction event has seventeen keys, the holder's tier with its dates, and no operation type, as seed 003 has it."""
    assert payload("voucher.loyalty_card.transaction.created") == golden("voucher.loyalty_card.transaction.created")


def test_keys_stand_in_the_order_of_the_seed() -> None:
    """The keys of a transaction event come in the seed's order, at the top and in each of its objects but code_config."""
    shown, expected = payload("voucher.loyalty_card.transaction.created"), golden("voucher.loyalty_card.transaction.created")
    assert list(shown) == list(expected)
    for key in (
        "transaction",
        "voucher",
        "campaign",
        "holder",
        "holder_loyalty_tier",
        "balance",
        "order",
        "event",
        "earning_rule",
    ):
        assert list(shown[key]) == list(expected[key])


def test_manual_transaction_has_no_cause() -> None:
    """A transaction that no rule made has a null order, event and earning rule, and details of a balance alone."""
    manual = msgspec.structs.replace(JOHNS_TRANSACTION, type="POINTS_ADDITION", operation_type="MANUAL", source=None, cause="{}")
    subjects: list[Subject] = [JOHN, JOHNS_CARD, manual]
    refs = Refs(customer=0, card=1, transaction=2, after=JOHNS_REFS.after, campaign=JOHNS_REFS.campaign)
    shown = payload("voucher.loyalty_card.transaction.created", refs, subjects)
    assert [shown[key] for key in ("order", "event", "earning_rule", "holder_loyalty_tier", "loyalty_tier")] == [None] * 5
    assert shown["transaction"]["details"] == {
        "balance": {
            "type": "loyalty_card",
            "total": 210,
            "object": "balance",
            "points": 10,
            "balance": 210,
            "related_object": {"id": JOHNS_CARD.id, "type": "voucher"},
        },
    }


def test_mapping_tier_is_shown_when_it_changed_the_points() -> None:
    """`loyalty_tier` is the tier whose mapping applied, in both events of an accrual."""
    refs = msgspec.structs.replace(JOHNS_REFS, mapping_tier=(GOLD.id, 3))
    for name in ("voucher.loyalty_card.transaction.created", "customer.rewarded.loyalty_points"):
        assert payload(name, refs)["loyalty_tier"]["id"] == GOLD.id


@pytest.mark.parametrize("word", ["created", "paid", "updated", "canceled"])
def test_order_events(word: str) -> None:
    """An order event carries customer, referrer, the calculated order without line ids, and a null redemption."""
    shown = payload(f"customer.order.{word}")
    assert list(shown) == ["customer", "referrer", "order", "redemption"]
    assert list(shown["customer"]) == CUSTOMER
    assert (shown["referrer"], shown["redemption"]) == (None, None)
    assert shown["order"] == {
        "id": "ord_0f1ad36a828d1c7c5f",
        "source_id": None,
        "created_at": "2024-07-24T10:51:29.669Z",
        "updated_at": None,
        "status": "PAID",
        "amount": 1000,
        "total_amount": 1000,
        "items": [
            {
                "object": "order_item",
                "source_id": "123123123",
                "related_object": "product",
                "quantity": 1,
                "amount": 1000,
                "price": 1000,
                "subtotal_amount": 1000,
                "product": {"source_id": "123123123"},
            },
        ],
        "metadata": {"location": "Katowice"},
        "customer": {
            "id": JOHN.id,
            "address": None,
            "summary": None,
            "loyalty": None,
            "referrals": None,
            "object": "customer",
        },
        "customer_id": JOHN.id,
        "referrer_id": None,
        "object": "order",
    }


def test_order_event_names_the_referrer() -> None:
    """The referrer of an order is shown when the occurrence speaks of that customer."""
    referred = msgspec.structs.replace(JOHNS_SUBJECTS[2], referrer_id=JACK.id)
    subjects: list[Subject] = [JOHN, referred, JACK]
    shown = payload("customer.order.paid", Refs(customer=0, order=1), subjects)
    assert shown["referrer"]["id"] == JACK.id


@pytest.mark.parametrize("word", ["created", "updated", "deleted"])
def test_customer_events(word: str) -> None:
    """A customer event carries the whole customer, its programmes under their names."""
    shown = payload(f"customer.{word}")
    assert list(shown) == ["customer"]
    assert shown["customer"]["loyalty"] == {
        "points": 210,
        "referred_customers": 0,
        "campaigns": {"new loyalty test": {"points": 210, "loyalty_tier": "ltr_0f1ac501ef53236abb", "referred_customers": 0}},
    }


@pytest.mark.parametrize("word", ["joined", "left"])
def test_member_tier_events(word: str) -> None:
    """Joining and leaving tell of one tier, and when."""
    shown = payload(f"customer.loyalty.tier.{word}")
    assert {key: list(shown[key]) for key in ("customer", "campaign", "loyalty_tier")} == {
        "customer": CUSTOMER,
        "campaign": CAMPAIGN18,
        "loyalty_tier": TIER11,
    }
    assert list(shown["campaign"]["voucher"]) == TEMPLATE
    assert shown["created_at"] == "2024-07-24T10:51:31.000Z"


@pytest.mark.parametrize("word", ["upgraded", "downgraded"])
def test_member_tiers_events(word: str) -> None:
    """Moving tells of the tier from and the tier to."""
    shown = payload(f"customer.loyalty.tier.{word}")
    assert list(shown) == ["customer", "campaign", "loyalty_tier_from", "loyalty_tier_to", "created_at"]
    assert (shown["loyalty_tier_from"]["name"], shown["loyalty_tier_to"]["name"]) == ("Basic", "Gold")


def test_card_created() -> None:
    """A new card is shown whole, without holder, and its campaign with the metadata."""
    unpublished = msgspec.structs.replace(JOHNS_CARD, customer_id=None, points=0, balance=0, published_count=0, updated_at=None)
    shown = payload("voucher.created", Refs(card=0, campaign=JOHNS_REFS.campaign), [unpublished])
    assert list(shown) == ["voucher", "campaign"]
    assert list(shown["campaign"]) == [*CAMPAIGN12[:10], "metadata", "created_at", "object"]
    assert list(shown["campaign"]["voucher"]) == TEMPLATE_WITH_NULLS
    assert "holder_id" not in shown["voucher"]
    assert (shown["voucher"]["loyalty_card"], shown["voucher"]["updated_at"]) == ({"points": 0, "balance": 0}, None)
    assert shown["voucher"]["publish"]["count"] == 0


@pytest.mark.parametrize(("word", "more"), [("updated", []), ("enabled", [ASSIGNMENTS]), ("disabled", [ASSIGNMENTS])])
def test_card_changed(word: str, more: list[str]) -> None:
    """A changed card is shown whole beside the name of its campaign; switched on or off, with its rule assignments."""
    shown = payload(f"voucher.{word}")
    whole = payload("voucher.loyalty_card.transaction.created")["voucher"]
    assert shown["campaign"] == {"id": JOHNS_CARD.campaign_id, "name": whole["campaign"], "object": "campaign"}
    assert [key for key in shown["voucher"] if key not in whole] == more
    assert {key: value for key, value in shown["voucher"].items() if key not in more} == whole


def test_card_deleted() -> None:
    """A deleted card is shown whole, as it was, and its campaign in eighteen keys."""
    shown = payload("voucher.deleted")
    assert list(shown) == ["voucher", "campaign"]
    assert shown["voucher"] == payload("voucher.loyalty_card.transaction.created")["voucher"]
    assert list(shown["campaign"]) == CAMPAIGN18


def test_card_published() -> None:
    """A published card comes with its publication, without the voucher in it, and with the moment."""
    shown = payload("voucher.published", JACKS_REFS, JACKS_SUBJECTS)
    assert {key: list(shown[key]) for key in ("customer", "campaign", "publication", "voucher")} == {
        "customer": CUSTOMER,
        "campaign": CAMPAIGN12,
        "publication": PUBLICATION,
        "voucher": CARD14,
    }
    assert shown["publication"]["channel"] == "Automation"
    assert shown["publication"]["customer"] == {
        "id": JACK.id,
        "source_id": "jck-wbhk",
        "name": "Jack Webhook",
        "address": None,
        "summary": None,
        "loyalty": None,
        "referrals": None,
        "metadata": {"region": "EMEA"},
        "object": "customer",
    }
    assert shown["created_at"] == "2024-07-24T10:51:31.000Z"


def test_publication_succeeded() -> None:
    """The project's publication event has no user and an array of vouchers."""
    shown = payload("publication.succeeded", JACKS_REFS, JACKS_SUBJECTS)
    assert list(shown) == ["user", "campaign", "customer", "vouchers", "publication"]
    assert shown["user"] is None
    assert [list(voucher) for voucher in shown["vouchers"]] == [CARD14]
    assert list(shown["publication"]) == PUBLICATION
    assert list(shown["campaign"]) == CAMPAIGN12
    assert list(shown["campaign"]["voucher"]) == TEMPLATE_WITH_NULLS


def test_customer_publication_succeeded() -> None:
    """The customer's publication event has the whole voucher inside the publication and a short one beside it."""
    shown = payload("customer.publication.succeeded", JACKS_REFS, JACKS_SUBJECTS)
    assert list(shown) == ["customer", "campaign", "publication", "voucher"]
    assert list(shown["voucher"]) == CARD17
    assert list(shown["publication"]) == [*PUBLICATION[:-1], "voucher", "vouchers_id"]
    assert len(shown["publication"]["voucher"]) == 27


@pytest.mark.parametrize("word", ["created", "updated", "enabled", "disabled", "deleted"])
def test_campaign_events(word: str) -> None:
    """A campaign event carries the whole campaign; a deletion says when."""
    shown = payload(f"campaign.{word}")
    assert list(shown["campaign"]) == CAMPAIGN_FULL
    assert shown["campaign"]["vouchers_count"] == 4
    assert shown.get("deleted_at") == ("2024-07-24T10:51:31.000Z" if word == "deleted" else None)


@pytest.mark.parametrize(
    ("name", "when"),
    [("added", "added_at"), *((f"generation.{word}", f"{word}_at") for word in ("started", "completed", "failed"))],
)
def test_generation_events(name: str, when: str) -> None:
    """How many cards, of which campaign, since when; a failure says why."""
    refs = msgspec.structs.replace(JOHNS_REFS, count=5, reason="No code is left" if name.endswith("failed") else None)
    shown = payload(f"campaign.vouchers.{name}", refs)
    assert list(shown)[:3] == ["count", "campaign", when]
    assert (shown["count"], shown[when]) == (5, "2024-07-24T10:51:31.000Z")
    assert set(shown["campaign"]) == {
        *["id", "name", "type", "active", "object", "voucher", "metadata", "auto_join", "join_once", "created_at"],
        *["category_id", "campaign_type", "is_referral_code"],
    }
    assert shown.get("reason") == refs.reason


@pytest.mark.parametrize("word", ["created", "updated", "deleted"])
def test_campaign_tier_events(word: str) -> None:
    """An event about a tier carries its campaign with the nulls of other voucher types, and the tier."""
    shown = payload(f"campaign.loyalty_tier.{word}")
    assert {key: list(value) for key, value in shown.items()} == {"campaign": CAMPAIGN18, "loyalty_tier": TIER11}
    assert list(shown["campaign"]["voucher"]) == TEMPLATE_WITH_NULLS
    assert shown["loyalty_tier"]["earning_rules"] == {"ern_XbXveWmCdcjhmaxqf0wuFp0Q": {"type": "MULTIPLY", "multiplier": 2}}


@pytest.mark.parametrize("word", ["assigned", "updated", "deleted", "enabled", "disabled"])
def test_campaign_rule_events(word: str) -> None:
    """An event about an earning rule carries its campaign and the whole rule."""
    shown = payload(f"campaign.earning_rule.{word}")
    assert list(shown) == ["campaign", "earning_rule"]
    assert list(shown["campaign"]) == CAMPAIGN18
    assert shown["earning_rule"]["source"] == {
        "banner": "Basic points",
        "object_id": "camp_CF2h3bNSTGgH2dDdTDy60qYg",
        "object_type": "campaign",
    }


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_same_event_same_bytes(name: str) -> None:
    """An event rendered again, from subjects that were stored and read, has the same bytes."""
    refs, subjects = (JACKS_REFS, JACKS_SUBJECTS) if "publi" in name else (JOHNS_REFS, JOHNS_SUBJECTS)
    stored = decode_subjects(encode_subjects(subjects))
    once = render(event(name, refs), OCCURRENCE, subjects, look_up, PUBLIC_URL)
    again = render(event(name, refs), OCCURRENCE, stored, look_up, PUBLIC_URL)
    assert again == once


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
        min_size=1,
    ),
)
def test_metadata_passes_through(metadata: dict[str, Any]) -> None:
    """The bytes of metadata in a payload are those of the record, whatever the metadata says."""
    text = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
    customer: Customer = msgspec.structs.replace(JACK, metadata=text)
    order: Order = msgspec.structs.replace(JACKS_ORDER, metadata=text)
    shown = render(event("customer.order.paid", Refs(customer=0, order=1)), OCCURRENCE, [customer, order], look_up, PUBLIC_URL)
    assert shown.count(b'"metadata":' + text.encode()) == 2


def test_broken_event_is_loud() -> None:
    """An event that points at nothing, or at the wrong kind of subject, is an error and not a payload."""
    with pytest.raises(AssertionError, match="points at no Customer"):
        payload("customer.order.paid", Refs(order=2))
    with pytest.raises(AssertionError, match="subject 2 is no Customer"):
        payload("customer.order.paid", Refs(customer=2, order=2))


# --- against the examples, where they lie beside the repository --------------------------------------------------------

OF_THE_SHOP = re.compile(r"\.(metadata|address|product|redemptions|campaigns|earning_rules|rewards)\..*")
OTHER_VOUCHER = re.compile(r"\.(discount|gift|loyalty_card)\..*")
OF_A_NEW_CODE = {"$.voucher.validity_hours", "$.voucher.holder_id", "$.voucher.redemption.redeemed_points"}
OTHER_EXAMPLE = {
    **dict.fromkeys(["voucher.created", "voucher.updated", "voucher.enabled", "voucher.disabled"], OF_A_NEW_CODE),
    "voucher.deleted": {"$.voucher.redemption.redeemed_points"},
    "customer.publication.succeeded": {
        "$.campaign.voucher.loyalty_card",
        "$.voucher.loyalty_card",
        "$.voucher.redemption.redeemed_points",
        "$.publication.voucher.redemption.redeemed_points",
    },
    "publication.succeeded": {
        "$.user.id",
        "$.campaign.updated_at",
        "$.vouchers[].loyalty_card",
        "$.vouchers[].redemption.redeemed_points",
    },
    "customer.created": {"$.customer.metadata"},
    "customer.deleted": {"$.customer.metadata"},
}
"""What an example lacks or adds because it is of another voucher type, another moment, or older than a decision."""
OF_THE_MOMENT = (".to", "order.discount_amount", "order.total_discount_amount", "order.redemptions")
PERSONAL = {"description", "email", "phone", "birthdate", "updated_at", "last_order_date"}


def paths(value: Any, at: str = "$") -> set[str]:
    """The key paths of a document, as the shapes write them."""
    if isinstance(value, dict):
        return {at}.union(*(paths(one, f"{at}.{key}") for key, one in value.items()))
    if isinstance(value, list):
        return {at}.union(*(paths(one, f"{at}[]") for one in value))
    return {at}


def comparable(found: set[str]) -> set[str]:
    """Without what a shop, or another type of voucher, fills in."""
    kept = {path for path in found if not OF_THE_SHOP.search(path) and not OTHER_VOUCHER.search(path)}
    kept = {path for path in kept if path.rpartition(".")[2] not in PERSONAL | {"discount", "gift", "product", "metadata"}}
    return {
        path
        for path in kept
        if not re.search(r"(categories|items|vouchers_id|validity_day_of_week|assignments\.data)\[\].*|\.categor", path)
    }


@pytest.mark.skipif(not SHAPES.exists(), reason="the examples are not beside the repository")
@pytest.mark.parametrize(
    "name",
    [
        *["customer.created", "customer.deleted", "customer.order.created", "customer.order.paid", "customer.order.updated"],
        *["customer.order.canceled", "customer.loyalty.tier.joined", "customer.loyalty.tier.left"],
        *["customer.loyalty.tier.upgraded", "customer.loyalty.tier.downgraded", "voucher.created", "voucher.published"],
        *["publication.succeeded", "customer.publication.succeeded", "campaign.loyalty_tier.created"],
        *["campaign.loyalty_tier.updated", "campaign.loyalty_tier.deleted", "customer.rewarded.loyalty_points"],
        *["voucher.updated", "voucher.enabled", "voucher.disabled", "voucher.deleted"],
        "voucher.loyalty_card.transaction.created",
    ],
)
def test_key_paths_of_the_examples(name: str) -> None:
    """A payload has the key paths of the published example of its name, apart from what the example's moment explains."""
    shapes = json.loads(SHAPES.read_text(encoding="utf-8"))["openapi_current"]
    examples = shapes["EVENTS." + name.upper()]["examples"].values()
    expected = comparable({path for example in examples for path in example["shape"]})
    jack = "publi" in name or "order" in name or "rewarded" in name
    shown = comparable(paths(payload(name, *((JACKS_REFS, JACKS_SUBJECTS) if jack else (JOHNS_REFS, JOHNS_SUBJECTS)))))
    differing = {path for path in shown ^ expected if not path.endswith(OF_THE_MOMENT)}
    assert differing - OTHER_EXAMPLE.get(name, set()) == set()
