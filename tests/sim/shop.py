"""What people want of the simulated shop, each thing twice: as a command, and as what the model does for it."""

from random import Random
from typing import Any

import msgspec

from tallybook.domain.event_names import SUBSCRIBABLE
from tallybook.engine.engine import Engine
from tallybook.usecases.adjust_balance import AdjustBalance
from tallybook.usecases.campaigns import CampaignFields, CreateCampaign, SwitchCampaign
from tallybook.usecases.earning_rules import CreateEarningRules, EarningRuleFields, UpdateEarningRule
from tallybook.usecases.generate_cards import GenerateCards
from tallybook.usecases.join_campaign import JoinCampaign
from tallybook.usecases.pending_points import ActivatePendingPoints, CancelPendingPoints
from tallybook.usecases.put_order import OrderFields, PutOrder
from tallybook.usecases.tiers import CreateTiers, TierFields
from tallybook.usecases.webhooks import CreateWebhook, UpdateWebhook, WebhookFields
from tests.books import PROJECT, fixed, per_amount
from tests.model.lifetimes import Lifetime
from tests.model.world import Programme, Rule, Tier
from tests.sim.auditor import Auditor, Wish

PEOPLE = ("ann", "ben", "cid", "dan")
SOME = ["customer.order.paid", "customer.created", "customer.order.created", "voucher.loyalty_card.points_added"]


class Shop:
    """Two programmes and three webhooks, and customers who come in a fixed order of chance."""

    def __init__(self, random: Random, auditor: Auditor) -> None:
        self._random = random
        self._auditor = auditor
        self._world = auditor.world
        self._orders = 0
        self._deeds = 0

    # --- opening, while nothing goes wrong ---

    def open(self, engine: Engine) -> None:
        """The webhooks, then the programmes with their rules and tiers."""
        for number, (events, strict) in enumerate(((sorted(SUBSCRIBABLE), False), (SOME, False), (SOME, True))):
            fields = WebhookFields(target_url=f"http://receiver-{number}.example/", events=events, strict_order=strict)
            engine.do(CreateWebhook(project_id=PROJECT, fields=fields))
        card = {"points": 5, "expiration_rules": {"period_type": "MONTH", "period_value": 12}}
        said: dict[str, Any] = {"name": "Open", "auto_join": True, "type": "AUTO_UPDATE", "voucher": {"loyalty_card": card}}
        self._programme(engine, said, Programme("", auto_join=True, initial=5, lifetime=Lifetime(12)))
        said = {
            "name": "Club",
            "auto_join": False,
            "type": "STATIC",
            "vouchers_count": 2,
            "voucher": {"loyalty_card": {"points": 0}},
        }
        self._programme(engine, said, Programme("", auto_join=False, initial=0, lifetime=None, cards_left=2))
        said = {"name": "Cards", "auto_join": False, "voucher": {"loyalty_card": {"points": 0}}}
        self._to_print = engine.do(CreateCampaign(project_id=PROJECT, fields=msgspec.convert(said, CampaignFields))).campaign.id

    def _programme(self, engine: Engine, said: dict[str, Any], programme: Programme) -> None:
        fields = msgspec.convert(said, CampaignFields)
        programme.id = engine.do(CreateCampaign(project_id=PROJECT, fields=fields)).campaign.id
        self._world.programmes.append(programme)
        for points, every, wait in ((3, None, None), (1, 100, None), (2, None, self._random.choice((1, 2))), (1, 700, 1)):
            formula = fixed(points) if every is None else per_amount(every, points)
            rule: dict[str, Any] = {"event": "order.paid", "loyalty": formula}
            rule |= {"pending_points": {"period_type": "DAY", "period_value": wait}} if wait else {}
            wanted = msgspec.convert([rule], list[EarningRuleFields])
            (made,) = engine.do(CreateEarningRules(project_id=PROJECT, campaign=programme.id, rules=wanted))
            programme.rules.append(Rule(made.id, made.created_at, points, every, wait=wait))
        programme.tiers += [Tier("Low", 0, 39), Tier("Middle", 40, 149), Tier("High", 150, None)]
        ranges = [
            {"name": one.name, "points": {"from": one.first} | ({"to": one.last} if one.last else {})} for one in programme.tiers
        ]
        engine.do(CreateTiers(project_id=PROJECT, campaign=programme.id, tiers=msgspec.convert(ranges, list[TierFields])))

    def enable_webhooks(self, engine: Engine) -> None:
        """What was switched off because its receiver was dead is switched on again."""
        for key, doc in self._auditor.ask("SELECT id, doc FROM documents WHERE kind = 'webhook' ORDER BY id"):
            said = msgspec.json.decode(doc)
            if said["active"]:
                continue
            fields = WebhookFields(target_url=said["target_url"], events=said["events"], active=True)
            engine.do(UpdateWebhook(project_id=PROJECT, webhook_id=key, fields=fields))

    # --- wishes ---

    def wish(self) -> Wish:
        """The next thing that somebody wants."""
        made: Wish | None = None
        while made is None:
            kinds = (
                self._pay,
                self._order_again,
                self._join,
                self._adjust,
                self._attend,
                self._change_rule,
                self._switch,
                self._print,
            )
            made = self._random.choices(kinds, (30, 15, 5, 20, 10, 3, 2, 2))[0]()
        return made

    def _pay(self) -> Wish:
        self._orders += 1
        return self._put(f"order-{self._orders}", "PAID")

    def _order_again(self) -> Wish | None:
        if not self._orders:
            return None
        name = f"order-{self._random.randint(1, self._orders)}"
        return self._put(name, self._random.choice(("PAID", "CREATED", "CANCELED", "FULFILLED")))

    def _put(self, source_id: str, status: str) -> Wish:
        person, amount = self._random.choice(PEOPLE), self._random.choice((99, 700, 1_450, 12_345))
        said = {"source_id": source_id, "status": status, "amount": amount, "customer": {"source_id": person}}

        def learn(order: Any, answer: Any) -> None:
            order.customer.id = answer.order.customer_id

        return Wish(
            f"{status} {source_id} of {person}",
            PutOrder(project_id=PROJECT, fields=msgspec.convert(said, OrderFields)),
            lambda world: world.put_order(source_id, person, status, amount, None),
            learn,
            keyed=self._random.random() < 0.5,
            repeatable=True,
        )

    def _join(self) -> Wish:
        person, programme = self._random.choice(PEOPLE), self._random.choice(self._world.programmes)

        def learn(card: Any, answer: Any) -> None:
            card.holder.id = answer.card.customer_id

        command = JoinCampaign(project_id=PROJECT, campaign=programme.id, customer=person)
        return Wish(f"{person} joins", command, lambda world: world.join(programme, person), learn)

    def _adjust(self) -> Wish | None:
        if not self._world.cards:
            return None
        card, points = self._random.choice(self._world.cards), self._random.choice((1, 8, 25, -1, -7, -30))
        named = self._auditor.ask(
            "SELECT id FROM cards WHERE customer_id = ? AND campaign_id = ?", card.holder.id, card.programme.id
        )
        self._deeds += 1
        reason = f"deed {self._deeds}"
        return Wish(
            f"{points} for {card.holder.source_id}, {reason}",
            AdjustBalance(project_id=PROJECT, member=named[0][0], points=points, reason=reason),
            lambda world: world.adjust(card, points, None, None, None),
            keyed=self._random.random() < 0.7,
        )

    def _attend(self) -> Wish | None:
        """A pending entry is activated or canceled by hand."""
        waiting = [(card, entry) for card in self._world.cards for entry in card.waiting]
        if not waiting:
            return None
        card, entry = self._random.choice(waiting)
        sql = """SELECT e.id, e.card_id FROM pending_entries e JOIN orders o ON o.id = e.order_id
                 WHERE o.source_id = ? AND e.rule_id = ?"""
        ((entry_id, card_id),) = self._auditor.ask(sql, entry.order.source_id, entry.rule.id)
        if self._random.random() < 0.5:
            command: Any = ActivatePendingPoints(project_id=PROJECT, member=card_id, entry_id=entry_id)
            return Wish(f"activate {entry_id}", command, lambda world: world.activate(card, entry))
        command = CancelPendingPoints(project_id=PROJECT, member=card_id, entry_id=entry_id)
        return Wish(f"cancel {entry_id}", command, lambda world: world.cancel(card, entry))

    def _change_rule(self) -> Wish:
        programme = self._random.choice(self._world.programmes)
        rule, points = programme.rules[0], self._random.choice((1, 4, 9))
        fields = EarningRuleFields(loyalty=fixed(points))
        command = UpdateEarningRule(project_id=PROJECT, campaign=programme.id, rule_id=rule.id, fields=fields)
        return Wish(f"rule gives {points}", command, lambda _: setattr(rule, "points", points), repeatable=True)

    def _switch(self) -> Wish:
        programme, active = self._random.choice(self._world.programmes), self._random.random() < 0.6
        command = SwitchCampaign(project_id=PROJECT, key=programme.id, active=active)
        return Wish(f"{programme.id} on: {active}", command, lambda _: setattr(programme, "active", active), repeatable=True)

    def _print(self) -> Wish:
        """Cards for a programme that nobody joins: a job makes them, fifty at a time. The model knows nothing of them."""
        count = self._random.choice((1, 120))
        return Wish(f"print {count} cards", GenerateCards(project_id=PROJECT, key=self._to_print, count=count), lambda _: None)
