"""What the demo found out, for people and as JSON."""

from datetime import date

import msgspec
from rich.console import Console
from rich.table import Table

from tallybook.demo.options import Connection, VerifyResult
from tallybook.demo.purchases import CREDITS, SHIFT_YEARS, Figures


class TierCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many customers hold a tier: balances from `points_from` to `points_to` (null: no end), both included."""

    name: str
    points_from: int
    points_to: int | None
    customers: int


class TopCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card as the API shows it at the end; `waiting` points are not part of the balance."""

    code: str
    customer: str
    balance: int
    waiting: int
    tier: str | None


class EventCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Webhooks received. `verified` has each event with a right signature once; `missing` what should have come, and did not."""

    verified: dict[str, int]
    repeated: int
    bad_signatures: int
    unreadable: int
    missing: dict[str, int]

    @property
    def ok(self) -> bool:
        """Whether every event came, signed and readable."""
        return not (self.bad_signatures or self.unreadable or self.missing)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The demo in figures. Money is in cents. Dates are those of the purchases; the replay moved them by `shift_years`."""

    project_id: str
    campaign_id: str
    campaign: str
    first_date: date
    last_date: date
    shift_years: int = SHIFT_YEARS
    purchases: Figures
    points_issued: int
    points_waiting: int
    cards_waiting: int
    tiers: list[TierCount]
    top_cards: list[TopCard]
    events: EventCounts
    disagreements: list[str]
    """Cards whose points or tier by API are not those that their events told."""
    replay_milliseconds: int
    proof: VerifyResult
    credits: str = CREDITS

    @property
    def ok(self) -> bool:
        """Whether nothing is missing, nothing disagrees, and the ledger is proven."""
        return self.events.ok and self.proof.ok and not self.disagreements

    @property
    def orders_per_second(self) -> int:
        """Orders answered per second of the replay, the moves of the clock included."""
        return self.purchases.purchases * 1000 // max(self.replay_milliseconds, 1)


def print_summary(summary: Summary, console: Console, *, as_json: bool = False) -> None:
    """Print the summary for a person, or as one JSON object (with `ok` and `orders_per_second` beside the fields)."""
    if as_json:
        console.out(summary_json(summary), highlight=False)
        return
    _print_replay(summary, console)
    _print_tiers(summary, console)
    _print_top_cards(summary, console)
    _print_events(summary.events, console)
    _print_proof(summary, console)


def summary_json(summary: Summary) -> str:
    """The summary as one JSON object in one line."""
    fields = msgspec.to_builtins(summary)
    return msgspec.json.encode({"ok": summary.ok, **fields, "orders_per_second": summary.orders_per_second}).decode()


def curl_lines(connection: Connection, summary: Summary) -> list[str]:
    """Three lines to try in a shell: read a card, post an order that earns points on it, list the card's transactions.

    None when no card was seen, which the summary has told already.
    """
    if not summary.top_cards:
        return []
    keys = f"-H 'X-App-Id: {connection.app_id}' -H 'X-App-Token: {connection.app_token}'"
    base = f"{connection.base_url.rstrip('/')}/v1"
    card = summary.top_cards[0]
    customer = f'{{"source_id":"{card.customer}"}}'
    order = f'{{"source_id":"my-first-order","status":"PAID","amount":2500,"customer":{customer}}}'
    return [
        f"curl -s {keys} '{base}/vouchers/{card.code}'",
        f"curl -s {keys} -H 'Content-Type: application/json' -d '{order}' '{base}/orders'",
        f"curl -s {keys} '{base}/loyalties/{summary.campaign_id}/members/{card.code}/transactions?limit=5'",
    ]


def _dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"


def _print_replay(summary: Summary, console: Console) -> None:
    bought, years = summary.purchases, summary.shift_years
    first, last = (day.replace(year=day.year + years) for day in (summary.first_date, summary.last_date))
    console.out(
        f"\n{bought.purchases:,} orders of {bought.customers:,} customers, {_dollars(bought.cents)} in all "
        f"({bought.free:,} of $0.00, {bought.repeated:,} purchases that occur more than once)\n"
        f"bought {summary.first_date} to {summary.last_date}; every date moved by exactly {years} years,\n"
        f"which keeps its weekday: replayed as {first} to {last}\n"
        f"{summary.points_issued:,} points issued by the programme {summary.campaign}, "
        f"{summary.points_waiting:,} still waiting on {summary.cards_waiting:,} cards\n"
        f"{summary.orders_per_second:,} orders/s, each answered with its points on the card, "
        f"the clock moved day by day ({summary.replay_milliseconds / 1000:.1f} s)\n",
        highlight=False,
    )


def _print_tiers(summary: Summary, console: Console) -> None:
    table = Table("Tier", "Balance", title="Tiers", title_justify="left")
    table.add_column("Customers", justify="right")
    for tier in summary.tiers:
        last = " and more" if tier.points_to is None else f" to {tier.points_to:,}"
        table.add_row(tier.name, f"{tier.points_from:,}{last}", f"{tier.customers:,}")
    console.print(table)


def _print_top_cards(summary: Summary, console: Console) -> None:
    table = Table("Card", "Customer", title="Top cards", title_justify="left")
    table.add_column("Balance", justify="right")
    table.add_column("Waiting", justify="right")
    table.add_column("Tier")
    for card in summary.top_cards:
        table.add_row(card.code, card.customer, f"{card.balance:,}", f"{card.waiting:,}", card.tier or "none")
    console.print(table)


def _print_events(events: EventCounts, console: Console) -> None:
    table = Table("Event", title="Webhooks received, every signature verified", title_justify="left")
    if not events.ok:
        table.title = "Webhooks received"
    table.add_column("Count", justify="right")
    for name, count in sorted(events.verified.items()):
        table.add_row(name, f"{count:,}")
    table.add_section()
    table.add_row("all", f"{sum(events.verified.values()):,}")
    console.print(table)
    troubles = {"bad signatures": events.bad_signatures, "unreadable": events.unreadable, "repeated attempts": events.repeated}
    lines = [f"{count:,} {what}" for what, count in troubles.items() if count]
    lines += [f"{count:,} of {name} did not arrive" for name, count in events.missing.items()]
    for line in lines:
        console.out(line, highlight=False)


def _print_proof(summary: Summary, console: Console) -> None:
    checked = ", ".join(f"{count:,} {what}" for what, count in summary.proof.checked.items())
    verdict = "ledger, lots and balances agree" if summary.proof.ok else "LEDGER, LOTS AND BALANCES DISAGREE"
    console.out(f"\nProof: {verdict} (checked: {checked})", highlight=False)
    for line in [*summary.proof.findings, *summary.disagreements]:
        console.out(f"  {line}", highlight=False)
    console.out(f"\n{summary.credits}", highlight=False)
