"""Reading the purchases that the demo replays.

A line is a purchase and becomes an order of its own, even where it repeats another line or cost nothing: in the full file
(69,659 purchases of 23,570 customers) 215 different lines occur more than once, and 80 purchases are of 0.00.
"""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import msgspec

from tallybook.demo.options import DemoError

CREDITS = (
    'Purchases: the CDNOW data set of Peter S. Fader and Bruce G. S. Hardie, "Forecasting Repeat Sales at CDNOW: '
    'A Case Study", Interfaces 31 (3, part 2), 2001, S94-S107.'
)
SAMPLE = "cdnow_sample.txt"
SHIFT_YEARS = 28
"""The Gregorian calendar of 1901 to 2099 repeats after 28 years, so every purchase keeps its weekday."""
FIRST_DATE, LAST_DATE = date(1988, 5, 5), date(2071, 12, 31)
"""Dates that can be moved: a test clock does not go before 2016-05-04, and 2100 is no leap year."""
MAX_QUANTITY = 1_000_000
"""Decision 48."""

_COLUMNS_NUMBERED = 5
_COLUMNS_PLAIN = 4


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `line` numbers it in the full file, `cents` are minor units, `bought_on` is the date as written there."""

    line: int
    customer: str
    bought_on: date
    cds: int
    cents: int

    @property
    def replayed_on(self) -> date:
        """The date moved by exactly 28 years."""
        return self.bought_on.replace(year=self.bought_on.year + SHIFT_YEARS)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What there is in a list of purchases. `repeated` counts the different purchases that occur more than once."""

    purchases: int
    customers: int
    free: int
    repeated: int
    cents: int


def read_purchases(path: Path | None = None, limit: int | None = None) -> list[Purchase]:
    """The purchases of a file, or of the sample, in the order they are replayed: by date, then by line.

    Refuses with DemoError: a file that cannot be read or holds no purchase, and a malformed line, by its number.
    """
    try:
        text = (path or files(__package__) / SAMPLE).read_bytes().decode("utf-8", "replace")
    except OSError as error:
        message = f"The purchases cannot be read: {error}"
        raise DemoError(message) from None
    purchases = sorted(parse(text.splitlines()), key=lambda one: (one.bought_on, one.line))[:limit]
    if not purchases:
        message = f"{path or SAMPLE}: no purchases to replay"
        raise DemoError(message)
    return purchases


def parse(lines: Iterable[str]) -> list[Purchase]:
    """The purchases of lines of four columns (customer, yyyymmdd, CDs, dollars), or five, with a line number before them.

    Blank lines, comments (`#`) and a heading are passed over; a line of four columns is numbered by its place in the file.
    """
    purchases: list[Purchase] = []
    numbers: set[int] = set()
    for place, text in enumerate(lines, 1):
        columns = text.split()
        if not columns or columns[0].startswith("#") or (place == 1 and columns[0] == "customer_id"):
            continue
        purchase = _purchase(place, columns)
        if purchase.line in numbers:
            raise _bad(place, f"the line number {purchase.line} was used before")
        numbers.add(purchase.line)
        purchases.append(purchase)
    return purchases


def figures(purchases: Iterable[Purchase]) -> Figures:
    """Counts of what is going to be replayed."""
    bought = [(one.customer, one.bought_on, one.cds, one.cents) for one in purchases]
    return Figures(
        purchases=len(bought),
        customers=len({customer for customer, *_ in bought}),
        free=sum(not cents for *_, cents in bought),
        repeated=sum(times > 1 for times in Counter(bought).values()),
        cents=sum(cents for *_, cents in bought),
    )


def _purchase(place: int, columns: list[str]) -> Purchase:
    if len(columns) not in {_COLUMNS_PLAIN, _COLUMNS_NUMBERED}:
        raise _bad(place, f"expected customer, yyyymmdd, CDs and dollars, found {len(columns)} columns")
    *number, customer, day, cds, dollars = columns
    if not re.fullmatch(r"[0-9]{1,10}", customer, re.ASCII):
        raise _bad(place, f"the customer must be a number, not {customer!r}")
    return Purchase(
        line=_whole(place, "line number", number[0], 10**9) if number else place,
        customer=customer,
        bought_on=_date(place, day),
        cds=_whole(place, "number of CDs", cds, MAX_QUANTITY),
        cents=_cents(place, dollars),
    )


def _whole(place: int, what: str, text: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= most:
        raise _bad(place, f"the {what} must be a whole number from 1 to {most:,}, not {text!r}")
    return int(text)


def _date(place: int, text: str) -> date:
    try:
        day = date.fromisoformat(text) if re.fullmatch(r"[0-9]{8}", text) else None
    except ValueError:
        day = None
    if day is None or not FIRST_DATE <= day <= LAST_DATE:
        raise _bad(place, f"the date must be a day from {FIRST_DATE} to {LAST_DATE}, written yyyymmdd, not {text!r}")
    return day


def _cents(place: int, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,2})?", text):
        raise _bad(place, f"the dollars must be an amount such as 11.77, not {text!r}")
    return int(Decimal(text).scaleb(2))


def _bad(place: int, why: str) -> DemoError:
    return DemoError(f"line {place}: {why}")
