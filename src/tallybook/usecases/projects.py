"""Projects: tenants of one installation, each with its own keys, webhook secret and time zone.

Who may manage a project: the management keys of the project itself, of the project whose key made it, and so on upwards.
"""

from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType

from tallybook.domain.configuration import Configuration
from tallybook.domain.records import Project
from tallybook.domain.refusals import InvalidPayload, NotImplementedYet, ResourceProtected
from tallybook.usecases.api_keys import IssuedKey, issue_key
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.page import Page

SECRET_LENGTH = 40
"""Characters of a webhook secret."""
_OF_THIS_MACHINE = {"localtime", "posixrules", "Factory"}
"""Names that a system's zone files carry beside the zones."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]


class NewProjectFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about a new project. The first four are required; `sandbox` is ours: it may have a test clock."""

    name: Name
    timezone: str
    currency: Currency
    case_sensitive_codes: bool
    description: str | None = None
    is_sandbox: bool = False
    sandbox: bool = False


class ProjectFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request changes about a project. What it does not say stays as it is."""

    name: Name | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    description: str | None | UnsetType = UNSET


class ProjectMade(msgspec.Struct, frozen=True):
    """A new project, and its first key with the token."""

    project: Project
    issued: IssuedKey


def time_zone(name: str) -> str:
    """The same name, if it is a time zone of the IANA database. Refuses: InvalidPayload."""
    try:
        known = ZoneInfo(name).key not in _OF_THIS_MACHINE
    except (KeyError, ValueError, OSError):  # not there; a path that leads out; a folder, such as Europe
        known = False
    if not known:
        raise InvalidPayload(f"Property .timezone must be a time zone such as Europe/Warsaw, not '{name}'")
    return name


class CreateProject(Command, frozen=True, kw_only=True):
    """Make a project that the project of this command owns. It gets an application key; the owner's keys manage it."""

    fields: NewProjectFields

    def decide(self, page: Page) -> ProjectMade:
        """Refuses: InvalidPayload for a time zone that is none; NotImplementedYet for codes that ignore case."""
        if not self.fields.case_sensitive_codes:
            raise NotImplementedYet("Codes are case sensitive: case_sensitive_codes must be true")
        project = Project(
            id=page.random_id("proj_", 12),
            owner_id=page.project_id,
            name=self.fields.name,
            description=self.fields.description,
            time_zone=time_zone(self.fields.timezone),
            currency=self.fields.currency,
            sandbox=self.fields.sandbox or self.fields.is_sandbox,
            webhook_secret=page.ids.random(SECRET_LENGTH),
            created_at=page.real_now,
        )
        page.add(project)
        return ProjectMade(project, issue_key(page, project.id, "app", "Primary"))


class UpdateProject(Command, frozen=True, kw_only=True):
    """Change a project's name, description, currency or time zone.

    Dates that were computed stay as they are; from now on days begin and end in the new time zone.
    """

    fields: ProjectFields

    def decide(self, page: Page) -> Project:
        """Refuses: InvalidPayload for a time zone that is none."""
        known, fields = page.configuration.project, self.fields
        names = {"name": fields.name, "currency": fields.currency, "description": fields.description}
        said = {name: value for name, value in names.items() if value is not UNSET}
        if fields.timezone is not UNSET:
            said["time_zone"] = time_zone(fields.timezone)
        changed = msgspec.structs.replace(known, **said)
        return known if changed == known else page.change_project(changed)


class DeleteProject(Command, frozen=True, kw_only=True):
    """Put a project out of reach: its keys are revoked, its webhooks removed, and nothing of it can be read or changed.

    The rows stay, so that the books still close. Projects that it made are managed by its own owner from then on.
    """

    def needs(self, configuration: Configuration) -> Needs:
        """Its keys."""
        return Needs(api_keys=True)

    def decide(self, page: Page) -> None:
        """Refuses: ResourceProtected for the first project, which the installation came with and which owns the others.

        The documents protect the one sandbox project that an account comes with; ours may have any number of sandboxes, made
        for a test and thrown away after it.
        """
        project = page.configuration.project
        if project.owner_id is None:
            raise ResourceProtected("project", project.id)
        for webhook in page.configuration.webhooks:
            page.discard(webhook)
        for key in page.api_keys():
            if key.revoked_at is None:
                page.put(msgspec.structs.replace(key, revoked_at=page.real_now))
        page.change_project(msgspec.structs.replace(project, deleted_at=page.real_now))
