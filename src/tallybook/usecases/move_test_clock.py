"""The test clock of a sandbox project: forward only."""

from datetime import UTC, date, datetime, timedelta

import msgspec

from tallybook.domain.configuration import Configuration
from tallybook.domain.dates import local_date
from tallybook.domain.records import Project
from tallybook.domain.refusals import ClockRefused
from tallybook.ids import EPOCH
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.page import Page

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""Well inside of what ids and dates can hold."""


class MoveTestClock(Command, frozen=True, kw_only=True):
    """Set the project's clock. From then on it stands still until it is moved again (DESIGN 6)."""

    now: datetime

    def needs(self, configuration: Configuration) -> Needs:
        """The first day on which points of the project expire."""
        return Needs(earliest_expiry=True)

    def decide(self, page: Page) -> Project:
        """Refuses: ClockRefused outside a sandbox, backwards, before 2016-05-04, and past the last day of points that
        expire, because nothing expires them yet.
        """
        project = page.configuration.project
        if not project.sandbox:
            raise ClockRefused("Only a sandbox project has a test clock")
        if self.now < EPOCH or (project.test_now is not None and self.now < project.test_now):
            earliest = max(EPOCH, project.test_now or EPOCH).isoformat(timespec="milliseconds")
            raise ClockRefused(f"The test clock moves forward only: not before {earliest}")
        if self.now >= LATEST:
            raise ClockRefused(f"The test clock goes no further than {LATEST.year - 1}")
        last_day = page.book.earliest_expiry.get(project.id)
        if last_day and local_date(self.now, page.zone) >= date.fromisoformat(last_day) + timedelta(days=1):
            raise ClockRefused(f"Points expire at the end of {last_day}: the test clock cannot pass that day yet")
        return page.change_project(msgspec.structs.replace(project, test_now=self.now))
