"""What the answers of the API look like, for OpenAPI: a schema for each noun, and which operation answers which.

A schema names what is always there, and the kind of what may be. Its objects are open: a field that is not named may come.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Schema = dict[str, Any]
Of = TypeVar("Of")

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
ANY_OBJECT: Schema = {"type": "object"}
INSTANT: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
DAY: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
COUNT: Schema = {"type": "integer", "minimum": 0}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _always(object_: str | None = None, /, may_have: Mapping[str, Schema] | None = None, **fields: Schema) -> Schema:
    """An object with all of these fields, perhaps with those of `may_have`; `object_` is what its `object` says."""
    named = fields if object_ is None else {**fields, "object": {"const": object_}}
    return {"type": "object", "required": list(named), "properties": {**named, **(may_have or {})}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _array(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _list(of: Schema, under: str, may_have: Mapping[str, Schema] | None = None, /, **end: Schema) -> Schema:
    """A list whose rows stand under the name in `data_ref`; `end` says how many there are, or whether more come."""
    return _always("list", may_have, data_ref={"const": under}, **end, **{under: _array(of)})


def _page(of: Schema, under: str = "data") -> Schema:
    return _list(of, under, total=COUNT)


def _stretch(of: Schema) -> Schema:
    return _list(of, "data", {"more_starting_after": TEXT}, has_more=FLAG)


_NO_TEXT, _NO_WHOLE, _NO_INSTANT = _or_null(TEXT), _or_null(WHOLE), _or_null(INSTANT)
_POINTS = _always(
    None,
    {"pending_points": COUNT, "expired_points": COUNT, "subtracted_points": COUNT, "next_expiration_points": COUNT}
    | {"next_expiration_date": DAY},
    points=COUNT,
    balance=COUNT,
)
_BALANCE = {"total": COUNT, "related_object": _always(type={"const": "voucher"}, id=TEXT)}

SCHEMAS: dict[str, Schema] = {
    "Customer": _always(
        "customer",
        {"description": TEXT, "email": TEXT, "phone": TEXT, "birthdate": DAY, "updated_at": INSTANT},
        id=TEXT,
        source_id=_NO_TEXT,
        name=_NO_TEXT,
        address=_or_null(ANY_OBJECT),
        summary=ANY_OBJECT,
        loyalty=_always(points=COUNT, referred_customers=COUNT, campaigns=ANY_OBJECT),
        metadata=ANY_OBJECT,
        created_at=INSTANT,
    ),
    "Order": _always(
        "order",
        dict.fromkeys(("amount", "initial_amount", "discount_amount", "total_discount_amount", "total_amount"), COUNT),
        id=TEXT,
        source_id=_NO_TEXT,
        status={"enum": ["CREATED", "PAID", "CANCELED", "FULFILLED", "PROCESSING"]},
        items=_or_null(_array(_always("order_item"))),
        metadata=ANY_OBJECT,
        customer=_or_null(ANY_OBJECT),
        customer_id=_NO_TEXT,
        referrer_id=_NO_TEXT,
        created_at=INSTANT,
        updated_at=_NO_INSTANT,
    ),
    "Voucher": _always(
        "voucher",
        {"holder_id": TEXT},
        id=TEXT,
        code=TEXT,
        campaign=TEXT,
        campaign_id=TEXT,
        category=_NO_TEXT,
        category_id=_NO_TEXT,
        type={"const": "LOYALTY_CARD"},
        loyalty_card=_POINTS,
        start_date=_NO_INSTANT,
        expiration_date=_NO_INSTANT,
        active=FLAG,
        additional_info=_NO_TEXT,
        metadata=ANY_OBJECT,
        assets=ANY_OBJECT,
        created_at=INSTANT,
        updated_at=_NO_INSTANT,
        redemption=ANY_OBJECT,
        publish=ANY_OBJECT,
    ),
    "Campaign": _always(
        "campaign",
        {"description": TEXT, "start_date": INSTANT, "expiration_date": INSTANT, "updated_at": INSTANT},
        id=TEXT,
        name=TEXT,
        campaign_type={"const": "LOYALTY_PROGRAM"},
        type={"enum": ["AUTO_UPDATE", "STATIC"]},
        voucher=ANY_OBJECT,
        auto_join=FLAG,
        join_once=FLAG,
        vouchers_count=COUNT,
        active=FLAG,
        metadata=ANY_OBJECT,
        created_at=INSTANT,
        category_id=_NO_TEXT,
        creation_status=TEXT,
        vouchers_generation_status=TEXT,
    ),
    "EarningRule": _always(
        "earning_rule",
        id=TEXT,
        event=TEXT,
        loyalty=_always(type={"enum": ["FIXED", "PROPORTIONAL"]}),
        source=ANY_OBJECT,
        active=FLAG,
        metadata=ANY_OBJECT,
        created_at=INSTANT,
        updated_at=_NO_INSTANT,
    ),
    "LoyaltyTier": _always(
        "loyalty_tier",
        id=TEXT,
        name=TEXT,
        campaign_id=TEXT,
        metadata=ANY_OBJECT,
        earning_rules=ANY_OBJECT,
        rewards=ANY_OBJECT,
        points=_always(**{"from": COUNT}),
        created_at=INSTANT,
        updated_at=_NO_INSTANT,
    ),
    "Transaction": _always(
        id=TEXT,
        source_id=_NO_TEXT,
        voucher_id=TEXT,
        campaign_id=TEXT,
        source=_NO_TEXT,
        reason=_NO_TEXT,
        type=TEXT,
        details=_always(balance=ANY_OBJECT),
        related_transaction_id=_NO_TEXT,
        created_at=INSTANT,
    ),
    "Balance": _always("balance", {"operation_type": TEXT}, points=WHOLE, balance=COUNT, type=TEXT, **_BALANCE),
    "VoucherBalance": _always("balance", {"operation_type": TEXT}, amount=WHOLE, balance=COUNT, type=TEXT, **_BALANCE),
    "PendingBalance": _always("balance", points=WHOLE, operation_type=TEXT, **_BALANCE),
    "PendingPoints": _always(
        None,
        {"updated_at": INSTANT},
        id=TEXT,
        voucher_id=TEXT,
        campaign_id=TEXT,
        customer_id=TEXT,
        order_id=_NO_TEXT,
        points=COUNT,
        activates_at=DAY,
        details=ANY_OBJECT,
        created_at=INSTANT,
    ),
    "PointsBucket": _always(
        "loyalty_points_bucket",
        {"expires_at": DAY, "updated_at": INSTANT},
        id=TEXT,
        voucher_id=TEXT,
        campaign_id=TEXT,
        bucket=_always(total_points=COUNT),
        status=TEXT,
        created_at=INSTANT,
    ),
    "Publication": _always(
        "publication",
        id=TEXT,
        customer_id=TEXT,
        tracking_id=_NO_TEXT,
        metadata=ANY_OBJECT,
        channel=TEXT,
        source_id=_NO_TEXT,
        result={"const": "SUCCESS"},
        customer=_always("customer"),
        voucher=_always("voucher", code=TEXT),
        vouchers_id=_array(TEXT),
        created_at=INSTANT,
    ),
    "Export": _always(
        "export",
        id=TEXT,
        status={"enum": ["SCHEDULED", "IN_PROGRESS", "DONE", "ERROR"]},
        channel=TEXT,
        exported_object=TEXT,
        parameters=ANY_OBJECT,
        result=_or_null(ANY_OBJECT),
        created_at=INSTANT,
    ),
    "AsyncAction": _always(
        "async_action",
        {"updated_at": INSTANT, "processing_time": COUNT, "result": ANY_OBJECT},
        id=TEXT,
        type=TEXT,
        status=TEXT,
        request_id=TEXT,
        progress={**COUNT, "maximum": 100},
        created_at=INSTANT,
    ),
    "AsyncActionStarted": _always(async_action_id=TEXT),
    "Category": _always("category", {"updated_at": INSTANT}, id=TEXT, name=TEXT, hierarchy=WHOLE, created_at=INSTANT),
    "Product": _always(
        "product",
        {"skus": _page(_ref("Sku"))},
        id=TEXT,
        source_id=_NO_TEXT,
        name=_NO_TEXT,
        price=_NO_WHOLE,
        attributes=_array(TEXT),
        metadata=ANY_OBJECT,
        image_url=_NO_TEXT,
        created_at=INSTANT,
        updated_at=_NO_INSTANT,
    ),
    "Sku": _always(
        "sku",
        {"currency": _NO_TEXT},
        id=TEXT,
        source_id=_NO_TEXT,
        product_id=TEXT,
        sku=_NO_TEXT,
        price=_NO_WHOLE,
        attributes=ANY_OBJECT,
        metadata=ANY_OBJECT,
        image_url=_NO_TEXT,
        created_at=INSTANT,
        updated_at=_NO_INSTANT,
    ),
    "ProductCollection": _always(
        "products_collection",
        {"updated_at": INSTANT},
        id=TEXT,
        name=TEXT,
        type=TEXT,
        products=_array(_always(id=TEXT, object={"enum": ["product", "sku"]})),
        created_at=INSTANT,
    ),
    "MetadataSchema": _always("metadata_schema", id=TEXT, related_object=TEXT, properties=ANY_OBJECT, created_at=INSTANT),
    "Webhook": _always("webhook", id=TEXT, events=_array(TEXT), target_url=TEXT, active=FLAG, created_at=INSTANT),
    "TestClock": _always("test_clock", now=_NO_INSTANT),
    "Project": _always(None, {"currency": TEXT, "description": TEXT}, id=TEXT, name=TEXT, timezone=TEXT, is_sandbox=FLAG),
    "ApiKey": _always(
        "api_key",
        {"app_token": TEXT},
        app_id=TEXT,
        kind={"enum": ["app", "management"]},
        name=TEXT,
        created_at=INSTANT,
        expires_at=_NO_INSTANT,
        revoked_at=_NO_INSTANT,
    ),
    "Activity": _always(id=TEXT, type=TEXT, data=_always(data=ANY_OBJECT), created_at=INSTANT, group_id=TEXT),
    "Nothing": {"type": "object", "maxProperties": 0},
}

_ONE: dict[str, str] = {
    "Customer": "create_customer get_customer update_customer",
    "Order": "create_order get_order update_order",
    "Voucher": "add_member get_member get_voucher create_voucher create_voucher_with_random_code update_voucher enable_voucher "
    "disable_voucher add_vouchers add_voucher_with_code",
    "Campaign": "create_campaign get_campaign update_campaign",
    "EarningRule": "get_earning_rule update_earning_rule enable_earning_rule disable_earning_rule",
    "LoyaltyTier": "get_tier",
    "Balance": "adjust_balance activate_pending_points",
    "VoucherBalance": "adjust_voucher_balance",
    "PendingBalance": "adjust_pending_points",
    "Publication": "create_publication create_publication_by_query",
    "Export": "create_export get_export export_orders export_points_expiration export_campaign_transactions "
    "export_member_transactions export_voucher_transactions",
    "AsyncAction": "get_async_action",
    "AsyncActionStarted": "delete_campaign import_vouchers import_vouchers_csv",
    "Category": "create_category get_category update_category",
    "Product": "create_product get_product update_product",
    "Sku": "create_sku get_sku update_sku",
    "ProductCollection": "create_product_collection get_product_collection update_product_collection",
    "MetadataSchema": "get_schema_of_resource create_metadata_schema get_metadata_schema update_metadata_schema",
    "Webhook": "create_webhook get_webhook update_webhook",
    "TestClock": "move_test_clock get_test_clock",
    "Project": "create_project get_project update_project",
    "ApiKey": "create_api_key rotate_api_key",
    "Nothing": "enable_campaign disable_campaign",
}
"""Operations that answer one of a noun."""

_PAGES: dict[tuple[str, str], str] = {
    ("Customer", "customers"): "list_customers",
    ("Order", "orders"): "list_orders",
    ("Voucher", "vouchers"): "list_members list_vouchers",
    ("Campaign", "campaigns"): "list_campaigns",
    ("Export", "exports"): "list_exports",
    ("Publication", "publications"): "list_publications",
    ("Product", "products"): "list_products",
    ("Sku", "skus"): "list_skus",
    ("MetadataSchema", "schemas"): "list_schemas",
    ("MetadataSchema", "data"): "list_metadata_schemas",
    ("EarningRule", "data"): "list_earning_rules list_tier_earning_rules",
    ("LoyaltyTier", "data"): "list_tiers list_member_tiers",
    ("Category", "data"): "list_categories",
    ("ProductCollection", "data"): "list_product_collections",
    ("Webhook", "data"): "list_webhooks",
    ("Project", "data"): "list_projects",
    ("ApiKey", "data"): "list_api_keys",
    ("PointsBucket", "data"): "list_points_expiration",
    ("Activity", "data"): "list_customer_activities",
}
"""Operations that answer a page of a noun, and the name its rows stand under."""

_STRETCHES: dict[str, str] = {
    "Activity": "list_customer_activity list_member_activity",
    "PendingPoints": "list_member_pending_points list_campaign_pending_points",
    "Transaction": "list_member_transactions list_campaign_transactions list_voucher_transactions",
}
"""Operations that answer a part of a list that is gone on with from its last row."""

_ARRAYS: dict[str, str] = {"EarningRule": "create_earning_rules", "LoyaltyTier": "create_tiers"}

_OTHERS: dict[str, Schema] = {
    "list_collected_products": _page({"anyOf": [_ref("Product"), _ref("Sku")]}),
    "list_async_actions": _list(_ref("AsyncAction"), "async_actions", has_more=FLAG),
}


def _each(operations: Mapping[Of, str], shape: Callable[[Of], Schema]) -> dict[str, Schema]:
    return {name: shape(of) for of, names in operations.items() for name in names.split()}


ANSWERS: dict[str, Schema] = (
    _each(_ONE, _ref)
    | _each(_PAGES, lambda page: _page(_ref(page[0]), page[1]))
    | _each(_STRETCHES, lambda noun: _stretch(_ref(noun)))
    | _each(_ARRAYS, lambda noun: _array(_ref(noun)))
    | _OTHERS
)
"""What each operation answers when it is done."""

LATER: dict[str, Schema] = {"add_vouchers": _ref("AsyncActionStarted")}
"""What it answers, with 202, when it is still to be done."""
