"""The OpenAPI document says what each route answers, and nothing of routes that are gone."""

import json
import re

from tallybook.api.answers import ANSWERS, LATER, SCHEMAS
from tallybook.api.openapi import openapi
from tallybook.api.routes import all_routes

ROUTES = all_routes("")


def test_every_answer_with_a_body_is_said() -> None:
    """Each operation has its entry in `api/answers.py`, but for those that answer nothing."""
    assert ANSWERS.keys() == {route.operation_id for route in ROUTES if route.status != 204}
    assert LATER.keys() <= {route.operation_id for route in ROUTES if route.status != 202}


def test_every_schema_is_there_and_used() -> None:
    """What the document refers to it has, and it has no answer's schema that nothing refers to."""
    document = openapi(ROUTES)
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert SCHEMAS.keys() <= named <= document["components"]["schemas"].keys()
