"""Records of two programmes, and a way to render one event of them: what the tests of this room share."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec

from tallybook.domain.config import (
    Campaign,
    CodeConfig,
    Document,
    EarningRule,
    ExpirationRules,
    Formula,
    Tier,
    TierMapping,
    Webhook,
)
from tallybook.domain.occurrence import CampaignPoints, CardNumbers, CausingEvent, CustomerSummary, Refs, Subject
from tallybook.domain.records import (
    Card,
    Customer,
    Event,
    Occurrence,
    Order,
    PendingEntry,
    Publication,
    TierMembership,
    Transaction,
)
from tallybook.wire.events import render

PUBLIC_URL = "https://points.example"
ALPHANUMERIC = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
PROJECT = "proj_1"


def at(text: str) -> datetime:
    """An instant from text such as 2024-01-18T15:19:20.676."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- the programme of seed 002 ------------------------------------------------------------------------------------------

JACK = Customer(
    id="cust_IdgAFZxYwwHctOk9pPuMu308",
    project_id=PROJECT,
    source_id="jck-wbhk",
    name="Jack Webhook",
    metadata='{"region":"EMEA"}',
    created_at=at("2024-01-18T15:19:20.600"),
)
JACKS_SUMMARY = CustomerSummary(customer_id=JACK.id)
JACKS_CAMPAIGN = Campaign(
    id="camp_AQZ1GLRlbGaC2dETd31VbJQ9",
    name="Loyalty programme",
    auto_join=True,
    code_config=CodeConfig(length=8, charset=ALPHANUMERIC, pattern="########"),
    created_at=at("2024-01-18T15:18:38.577"),
)
JACKS_RULE = EarningRule(
    id="ern_FQxftbKUq9E93k00Z3qkC0sX",
    campaign_id=JACKS_CAMPAIGN.id,
    automation_id="auto_sRc6onPl70seyfrGOXhwDxYE",
    banner="Order-paid",
    loyalty=Formula(type="PROPORTIONAL", calculation_type="ORDER_TOTAL_AMOUNT", every=500, points=10),
    created_at=at("2024-01-18T15:18:39.156"),
)
JACKS_CARD = Card(
    id="v_hjQhSsitD6lAATASbRV1Ef7dUCjpy0iw",
    project_id=PROJECT,
    campaign_id=JACKS_CAMPAIGN.id,
    customer_id=JACK.id,
    code="L0y4L",
    points=900,
    balance=900,
    published_count=1,
    created_at=at("2024-01-18T15:18:39.015"),
    updated_at=at("2024-01-18T15:19:27.000"),
)
JACKS_PUBLICATION = Publication(
    id="pub_mLP4jygSMXfVejD3T9DmpsvHYah0Nd0I",
    project_id=PROJECT,
    customer_id=JACK.id,
    campaign_id=JACKS_CAMPAIGN.id,
    card_id=JACKS_CARD.id,
    channel="Automation",
    tracking_id="jck-wbhk",
    created_at=at("2024-01-18T15:19:26.594"),
)
JACKS_ORDER = Order(
    id="ord_CkH2s0T5xJkK0x5pGYXoBaFn",
    project_id=PROJECT,
    customer_id=JACK.id,
    status="PAID",
    amount=50000,
    discount_amount=5000,
    total_discount_amount=5000,
    total_amount=45000,
    items='[{"id":"ordli_0e2905d4ba185a0470","product_id":"prod_0df14b7e7d8975079d","quantity":20,"amount":50000,'
    '"price":2500,"subtotal_amount":50000,"product":{"id":"prod_0df14b7e7d8975079d","source_id":"star-th-bottle",'
    '"name":"Star Thermal Bottle","price":2500}},'
    '{"id":"ordli_0e2905d4ba185a0471","product_id":"prod_5h1pp1ng","quantity":1,"amount":0,"price":0,'
    '"subtotal_amount":0,"product":{"id":"prod_5h1pp1ng","source_id":"5h1pp1ng","name":"Shipping"}}]',
    metadata='{"card":["Other"],"region":"US","currency":"USD"}',
    redemptions='{"r_0e2905d4e6985a04b5":{"date":"2024-01-18T15:19:20.731Z","related_object_type":"promotion_tier",'
    '"related_object_id":"promo_aKUQomRfnj47MHoOV8XcNmO1","related_object_parent_id":"camp_7xzcWMVIefoujUIpuwwrHxIU"}}',
    paid_at=at("2024-01-18T15:19:20.675"),
    created_at=at("2024-01-18T15:19:20.675"),
    updated_at=at("2024-01-18T15:19:20.731"),
)
JACKS_TRANSACTION = Transaction(
    id="vtx_0e29060de8585a0777",
    project_id=PROJECT,
    customer_id=JACK.id,
    card_id=JACKS_CARD.id,
    campaign_id=JACKS_CAMPAIGN.id,
    type="POINTS_ACCRUAL",
    points=900,
    balance=900,
    total=900,
    operation_type="AUTOMATIC",
    source="Automation",
    created_at=at("2024-01-18T15:19:27.000"),
)
JACKS_PAYMENT = CausingEvent(
    id="evcus_0e2905d4db185a04ad",
    type="customer.order.paid",
    entity_id=JACK.id,
    created_at=at("2024-01-18T15:19:20.676"),
)
JACKS_BEFORE = CardNumbers(updated_at=at("2024-01-18T15:19:26.501"))
JACKS_AFTER = CardNumbers(points=900, balance=900, updated_at=at("2024-01-18T15:19:27.000"))

# --- the programme of seed 003 ------------------------------------------------------------------------------------------

JOHN = Customer(
    id="cust_PL4iqfS8K5Ej2LuBNV1RqlfJ",
    project_id=PROJECT,
    source_id="230724-01",
    name="John Demo",
    created_at=at("2024-07-24T09:48:32.000"),
)
JOHNS_CAMPAIGN = Campaign(
    id="camp_CF2h3bNSTGgH2dDdTDy60qYg",
    name="new loyalty test",
    expiration_rules=ExpirationRules(period_type="MONTH", period_value=12),
    code_config=CodeConfig(length=8, charset=ALPHANUMERIC, pattern="########"),
    created_at=at("2024-07-24T09:48:31.790"),
    updated_at=at("2024-07-24T10:48:29.156"),
    version=2,
)
JOHNS_RULE = EarningRule(
    id="ern_XbXveWmCdcjhmaxqf0wuFp0Q",
    campaign_id=JOHNS_CAMPAIGN.id,
    automation_id="auto_y1JL5lMLJXYVQUCyOP1D9gOC",
    banner="Basic points",
    loyalty=Formula(type="PROPORTIONAL", calculation_type="ORDER_TOTAL_AMOUNT", every=100, points=1),
    metadata='{"sponsors":["sponsor1"]}',
    created_at=at("2024-07-24T09:48:33.000"),
)
BASIC = Tier(
    id="ltr_0f1ac501ef53236abb",
    campaign_id=JOHNS_CAMPAIGN.id,
    name="Basic",
    points_from=0,
    points_to=499,
    created_at=at("2024-07-24T09:48:32.573"),
)
GOLD = Tier(
    id="ltr_0f1ac501ef53236abc",
    campaign_id=JOHNS_CAMPAIGN.id,
    name="Gold",
    points_from=500,
    earning_rules={JOHNS_RULE.id: TierMapping(type="MULTIPLY", multiplier="2")},
    created_at=at("2024-07-24T09:48:32.573"),
    updated_at=at("2024-07-24T09:49:00.000"),
    version=3,
)
JOHNS_MEMBERSHIP = TierMembership(
    id="mem_1",
    project_id=PROJECT,
    customer_id=JOHN.id,
    campaign_id=JOHNS_CAMPAIGN.id,
    tier_id=BASIC.id,
    start_on=date(2024, 7, 24),
    created_at=at("2024-07-24T09:52:21.616"),
)
JOHNS_CARD = Card(
    id="v_9st8n1XRtoeBz85LPi7P9BCnKJS5OIIY",
    project_id=PROJECT,
    campaign_id=JOHNS_CAMPAIGN.id,
    customer_id=JOHN.id,
    code="8KBUE0M6",
    points=210,
    balance=210,
    published_count=1,
    created_at=at("2024-07-24T09:48:32.358"),
    updated_at=at("2024-07-24T10:51:30.608"),
)
JOHNS_ORDER = Order(
    id="ord_0f1ad36a828d1c7c5f",
    project_id=PROJECT,
    customer_id=JOHN.id,
    status="PAID",
    amount=1000,
    total_amount=1000,
    items='[{"id":"ordli_0f1ad36a820d1c7c5e","source_id":"123123123","related_object":"product","quantity":1,"amount":1000,'
    '"price":1000,"subtotal_amount":1000,"product":{"source_id":"123123123"}}]',
    metadata='{"location":"Katowice"}',
    paid_at=at("2024-07-24T10:51:29.669"),
    created_at=at("2024-07-24T10:51:29.669"),
)
JOHNS_TRANSACTION = Transaction(
    id="vtx_0f1ad36b8992670da4",
    project_id=PROJECT,
    customer_id=JOHN.id,
    card_id=JOHNS_CARD.id,
    campaign_id=JOHNS_CAMPAIGN.id,
    type="POINTS_ACCRUAL",
    points=10,
    balance=210,
    total=210,
    operation_type="AUTOMATIC",
    source="Automation",
    cause='{"order":{"id":"ord_0f1ad36a828d1c7c5f","source_id":null},'
    '"event":{"id":"evcus_0f1ad36a884d1c7c69","type":"customer.order.paid"},'
    '"earning_rule":{"id":"ern_XbXveWmCdcjhmaxqf0wuFp0Q","source":{"banner":"Basic points"}}}',
    created_at=at("2024-07-24T10:51:30.608"),
)
JOHNS_PAYMENT = CausingEvent(
    id="evcus_0f1ad36a884d1c7c69",
    type="customer.order.paid",
    entity_id=JOHN.id,
    created_at=at("2024-07-24T10:51:29.670"),
)
JOHNS_AFTER = CardNumbers(
    points=210,
    balance=210,
    next_expiration_on=date(2025, 7, 24),
    next_expiration_points=110,
    updated_at=at("2024-07-24T10:51:30.608"),
)

# --- rendering one event ------------------------------------------------------------------------------------------------

WEBHOOK = Webhook(
    id="wh_i45Uez369zzXgh6PXC0eyGmb",
    target_url="https://shop.example/hooks",
    events=["customer.order.paid"],
    created_at=at("2024-01-02T08:31:46.562"),
)
OCCURRENCE = Occurrence(
    id="v-0f1ad36a77025ce17c",
    project_id=PROJECT,
    channel="API",
    key_name="Primary",
    app_id="34fdc483-066d-478b-a707-be2c7a3d3698",
    created_at=at("2024-07-24T10:51:29.600"),
)
_DOCUMENTS: list[Document] = [JACKS_CAMPAIGN, JACKS_RULE, JOHNS_CAMPAIGN, JOHNS_RULE, BASIC, GOLD]
_HISTORY = {(one.id, one.version): one for one in _DOCUMENTS}

JACKS_SUBJECTS: list[Subject] = [JACK, JACKS_SUMMARY, JACKS_ORDER, JACKS_CARD, JACKS_PUBLICATION, JACKS_TRANSACTION]
JACKS_REFS = Refs(
    customer=0,
    summary=1,
    order=2,
    card=3,
    publication=4,
    transaction=5,
    before=JACKS_BEFORE,
    after=JACKS_AFTER,
    campaign=(JACKS_CAMPAIGN.id, 1),
    earning_rule=(JACKS_RULE.id, 1),
    cause=JACKS_PAYMENT,
)
JOHNS_SUMMARY = CustomerSummary(
    customer_id=JOHN.id,
    points=210,
    campaigns=(CampaignPoints(campaign_name=JOHNS_CAMPAIGN.name, points=210, tier_id=BASIC.id),),
)
JOHNS_ENTRY = PendingEntry(
    id="lopp_0f1ad36a884d1c7c70",
    project_id=PROJECT,
    customer_id=JOHN.id,
    card_id=JOHNS_CARD.id,
    campaign_id=JOHNS_CAMPAIGN.id,
    order_id=JOHNS_ORDER.id,
    rule_id=JOHNS_RULE.id,
    rule_version=1,
    campaign_version=2,
    points=5,
    activates_on=date(2024, 8, 7),
    details='{"event":{},"earning_rule":{},"order":{}}',
    created_at=at("2024-07-24T10:51:30.608"),
)
JOHNS_SUBJECTS: list[Subject] = [JOHN, JOHNS_SUMMARY, JOHNS_ORDER, JOHNS_CARD, JOHNS_TRANSACTION, JOHNS_MEMBERSHIP, JOHNS_ENTRY]
JOHNS_REFS = Refs(
    customer=0,
    summary=1,
    order=2,
    card=3,
    transaction=4,
    membership=5,
    entry=6,
    points=5,
    after=JOHNS_AFTER,
    campaign=(JOHNS_CAMPAIGN.id, 2),
    earning_rule=(JOHNS_RULE.id, 1),
    tier=(GOLD.id, 3),
    tier_from=(BASIC.id, 1),
    holder_tier=(BASIC.id, 1),
    cause=JOHNS_PAYMENT,
    vouchers_count=4,
)


def look_up(id: str, version: int) -> Document:
    """The config history of both programmes."""
    return _HISTORY[id, version]


def event(name: str, refs: Refs) -> Event:
    """An event of this name with these references."""
    return Event(
        id="evcus_0f1ad36a884d1c7c69",
        project_id=PROJECT,
        customer_id=JOHN.id,
        occurrence_id=OCCURRENCE.id,
        sequence=7,
        name=name,
        entity_id=JOHN.id,
        refs=msgspec.json.encode(refs).decode(),
        created_at=at("2024-07-24T10:51:31.000"),
    )


def payload(name: str, refs: Refs = JOHNS_REFS, subjects: list[Subject] = JOHNS_SUBJECTS, group: str = OCCURRENCE.id) -> Any:
    """The decoded `data` of an event."""
    occurrence = msgspec.structs.replace(OCCURRENCE, id=group)
    return msgspec.json.decode(render(event(name, refs), occurrence, subjects, look_up, PUBLIC_URL))
