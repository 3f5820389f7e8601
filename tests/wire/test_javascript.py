"""JavaScript reads ten thousand of our bodies and writes them again: the same bytes, so signatures hold (decisions 31, 47)."""

import shutil
import struct
import subprocess
from collections.abc import Iterator
from math import isfinite
from random import Random
from typing import Any, TypeVar

import msgspec
import pytest

from tallybook.domain.canonical import canonical
from tallybook.domain.config import Category, Document
from tallybook.domain.occurrence import CampaignPoints, CustomerSummary, Subject
from tallybook.domain.records import Product, Sku
from tallybook.wire import lists
from tallybook.wire.campaigns import campaign_full
from tallybook.wire.cards import voucher_got
from tallybook.wire.categories import category_full
from tallybook.wire.customers import customer_full
from tallybook.wire.earning_rules import rule_full
from tallybook.wire.envelope import envelope
from tallybook.wire.events import PAYLOADS, render
from tallybook.wire.json import encode
from tallybook.wire.orders import order_full
from tallybook.wire.pending_points import entry_full
from tallybook.wire.products import product_got
from tallybook.wire.publications import publication_full
from tallybook.wire.tiers import tier_full
from tallybook.wire.transactions import transaction_full
from tests.wire import scenes
from tests.wire.scenes import JACKS_REFS, JACKS_SUBJECTS, JOHNS_REFS, JOHNS_SUBJECTS, OCCURRENCE, PUBLIC_URL, WEBHOOK, look_up

ROUNDS = 170
"""Each renders every event and every answer once."""
T = TypeVar("T", bound=msgspec.Struct)

TEXTS = (
    "name",
    "email",
    "description",
    "source_id",
    "reason",
    "source",
    "code",
    "additional_info",
    "banner",
    "tracking_id",
    "sku",
)
OBJECTS = ("metadata", "address", "details", "redemptions")
SIGNS = "aZ09 _.-/<>&'\"\\\b\t\n\r\x00\x1f\x7f\x80\u00a0é߀ἀ\u200b\u2028\u2029\ud7ff\ue000\ufeff\ufffd\uffff😀\U0010ffff"
KEYS = ("0", "7", "10", "2024", "4294967294", "4294967295", "01", "-1", "1.5", "1e3", "", "__proto__", "constructor", "toJSON")
DIFFERENCES = """
const lines = require('fs').readFileSync(0, 'utf8').split('\\n').slice(0, -1)
const different = lines.filter(line => JSON.stringify(JSON.parse(line)) !== line)
process.stdout.write(JSON.stringify({read: lines.length, different: different.slice(0, 3)}))
"""


class Strange:
    """Records as somebody could make them who wants our JSON to be read differently."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def record(self, known: T) -> T:
        """The same record with other texts, metadata and lines, wherever a request decides about them."""
        said: dict[str, Any] = {}
        for field in known.__struct_fields__:
            if field in TEXTS:
                said[field] = self.text()
            elif field in OBJECTS:
                said[field] = canonical(self.object())
            elif field == "items":
                said[field] = canonical([self.line(number) for number in range(self._random.randrange(4))])
            elif field == "cause":
                said[field] = canonical({"order": self.object(), "event": self.object(), "earning_rule": self.object()})
            elif field == "campaigns":
                said[field] = [CampaignPoints(campaign_name=self.key(), points=number) for number in range(3)]
        return msgspec.structs.replace(known, **said)

    def line(self, number: int) -> dict[str, Any]:
        """A line of an order."""
        product = {"id": f"prod_{number}", "name": self.text(), "metadata": self.object()}
        return {"id": f"ordli_{number}", "quantity": 1, "amount": number, "product": product, "metadata": self.object()}

    def text(self) -> str:
        """A text of few signs, each of them a trap."""
        return "".join(self._random.choices(SIGNS, k=self._random.randrange(8)))

    def key(self) -> str:
        """A key that JavaScript may move, or take for something else."""
        return self._random.choice(KEYS) if self._random.random() < 0.5 else self.text()

    def number(self) -> int | float:
        """Any double but the infinite ones, and integers as they are usual."""
        drawn: float = struct.unpack("d", self._random.randbytes(8))[0]
        if self._random.random() < 0.5 or not isfinite(drawn) or (drawn.is_integer() and abs(drawn) >= 2**53):
            return self._random.choice((0, -1, 2**53 - 1, 0.1, 1e21, 1e-7, 5e-324, 123456.789, -0.0))
        return drawn

    def object(self, depth: int = 3) -> dict[str, Any]:
        """Metadata."""
        return {self.key(): self.value(depth) for _ in range(self._random.randrange(4))}

    def value(self, depth: int) -> Any:
        """Whatever JSON has."""
        kind = self._random.randrange(6 if depth else 4)
        if kind == 4:
            return [self.value(depth - 1) for _ in range(self._random.randrange(3))]
        return (self.text(), self.number(), None, True, None, self.object(depth - 1) if depth else None)[kind]


def events(strange: Strange) -> Iterator[bytes]:
    """Every event, in its envelope."""
    documents: dict[tuple[str, int], Document] = {}

    def history(id: str, version: int) -> Document:
        if (id, version) not in documents:
            documents[id, version] = strange.record(look_up(id, version))
        return documents[id, version]

    jacks: list[Subject] = [strange.record(one) for one in JACKS_SUBJECTS]
    johns: list[Subject] = [strange.record(one) for one in JOHNS_SUBJECTS]
    for name in sorted(PAYLOADS):
        refs, subjects = (JACKS_REFS, jacks) if "publi" in name else (JOHNS_REFS, johns)
        event = scenes.event(name, refs)
        yield envelope("whs_1", WEBHOOK, event, OCCURRENCE, render(event, OCCURRENCE, subjects, history, PUBLIC_URL))


def answers(strange: Strange) -> Iterator[bytes]:
    """An answer of each kind."""
    category = strange.record(Category(id="cat_1", name="Some", hierarchy=1, created_at=scenes.JACK.created_at))
    customer, card = strange.record(scenes.JACK), strange.record(scenes.JACKS_CARD)
    campaign, product = strange.record(scenes.JACKS_CAMPAIGN), strange.record(_product())
    voucher = voucher_got(card, campaign, scenes.JACKS_AFTER, PUBLIC_URL, category)
    summary = strange.record(CustomerSummary(customer_id=customer.id))
    for shown in (
        voucher,
        customer_full(customer, summary),
        order_full(strange.record(scenes.JACKS_ORDER)),
        campaign_full(campaign, 4, category),
        rule_full(strange.record(scenes.JACKS_RULE)),
        tier_full(strange.record(scenes.GOLD)),
        transaction_full(strange.record(scenes.JOHNS_TRANSACTION)),
        entry_full(strange.record(scenes.JOHNS_ENTRY)),
        publication_full(strange.record(scenes.JACKS_PUBLICATION), customer, voucher),
        product_got(product, [strange.record(_sku())]),
        lists.page([category_full(category)], 1),
    ):
        yield encode(shown)


def _product() -> Product:
    return Product(id="prod_1", project_id=scenes.PROJECT, attributes='["size"]', created_at=scenes.JACK.created_at)


def _sku() -> Sku:
    return Sku(id="sku_1", project_id=scenes.PROJECT, product_id="prod_1", created_at=scenes.JACK.created_at)


def test_node_writes_what_it_read() -> None:
    """Whatever a customer, an order or a programme is called and carries."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    bodies = [body for seed in range(ROUNDS) for make in (events, answers) for body in make(Strange(seed))]
    assert len(bodies) >= 10_000
    sent = b"\n".join([*bodies, b""])
    run = subprocess.run([node, "-e", DIFFERENCES], input=sent, capture_output=True, check=True)
    assert msgspec.json.decode(run.stdout) == {"read": len(bodies), "different": []}
