"""Our OpenAPI document, made from the table of routes: it names what is built, and nothing else."""

import re
from typing import Any

import msgspec

from tallybook import __version__
from tallybook.api.answers import ANSWERS, LATER, SCHEMAS
from tallybook.api.call import Route

ERROR = {
    "type": "object",
    "required": ["code", "key", "message", "details", "request_id"],
    "properties": {
        "code": {"type": "integer"},
        "key": {"type": "string"},
        "message": {"type": "string"},
        "details": {"type": "string"},
        "request_id": {"type": "string"},
        "resource_id": {"type": "string"},
        "resource_type": {"type": "string"},
    },
}
REFUSALS = ("400", "401", "403", "404", "405", "408", "409", "413", "429", "431", "501", "503")
"""Statuses that any operation may answer in the form of `Error`."""
REF = "#/components/schemas/{name}"


def openapi(routes: list[Route]) -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    bodies = [route.takes for route in routes if route.takes is not None]
    schemas, components = msgspec.json.schema_components(bodies, ref_template=REF)
    taken = dict(zip((id(route) for route in routes if route.takes is not None), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, taken.get(id(route)))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tallybook", "version": __version__, "description": "Loyalty points engine."},
        "paths": paths,
        "components": {"schemas": {**components, **SCHEMAS, "Error": ERROR}, "securitySchemes": _keys()},
    }


def _operation(route: Route, body: Any) -> dict[str, Any]:
    function = route.write or route.read
    realm = "Management" if route.realm == "management" else "App"
    operation: dict[str, Any] = {
        "operationId": f"{route.operation_id}_in_campaign" if _is_twin(route) else route.operation_id,
        "summary": route.summary,
        "description": (function.__doc__ or "") if function else "",
        "tags": [route.path.split("/")[2 if route.realm == "app" else 3]],
        "security": [{f"{realm}Id": [], f"{realm}Token": []}],
        "parameters": [_path_parameter(name) for name in re.findall(r"\{(\w+)\}", route.path)]
        + [_query_parameter(n) for n in route.query],
        "responses": _responses(route),
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _is_twin(route: Route) -> bool:
    return "{campaignId}/members/{memberId}" in route.path


def _responses(route: Route) -> dict[str, Any]:
    said: dict[str, Any] = {str(route.status): {"description": "Done"}}
    if route.status != 204:
        said[str(route.status)]["content"] = _json(ANSWERS[route.operation_id])
    if route.operation_id in LATER:
        said["202"] = {"description": "Begun", "content": _json(LATER[route.operation_id])}
    refused = {"description": "Refused", "content": _json({"$ref": REF.format(name="Error")})}
    return said | dict.fromkeys(REFUSALS, refused)


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


_QUERY_TYPES: dict[str, Any] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
    "page": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1},
    "created_at": {"type": "object", "properties": {"before": {"type": "string"}, "after": {"type": "string"}}},
    "updated_at": {"type": "object", "properties": {"before": {"type": "string"}, "after": {"type": "string"}}},
    "filters": {"type": "object"},
    "ids": {"type": "array", "items": {"type": "string"}},
    "force": {"type": "boolean"},
}


def _query_parameter(name: str) -> dict[str, Any]:
    schema = _QUERY_TYPES.get(name, {"type": "string"})
    style = {"style": "deepObject", "explode": True} if schema.get("type") == "object" else {}
    return {"name": name, "in": "query", "required": False, "schema": schema, **style}


def _keys() -> dict[str, Any]:
    names = {
        "AppId": "X-App-Id",
        "AppToken": "X-App-Token",
        "ManagementId": "X-Management-Id",
        "ManagementToken": "X-Management-Token",
    }
    return {name: {"type": "apiKey", "in": "header", "name": header} for name, header in names.items()}
