"""Metadata schemas: as the management API answers them, and in the older form of /v1, whose keys are camel-cased."""

from collections.abc import Callable
from typing import Any

import msgspec

from tallybook.domain.canonical import canonical
from tallybook.domain.config import Definition, MetadataSchema
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object, spliced


def schema_full(schema: MetadataSchema) -> Object:
    """The schema as the management API answers it."""
    return _shown(schema, lambda name: name)


def schema_deprecated(schema: MetadataSchema) -> Object:
    """The schema as /v1/metadata-schemas answers it: `objectType`, `minLength`."""
    return _shown(schema, _camel_cased)


def _camel_cased(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _shown(schema: MetadataSchema, spelt: Callable[[str], str]) -> Object:
    definitions = {name: _definition(one, spelt) for name, one in schema.properties.items()}
    return {
        "id": schema.id,
        "related_object": schema.related_object,
        # Somebody's metadata may have a key 2024, and JavaScript moves such a key to the front (decision 31).
        "properties": spliced(canonical(definitions)),
        "allow_defined_only": schema.allow_defined_only,
        "created_at": instant_text(schema.created_at),
        "updated_at": instant_text(schema.updated_at),
        "object": "metadata_schema",
    }


def _definition(definition: Definition, spelt: Callable[[str], str]) -> dict[str, Any]:
    """Four keys always; what else was set follows."""
    always: dict[str, Any] = {
        "type": definition.type,
        "array": definition.array,
        "optional": definition.optional,
        "object_type": definition.object_type,
    }
    said = msgspec.to_builtins(definition)
    return {spelt(name): value for name, value in (always | said).items()}
