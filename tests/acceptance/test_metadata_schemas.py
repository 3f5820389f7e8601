"""Metadata schemas, and what they ask of the metadata of everything."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import voucherify

from tests.acceptance.official import Answer, Client, Management
from tests.acceptance.shop import FIXED_TEN, Shop
from tests.acceptance.test_refusals import refused

OPTIONAL = {"array": False, "optional": True}
REQUIRED = {"array": False, "optional": False}


@contextlib.contextmanager
def schema(management: Management, related_object: str, *, only: bool | None = None, **properties: Any) -> Iterator[Any]:
    """A schema, through the official client, for as long as it is needed: tests share a project."""
    body: dict[str, Any] = {"related_object": related_object, "properties": properties}
    if only is not None:
        body["allow_defined_only"] = only
    made = management.api.create_metadata_schema(
        management.project_id, voucherify.ManagementProjectsMetadataSchemasCreateRequestBody.model_validate(body)
    )
    try:
        yield made
    finally:
        assert management.api.delete_metadata_schema(management.project_id, made.id) is None


def test_a_schema_is_shown_in_two_forms(client: Client, management: Management) -> None:
    """The management API spells keys one way, the older list another; four keys of a definition are always there."""
    said: dict[str, Any] = {
        "region": {"type": "string", "array": True, "optional": False, "eq": ["EMEA", "APAC"], "min_length": 2},
        "tax": {"type": "number", **OPTIONAL, "lt": 9.5, "ne": [1]},
        "2024": {"type": "object", **OPTIONAL, "object_type": "Payment"},
    }
    with schema(management, "reward", **said) as made:
        path = f"{management.path}/metadata-schemas"
        shown = management.get(f"{path}/{made.id}")
        assert shown == {
            "id": made.id,
            "related_object": "reward",
            "properties": {
                "2024": {"type": "object", **OPTIONAL, "object_type": "Payment"},
                "region": {**said["region"], "object_type": None},
                "tax": {**said["tax"], "object_type": None},
            },
            "allow_defined_only": False,
            "created_at": shown["created_at"],
            "updated_at": None,
            "object": "metadata_schema",
        }
        assert made.id.startswith("ms_")
        older = client.get("/v1/metadata-schemas/reward")
        assert older["properties"]["region"] == {
            "type": "string",
            "array": True,
            "optional": False,
            "objectType": None,
            "eq": ["EMEA", "APAC"],
            "minLength": 2,
        }
        assert management.get(path) == {"object": "list", "data_ref": "data", "data": [shown], "total": 1}
        assert client.get("/v1/metadata-schemas") == {"object": "list", "data_ref": "schemas", "schemas": [older], "total": 1}
        assert [one.id for one in client.metadata_schemas.list_metadata_schemas().schemas] == [made.id]
        assert management.api.get_metadata_schema1(management.project_id, made.id).related_object == "reward"
    answer = refused(client.ask("GET", "/v1/metadata-schemas/reward"), 404, "not_found")
    assert answer["details"] == "Cannot find metadata schema with id reward"
    assert (answer["resource_id"], answer["resource_type"]) == ("reward", "metadata schema")


def test_a_resource_has_one_schema(management: Management) -> None:
    """The documented 409."""
    with schema(management, "customer"):
        body = {"related_object": "customer", "properties": {}}
        answer = refused(management.ask("POST", f"{management.path}/metadata-schemas", body), 409, "duplicate_found")
        assert answer["details"] == "Duplicated metadata schema exists with related_object customer"
        assert (answer["resource_id"], answer["resource_type"]) == ("customer", "metadata schema")


def test_a_schema_is_changed_by_definitions(client: Client, management: Management) -> None:
    """Those that are sent replace what was there, whole; the others stay; a deleted one asks for nothing; types stay."""
    with schema(management, "customer", a={"type": "string", **OPTIONAL, "eq": ["x"]}, b={"type": "number", **REQUIRED}) as made:
        path = f"{management.path}/metadata-schemas/{made.id}"
        change = voucherify.ManagementProjectsMetadataSchemasUpdateRequestBody.model_validate(
            {"properties": {"a": {"type": "string", **OPTIONAL}, "c": {"type": "date", **OPTIONAL}}, "allow_defined_only": True}
        )
        changed = management.api.update_metadata_schema(management.project_id, made.id, change)
        assert list(changed.properties) == ["a", "b", "c"]
        shown = management.get(path)
        assert shown["properties"]["a"] == {"type": "string", **OPTIONAL, "object_type": None}
        assert (shown["allow_defined_only"], shown["updated_at"] is not None) == (True, True)
        gone = {"properties": {"b": {"type": "number", **REQUIRED, "deleted": True}}}
        assert management.ask("PUT", path, gone).json["properties"]["b"]["deleted"] is True
        assert client.ask("POST", "/v1/customers", {"metadata": {"a": "y"}}).status == 200
        other_type = {"properties": {"a": {"type": "number", **OPTIONAL}}}
        answer = refused(management.ask("PUT", path, other_type), 400, "invalid_payload")
        assert answer["details"] == "Property .properties.a.type cannot be changed"
        assert management.get(path)["properties"]["a"]["type"] == "string"


@pytest.mark.parametrize(
    ("definition", "details"),
    [
        (
            {"type": "text", **OPTIONAL},
            "Property .properties[...].type must be one of: boolean, date, datetime, geopoint, image_url, number, object, string",
        ),
        ({"type": "string", "array": False}, "Property .properties[...].optional is required"),
        ({"type": "number", **OPTIONAL, "eq": ["L"]}, "Property .properties.Size.eq.0 must be number"),
        ({"type": "string", **OPTIONAL, "eq": ["L", 1]}, "Property .properties.Size.eq.1 must be string"),
        ({"type": "string", **OPTIONAL, "min_length": -1}, "Property .properties.Size.min_length must be >= 0"),
    ],
)
def test_a_definition_must_be_one(management: Management, definition: Any, details: str) -> None:
    """The path of what is wrong is named."""
    body = {"related_object": "customer", "properties": {"Size": definition}}
    answer = refused(management.ask("POST", f"{management.path}/metadata-schemas", body), 400, "invalid_payload")
    assert answer["details"] == details


def failed(answer: Answer, details: str) -> None:
    """The documented refusal of metadata."""
    assert refused(answer, 400, "metadata_validation_failed")["details"] == details
    assert answer.json["message"] == "Metadata validation failed"


def test_everything_that_is_written_is_asked(client: Client, management: Management, shop: Shop) -> None:
    """Customers, orders, lines, products, campaigns, rules, tiers, publications: what does not fit changes nothing."""
    campaign, customer = shop.programme(), shop.customer()
    rule = shop.rule(campaign.id, FIXED_TEN)
    product = client.ask("POST", "/v1/products", {"name": "x"}).json["id"]
    card = {"type": "LOYALTY_CARD", "loyalty_card": {"points": 0}}
    wrong, right = {"metadata": {"level": "5"}}, {"metadata": {"level": 5, "own": "x"}}
    new_campaign = {"name": shop.name("campaign"), "campaign_type": "LOYALTY_PROGRAM", "type": "AUTO_UPDATE", "voucher": card}
    new_rule = {"event": "order.paid", "loyalty": FIXED_TEN}
    tier = {"name": "Gold", "points": {"from": 1}}
    programme = f"/v1/loyalties/{campaign.id}"
    member = {"customer": {"source_id": shop.name("member")}}
    asked: list[tuple[str, str, str, Any]] = [
        ("customer", "POST", "/v1/customers", lambda said: {"source_id": "somebody"} | said),
        ("customer", "PUT", f"/v1/customers/{customer.id}", lambda said: said),
        ("customer", "POST", "/v1/orders", lambda said: {"customer": {"source_id": "named"} | said}),
        ("order", "POST", "/v1/orders", lambda said: said),
        ("order_item", "POST", "/v1/orders", lambda said: {"items": [{"quantity": 1} | said]}),
        ("product", "POST", "/v1/products", lambda said: said),
        ("product", "PUT", f"/v1/products/{product}", lambda said: said),
        ("product", "POST", f"/v1/products/{product}/skus", lambda said: said),
        ("campaign", "POST", "/v1/loyalties", lambda said: new_campaign | said),
        ("campaign", "PUT", programme, lambda said: said),
        ("earning_rule", "POST", f"{programme}/earning-rules", lambda said: [new_rule | said]),
        ("earning_rule", "PUT", f"{programme}/earning-rules/{rule.id}", lambda said: said),
        ("loyalty_tier", "POST", f"{programme}/tiers", lambda said: [tier | said]),
        ("publication", "POST", f"{programme}/members", lambda said: member | said),
    ]
    for resource, method, path, body in asked:
        with schema(management, resource, level={"type": "number", **OPTIONAL}):
            failed(client.ask(method, path, body(wrong)), "level: must be a number (actual value is '5')")
            answer = client.ask(method, path, body(right))
            assert answer.status == 200, (resource, answer)


def test_required_keys_are_asked_for(client: Client, management: Management, shop: Shop) -> None:
    """Where a request says metadata, and where a campaign or product is made; not of a customer who is only named."""
    with schema(management, "customer", level={"type": "number", **REQUIRED}):
        failed(client.ask("POST", "/v1/customers", {"metadata": {"own": 1}}), "level: is required")
        assert client.ask("POST", "/v1/orders", {"customer": {"source_id": shop.name("customer")}}).status == 200
    with schema(management, "product", level={"type": "number", **REQUIRED}):
        failed(client.ask("POST", "/v1/products", {"name": "x"}), "level: is required")


def test_keys_of_ones_own_may_be_forbidden(client: Client, management: Management) -> None:
    """Free unless the schema allows only what it defines."""
    with schema(management, "order", only=True, level={"type": "number", **OPTIONAL}):
        assert client.ask("POST", "/v1/orders", {"metadata": {"level": 1}}).status == 200
        answer = client.ask("POST", "/v1/orders", {"metadata": {"level": 1, "own": 1}})
        failed(answer, "own: is not defined in the metadata schema")


def test_the_documented_failure(client: Client, management: Management) -> None:
    """An array of some values, and a single one in its place."""
    definition = {"type": "string", "array": True, "optional": True, "eq": ["L1", "L2", "L3"]}
    details = "must be an array, and every element: must be a string, must be equal to one of L1,L2,L3 (actual value is 'L1')"
    with schema(management, "order", location_id=definition):
        failed(client.ask("POST", "/v1/orders", {"metadata": {"location_id": "L1"}}), f"location_id: {details}")
        assert client.ask("POST", "/v1/orders", {"metadata": {"location_id": ["L1", "L3"]}}).status == 200


def test_objects_within_have_schemas_of_their_own(client: Client, management: Management) -> None:
    """A custom schema is named by the definition."""
    with (
        schema(management, "Payment", only=True, method={"type": "string", **REQUIRED}),
        schema(management, "order", payment={"type": "object", **OPTIONAL, "object_type": "Payment"}),
    ):
        assert client.ask("POST", "/v1/orders", {"metadata": {"payment": {"method": "card"}}}).status == 200
        answer = client.ask("POST", "/v1/orders", {"metadata": {"payment": {"tax": 1}}})
        failed(answer, "payment.method: is required; payment.tax: is not defined in the metadata schema")


def test_a_campaign_may_use_the_schema_of_its_cards(client: Client, management: Management, shop: Shop) -> None:
    """`use_voucher_metadata_schema`: the campaign's metadata becomes that of its cards."""
    with (
        schema(management, "campaign", level={"type": "string", **OPTIONAL}),
        schema(management, "voucher", level={"type": "number", **OPTIONAL}),
    ):
        campaign = shop.programme(use_voucher_metadata_schema=True, metadata={"level": 5})
        answer = client.ask("PUT", f"/v1/loyalties/{campaign.id}", {"metadata": {"level": "5"}})
        failed(answer, "level: must be a number (actual value is '5')")


def test_metadata_has_a_hundred_keys_at_most(client: Client) -> None:
    """Also without a schema (decision 48)."""
    full = {f"key{number}": number for number in range(100)}
    assert client.ask("POST", "/v1/customers", {"metadata": full}).status == 200
    answer = refused(client.ask("POST", "/v1/customers", {"metadata": full | {"one": 1}}), 400, "invalid_payload")
    assert answer["details"] == "Property .metadata must NOT have more than 100 properties"
