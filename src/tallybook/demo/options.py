"""What the demo is given, and how it stops."""

from pathlib import Path

import msgspec


class DemoError(Exception):
    """The demo cannot go on; the message is meant for the person who started it."""


class DemoOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the person asked for. `once` is read by the CLI: end after the summary instead of serving on."""

    orders: Path | None = None
    """A file of purchases; null takes the sample that comes with the package."""
    limit: int | None = None
    """Replay only so many purchases, the earliest first."""
    once: bool = False
    json: bool = False


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A running server and the keys of one of its sandbox projects. `base_url` has no `/v1` and no slash at its end.

    The server must be allowed to send to 127.0.0.1, where the demo listens for webhooks.
    """

    base_url: str
    project_id: str
    app_id: str
    app_token: str
    management_id: str
    management_token: str
    webhook_secret: str


class VerifyResult(msgspec.Struct, frozen=True, kw_only=True):
    """What `tallybook verify` found: how many rows of each kind were checked, and a sentence for each that is wrong."""

    checked: dict[str, int]
    findings: list[str]

    @property
    def ok(self) -> bool:
        """Whether ledger, lots and balances agree."""
        return not self.findings
