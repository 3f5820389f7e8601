"""The demo from beginning to end: subscribe, set up, replay, wait for the webhooks, prove, sum up."""

import asyncio
from collections.abc import Callable

from rich.console import Console

from tallybook.clock import monotonic
from tallybook.demo.client import Client
from tallybook.demo.options import Connection, DemoOptions, VerifyResult
from tallybook.demo.programme import EVENTS, TIERS, Programme, expected_events, set_up_programme
from tallybook.demo.progress import ReplayProgress
from tallybook.demo.purchases import Purchase, figures, read_purchases
from tallybook.demo.receiver import Receiver
from tallybook.demo.replay import opening, replay
from tallybook.demo.summary import EventCounts, Summary, TierCount, TopCard
from tallybook.demo.tally import SeenCard, Tally

TOP_CARDS = 5
QUIET_SECONDS = 1.0
"""How long nothing new may arrive before the webhooks are taken to be through, once those that can be foretold are."""
PATIENCE_SECONDS = 90.0
"""How long to wait for the next one when some are missing: a failed attempt is repeated after a minute (decision 49)."""
_POLL_SECONDS = 0.05


async def run(
    options: DemoOptions,
    connection: Connection,
    verify: Callable[[], VerifyResult],
    *,
    console: Console | None = None,
    quiet_seconds: float = QUIET_SECONDS,
) -> Summary:
    """Replay real purchases against a running server, and say what became of them. The project must be an empty sandbox.

    `verify` is called in a thread when all webhooks have arrived. Progress goes to `console` (standard error unless given).
    Refuses with DemoError: purchases that cannot be read, and anything the server refuses, in the server's words.
    """
    purchases = read_purchases(options.orders, options.limit)
    with Receiver(connection.webhook_secret) as receiver:
        async with Client(connection) as client:
            webhook_id = await client.subscribe(receiver.url, EVENTS)
            await client.move_clock(opening(purchases[0]))
            programme = await set_up_programme(client)
            milliseconds = await _timed_replay(client, purchases, console or Console(stderr=True))
            await _arrival(receiver.tally, expected_events(purchases), quiet_seconds)
            seen = receiver.tally.top_cards(TOP_CARDS)
            cards = [await _read_card(client, one) for one in seen]
            proof = await asyncio.to_thread(verify)
            # From here on nobody listens: a webhook left behind would only collect failures.
            await client.unsubscribe(webhook_id)
    return _sum_up(
        connection=connection,
        programme=programme,
        purchases=purchases,
        tally=receiver.tally,
        seen=seen,
        cards=cards,
        milliseconds=milliseconds,
        proof=proof,
    )


async def _timed_replay(client: Client, purchases: list[Purchase], console: Console) -> int:
    began = monotonic()
    with ReplayProgress(len(purchases), console) as progress:
        await replay(client, purchases, progress.step)
    return round((monotonic() - began) * 1000)


async def _arrival(tally: Tally, expected: dict[str, int], quiet_seconds: float) -> None:
    """Return when everything expected has arrived and nothing more does, or when patience is at an end."""
    arrived, since = tally.arrived, monotonic()
    while monotonic() - since < (PATIENCE_SECONDS if tally.missing(expected) else quiet_seconds):
        await asyncio.sleep(_POLL_SECONDS)
        if tally.arrived != arrived:
            arrived, since = tally.arrived, monotonic()


async def _read_card(client: Client, seen: SeenCard) -> TopCard:
    member = await client.get(f"/v1/loyalties/members/{seen.code}")
    tiers = await client.get(f"/v1/loyalties/members/{seen.code}/tiers")
    names = [str(tier["name"]) for tier in tiers["data"]]
    points = member["loyalty_card"]
    return TopCard(
        code=seen.code,
        customer=seen.customer,
        balance=points["balance"],
        waiting=points.get("pending_points", 0),
        tier=names[0] if names else None,
    )


def _disagreements(seen: list[SeenCard], cards: list[TopCard], tally: Tally) -> list[str]:
    told = [(said.balance, tally.waiting[said.code], tally.tier_of(said.customer)) for said in seen]
    return [
        f"card {card.code}: {card.balance} points, {card.waiting} waiting and tier {card.tier} by API, "
        f"{balance} points, {waiting} waiting and tier {tier} by its events"
        for card, (balance, waiting, tier) in zip(cards, told, strict=True)
        if (card.balance, card.waiting, card.tier) != (balance, waiting, tier)
    ]


def _sum_up(
    *,
    connection: Connection,
    programme: Programme,
    purchases: list[Purchase],
    tally: Tally,
    seen: list[SeenCard],
    cards: list[TopCard],
    milliseconds: int,
    proof: VerifyResult,
) -> Summary:
    holders = tally.customers_by_tier()
    return Summary(
        project_id=connection.project_id,
        campaign_id=programme.campaign_id,
        campaign=programme.name,
        first_date=purchases[0].bought_on,
        last_date=purchases[-1].bought_on,
        purchases=figures(purchases),
        points_issued=tally.points_issued,
        points_waiting=tally.waiting.total(),
        cards_waiting=sum(points > 0 for points in tally.waiting.values()),
        tiers=[
            TierCount(name=name, points_from=first, points_to=last, customers=holders[name])
            for name, (first, last) in TIERS.items()
        ],
        top_cards=cards,
        events=EventCounts(
            verified=dict(sorted(tally.verified.items())),
            repeated=tally.repeated,
            bad_signatures=tally.bad_signatures,
            unreadable=tally.unreadable,
            missing=tally.missing(expected_events(purchases)),
        ),
        disagreements=_disagreements(seen, cards, tally),
        replay_milliseconds=milliseconds,
        proof=proof,
    )
