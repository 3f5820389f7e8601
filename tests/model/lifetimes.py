"""How long points live, by hand: the expiry rules of the documents (semantics 2.3), written a second time."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

_LONG = 31


def _last_of_month(day: date) -> date:
    later = day.replace(day=28) + timedelta(days=4)
    return later - timedelta(days=later.day)


@dataclass(frozen=True)
class Lifetime:
    """So many months, perhaps rounded up to the end of something; or until the next such day of the year."""

    months: int = 0
    rounding: str | None = None
    month: int | None = None
    day_of_year: tuple[int, int] | None = None

    def last_day(self, base: date) -> date:
        """The last day on which points of that day can be used."""
        if self.day_of_year is not None:
            this_year = date(base.year, *self.day_of_year)
            return this_year if this_year >= base else date(base.year + 1, *self.day_of_year)
        day = self._months_later(base)
        if self.rounding is None:
            return day
        while not self._is_end(_last_of_month(day)):
            day = _last_of_month(day) + timedelta(days=1)
        return _last_of_month(day)

    def _months_later(self, base: date) -> date:
        month = base.replace(day=1)
        for _ in range(self.months):
            month = (month + timedelta(days=_LONG)).replace(day=1)
        return month.replace(day=min(base.day, _last_of_month(month).day))

    def _is_end(self, day: date) -> bool:
        ends = {"END_OF_QUARTER": (3, 6, 9, 12), "END_OF_HALF_YEAR": (6, 12), "END_OF_YEAR": (12,)}
        ends["PARTICULAR_MONTH"] = (self.month or 12,)
        return day.month in ends.get(self.rounding or "", range(1, 13))

    @property
    def wire(self) -> dict[str, Any]:
        """As a request says it."""
        if self.day_of_year is not None:
            month, day = self.day_of_year
            return {"period_type": "FIXED_DAY_OF_YEAR", "fixed_month": month, "fixed_day": day}
        said: dict[str, Any] = {"period_type": "MONTH", "period_value": self.months}
        if self.rounding is not None:
            said["rounding_type"] = self.rounding
        if self.month is not None:
            said["rounding_value"] = self.month
        return said
