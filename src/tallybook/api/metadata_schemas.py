"""/v1/metadata-schemas, and /management/v1/projects/{projectId}/metadata-schemas."""

from typing import Any

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.usecases.metadata_schemas import (
    CreateMetadataSchema,
    DeleteMetadataSchema,
    MetadataSchemaChange,
    MetadataSchemaFields,
    UpdateMetadataSchema,
    schema_for,
    schema_of,
)
from tallybook.wire import lists
from tallybook.wire.metadata_schemas import schema_deprecated, schema_full


def list_schemas(_: Call, look: Look) -> Any:
    """All schemas, by the resource they are for."""
    found = look.configuration.metadata_schemas.values()
    return lists.page([schema_deprecated(one) for one in found], len(found), "schemas")


def get_schema_of_resource(call: Call, look: Look) -> Any:
    """The schema of a resource, or a custom one by its name."""
    return schema_deprecated(schema_for(look.configuration, call.path["resource"]))


def create_metadata_schema(call: Call) -> Wish:
    """Say for the first time what the metadata of a resource must be."""
    return Wish(CreateMetadataSchema(**call.wish, fields=call.body(MetadataSchemaFields)), schema_full)


def update_metadata_schema(call: Call) -> Wish:
    """Add definitions, or replace them whole; those that are not sent stay."""
    change = call.body(MetadataSchemaChange)
    command = UpdateMetadataSchema(**call.wish, schema_id=call.path["metadataSchemaId"], change=change)
    return Wish(command, schema_full)


def delete_metadata_schema(call: Call) -> Wish:
    """Ask nothing of the resource's metadata any more; the metadata stays."""
    return Wish(DeleteMetadataSchema(**call.wish, schema_id=call.path["metadataSchemaId"]))


def get_metadata_schema(call: Call, look: Look) -> Any:
    """A schema."""
    return schema_full(schema_of(look.configuration, call.path["metadataSchemaId"]))


def list_metadata_schemas(_: Call, look: Look) -> Any:
    """All schemas of the project."""
    found = look.configuration.metadata_schemas.values()
    return lists.page([schema_full(one) for one in found], len(found))


_ALL = "/management/v1/projects/{projectId}/metadata-schemas"
_ONE = _ALL + "/{metadataSchemaId}"

ROUTES = [
    Route("GET", "/v1/metadata-schemas", "List metadata schemas", read=list_schemas),
    Route("GET", "/v1/metadata-schemas/{resource}", "Get metadata schema of a resource", read=get_schema_of_resource),
    Route("POST", _ALL, "Create metadata schema", write=create_metadata_schema, takes=MetadataSchemaFields),
    Route("GET", _ALL, "List metadata schemas", read=list_metadata_schemas),
    Route("GET", _ONE, "Get metadata schema", read=get_metadata_schema),
    Route("PUT", _ONE, "Update metadata schema", write=update_metadata_schema, takes=MetadataSchemaChange),
    Route("DELETE", _ONE, "Delete metadata schema", write=delete_metadata_schema, status=204),
]
