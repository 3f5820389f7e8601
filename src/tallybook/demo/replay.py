"""Posting the purchases as paid orders, day by day, the test clock before them."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from itertools import groupby
from typing import Any

from tallybook.demo.client import AT_ONCE, Client
from tallybook.demo.purchases import Purchase

NOON = time(12, tzinfo=UTC)
"""Orders are placed at noon UTC, which is the same date in nearly every time zone a project may have."""

Chain = list[Purchase]
"""The purchases of one customer on one day, in order."""


def opening(first: Purchase) -> datetime:
    """Where the clock starts: at the beginning of the first day, before its noon, so that it only ever moves forward."""
    return datetime.combine(first.replayed_on, time(tzinfo=UTC))


async def replay(client: Client, purchases: list[Purchase], answered: Callable[[], None]) -> None:
    """Post every purchase, up to 32 at a time; `answered` is called after each.

    The orders of one customer are posted one after the other, and the clock moves to the next day only when all orders of
    the day before are answered. `purchases` are in the order of `read_purchases`. Stops at the first refusal (DemoError).
    """
    for day, chains in days_of(purchases):
        await client.move_clock(datetime.combine(day, NOON))
        await _post_day(client, chains, answered)


def days_of(purchases: list[Purchase]) -> Iterator[tuple[date, list[Chain]]]:
    """The days on which something was bought, each with the purchases of its customers."""
    for day, bought in groupby(purchases, key=lambda one: one.replayed_on):
        chains: dict[str, Chain] = {}
        for purchase in bought:
            chains.setdefault(purchase.customer, []).append(purchase)
        yield day, list(chains.values())


def order_body(purchase: Purchase) -> dict[str, Any]:
    """The order: one line of CDs that cost what was paid. The price of one CD is unknown, and is not guessed by dividing."""
    cds = {"source_id": "cd", "related_object": "product", "quantity": purchase.cds, "amount": purchase.cents}
    return {
        "source_id": str(purchase.line),
        "status": "PAID",
        "customer": {"source_id": f"cdnow-{purchase.customer}"},
        "amount": purchase.cents,
        "items": [cds],
    }


async def _post_day(client: Client, chains: list[Chain], answered: Callable[[], None]) -> None:
    waiting = iter(chains)
    try:
        async with asyncio.TaskGroup() as posters:
            for _ in range(min(AT_ONCE, len(chains))):
                posters.create_task(_post_chains(client, waiting, answered))
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def _post_chains(client: Client, waiting: Iterator[Chain], answered: Callable[[], None]) -> None:
    for chain in waiting:
        for purchase in chain:
            await client.post("/v1/orders", order_body(purchase))
            answered()
