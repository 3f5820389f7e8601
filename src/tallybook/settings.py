"""Settings: read once from the environment, given on from the composition root. Every variable starts with TALLYBOOK_."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PREFIX = "TALLYBOOK_"
LOG_LEVELS = ("debug", "info", "warning", "error")
RECEIPTS_LEAST_HOURS = 24
"""A repeated request gets the kept answer for a day at least (decision 32)."""
SEND_OUTS_LEAST_DAYS = 1
KEPT_AT_MOST = 36_500
"""Hours or days: past it an instant may be none any more."""


class WrongSetting(Exception):
    """A setting has a value that it cannot have; the text names it and says what it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstProject:
    """The identity of the project that the first start makes; what is not fixed here is drawn."""

    project_id: str | None = None
    app_id: str | None = None
    app_token: str | None = None
    management_id: str | None = None
    management_token: str | None = None
    webhook_secret: str | None = None
    sandbox: bool = False
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator can set. `private_webhooks`: networks (CIDR, comma-separated, or 1 for all) that webhooks may reach."""

    database_url: str
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    public_url: str = ""
    exports_folder: str = ""
    notice_seconds: float = 1.0
    drain_seconds: float = 20.0
    keep_receipts_hours: int = 48
    keep_send_outs_days: int = 30
    private_webhooks: str = ""
    log_level: str = "info"
    connections: int = 2000
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    trusted_proxies: str = "127.0.0.1,::1"
    wrong_keys_per_minute: int = 100
    unknown_codes_per_minute: int = 1000
    first_project: FirstProject = FirstProject()

    def with_changes(self, **changes: Any) -> "Settings":
        """The same with what the command line says; None leaves a setting as it is."""
        changed = replace(self, **{name: value for name, value in changes.items() if value is not None})
        return changed if changed.public_url else replace(changed, public_url=f"http://{changed.host}:{changed.port}")

    def exports_path(self, database_file: Path | None) -> Path:
        """The folder of the files of exports: the one that is set, else beside a SQLite file, else in the data folder."""
        if self.exports_folder:
            return Path(self.exports_folder)
        if database_file is not None:
            return database_file.parent / f"{database_file.name}.exports"
        return data_folder() / "exports"


def _log_level(said: str) -> str:
    if said.lower() not in LOG_LEVELS:
        raise WrongSetting(f"{PREFIX}LOG_LEVEL must be one of: {', '.join(LOG_LEVELS)}; not '{said}'")
    return said.lower()


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where Tallybook keeps what it has no other place for."""
    home = Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return home / "tallybook"


def default_database_url(environment: Mapping[str, str] = os.environ) -> str:
    """A SQLite file in the user's data folder."""
    return f"sqlite:///{data_folder(environment) / 'tallybook.db'}"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this environment. Refuses: WrongSetting."""

    def text(name: str, default: str = "") -> str:
        return environment.get(PREFIX + name, "").strip() or default

    def number(name: str, default: float, low: float = 0, high: float = 1_000_000) -> float:
        value = text(name, str(default))
        try:
            found = float(value)
        except ValueError:
            raise WrongSetting(f"{PREFIX}{name} must be a number, not '{value}'") from None
        if not low <= found <= high:
            raise WrongSetting(f"{PREFIX}{name} must be from {low:g} to {high:g}, not '{value}'")
        return found

    def whole(name: str, default: int, least: int) -> int:
        value = text(name, str(default))
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= KEPT_AT_MOST:
            raise WrongSetting(f"{PREFIX}{name} must be a whole number from {least} to {KEPT_AT_MOST}, not '{value}'")
        return int(value)

    zone = text("TIME_ZONE", "UTC")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongSetting(f"{PREFIX}TIME_ZONE must be a time zone such as Europe/Warsaw, not '{zone}'") from None
    first = FirstProject(
        project_id=text("PROJECT_ID") or None,
        app_id=text("APP_ID") or None,
        app_token=text("APP_TOKEN") or None,
        management_id=text("MANAGEMENT_ID") or None,
        management_token=text("MANAGEMENT_TOKEN") or None,
        webhook_secret=text("WEBHOOK_SECRET") or None,
        sandbox=text("SANDBOX").lower() in ("1", "true", "yes"),
        time_zone=zone,
    )
    return Settings(
        database_url=text("DATABASE_URL", default_database_url(environment)),
        host=text("HOST", "127.0.0.1"),
        port=int(number("PORT", 8080, high=65_535)),
        workers=int(number("WORKERS", 1, low=1)),
        public_url=text("PUBLIC_URL").rstrip("/"),
        exports_folder=text("EXPORTS_FOLDER"),
        notice_seconds=number("NOTICE_SECONDS", 1),
        drain_seconds=number("DRAIN_SECONDS", 20),
        keep_receipts_hours=whole("KEEP_RECEIPTS_HOURS", 48, RECEIPTS_LEAST_HOURS),
        keep_send_outs_days=whole("KEEP_SEND_OUTS_DAYS", 30, SEND_OUTS_LEAST_DAYS),
        private_webhooks=text("ALLOW_PRIVATE_WEBHOOKS"),
        log_level=_log_level(text("LOG_LEVEL", "info")),
        connections=int(number("CONNECTIONS", 2000, low=10)),
        head_seconds=number("HEAD_SECONDS", 10, low=1),
        body_seconds=number("BODY_SECONDS", 30, low=1),
        trusted_proxies=text("TRUSTED_PROXIES", "127.0.0.1,::1"),
        wrong_keys_per_minute=int(number("WRONG_KEYS_PER_MINUTE", 100)),
        unknown_codes_per_minute=int(number("UNKNOWN_CODES_PER_MINUTE", 1000)),
        first_project=first,
    )
