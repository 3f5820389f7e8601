"""Metadata schemas: kept, changed, and asked whenever metadata is written."""

from typing import Any

import msgspec

from tallybook.domain.canonical import parse
from tallybook.domain.config import Definition, MetadataSchema
from tallybook.domain.configuration import Configuration
from tallybook.domain.metadata import faults
from tallybook.domain.records import Json
from tallybook.domain.refusals import DuplicateFound, InvalidPayload, LimitExceeded, MetadataValidationFailed, NotFound
from tallybook.usecases.command import Command
from tallybook.usecases.page import Page

MAX_KEYS = 100
"""Keys of metadata, and definitions of a schema (decision 48; semantics 12)."""
_SMALLEST_KEY = len('"k":1,')
_WHAT = "metadata schema"


def check_metadata(configuration: Configuration, resource: str, text: Json) -> None:
    """Metadata as it is about to be stored. Refuses: MetadataValidationFailed; LimitExceeded past 100 keys.

    To be called where a request says metadata, or makes a thing that has some: what nobody touches is not asked again.
    """
    schema = configuration.metadata_schemas.get(resource)
    if schema is None and len(text) < MAX_KEYS * _SMALLEST_KEY:
        return
    metadata = parse(text)
    if len(metadata) > MAX_KEYS:
        raise LimitExceeded(f"Property .metadata must NOT have more than {MAX_KEYS} properties")
    if schema is not None and (found := faults(metadata, schema, configuration.metadata_schemas)):
        raise MetadataValidationFailed(found)


class MetadataSchemaFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about a new schema."""

    related_object: str
    properties: dict[str, Definition]
    allow_defined_only: bool | None = None


class MetadataSchemaChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a request changes: the definitions it names, each as a whole."""

    properties: dict[str, Definition]
    allow_defined_only: bool | None = None


def _check(properties: dict[str, Definition]) -> None:
    if len(properties) > MAX_KEYS:
        raise LimitExceeded(f"Property .properties must NOT have more than {MAX_KEYS} properties")
    for name, definition in properties.items():
        path = f"Property .properties.{name}"
        for position, value in enumerate(definition.eq or ()):
            if definition.type == "string" and not isinstance(value, str):
                raise InvalidPayload(f"{path}.eq.{position} must be string")
            if definition.type == "number" and isinstance(value, str):
                raise InvalidPayload(f"{path}.eq.{position} must be number")
        for field in ("min_length", "max_length", "exact_length"):
            if (getattr(definition, field) or 0) < 0:
                raise InvalidPayload(f"{path}.{field} must be >= 0")


class CreateMetadataSchema(Command, frozen=True, kw_only=True):
    """Say for the first time what the metadata of a resource must be. What is stored already stays as it is."""

    fields: MetadataSchemaFields

    def decide(self, page: Page) -> MetadataSchema:
        """Refuses: DuplicateFound when the resource has a schema; InvalidPayload; LimitExceeded past 100 definitions."""
        fields = self.fields
        if fields.related_object in page.configuration.metadata_schemas:
            raise DuplicateFound(_WHAT, fields.related_object, "related_object")
        _check(fields.properties)
        return page.configure(
            MetadataSchema(
                id=page.random_id("ms_"),
                related_object=fields.related_object,
                properties=fields.properties,
                allow_defined_only=fields.allow_defined_only,
                created_at=page.now,
            )
        )


def schema_of(configuration: Configuration, schema_id: str) -> MetadataSchema:
    """A schema by id. Refuses: NotFound."""
    schema = configuration.metadata_schema(schema_id)
    if schema is None:
        raise NotFound(_WHAT, schema_id)
    return schema


def schema_for(configuration: Configuration, resource: str) -> MetadataSchema:
    """The schema of a resource. Refuses: NotFound."""
    schema = configuration.metadata_schemas.get(resource)
    if schema is None:
        raise NotFound(_WHAT, resource)
    return schema


class UpdateMetadataSchema(Command, frozen=True, kw_only=True):
    """Add definitions, or replace them whole. A definition keeps its type; `deleted` puts it out of use."""

    schema_id: str
    change: MetadataSchemaChange

    def decide(self, page: Page) -> MetadataSchema:
        """Refuses: NotFound; InvalidPayload for another type; LimitExceeded. A change of nothing writes nothing (decision 43)."""
        known = schema_of(page.configuration, self.schema_id)
        for name, definition in self.change.properties.items():
            if name in known.properties and known.properties[name].type != definition.type:
                raise InvalidPayload(f"Property .properties.{name}.type cannot be changed")
        said: dict[str, Any] = {"properties": {**known.properties, **self.change.properties}}
        if self.change.allow_defined_only is not None:
            said["allow_defined_only"] = self.change.allow_defined_only
        changed = msgspec.structs.replace(known, **said)
        if changed == known:
            return known
        _check(changed.properties)
        return page.configure(msgspec.structs.replace(changed, updated_at=page.tick(), version=known.version + 1))


class DeleteMetadataSchema(Command, frozen=True, kw_only=True):
    """Ask nothing of the resource's metadata any more. The metadata stays."""

    schema_id: str

    def decide(self, page: Page) -> None:
        """Refuses: NotFound."""
        page.tick()
        page.discard(schema_of(page.configuration, self.schema_id))
