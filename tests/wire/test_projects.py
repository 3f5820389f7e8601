"""Projects and webhooks as the management API shows them, and the two kinds of list."""

import msgspec

from tallybook.domain.records import Project
from tallybook.wire.lists import page, stretch
from tallybook.wire.projects import project_full, project_made, project_made_before
from tallybook.wire.webhooks import webhook_full
from tests.wire.scenes import WEBHOOK, at

PROJECT = Project(
    id="proj_1",
    name="Shop",
    time_zone="Europe/Vienna",
    currency="EUR",
    sandbox=True,
    webhook_secret="never shown",
    created_at=at("2024-01-01T00:00:00.000"),
)


def test_project_tells_no_secret() -> None:
    """A project shows the documented keys; what there is not is off, and the webhook secret is nowhere."""
    shown = project_full(PROJECT)
    assert list(shown) == [
        *["id", "name", "currency", "timezone", "cluster_id", "api_version", "case_sensitive_codes", "client_trusted_domains"],
        *["client_redeem_enabled", "client_publish_enabled", "client_list_vouchers_enabled", "client_create_customer_enabled"],
        *["client_loyalty_events_enabled", "client_set_voucher_expiration_date_enabled", "api_usage_notifications"],
        *["webhooks_callout_notifications", "is_sandbox", "webhook_version"],
    ]
    assert (shown["timezone"], shown["is_sandbox"], shown["webhook_version"]) == ("Europe/Vienna", True, "v2024-01-01")
    assert not any(shown[key] for key in shown if key.startswith("client_"))
    assert "never shown" not in repr(shown)


def test_made_project_shows_its_secrets_once() -> None:
    """The answer to making a project ends with the secret of its webhooks and its first API key; repeated, without secrets."""
    made = project_made(PROJECT, "app", "token")
    again = project_made_before(PROJECT, "app")
    assert made.pop("webhook_token") == "never shown"
    assert made.pop("server_side_key") == {"app_id": "app", "app_token": "token"}
    assert again.pop("server_side_key") == {"app_id": "app"}
    assert made == again == project_full(PROJECT)


def test_a_description_is_shown_where_there_is_one() -> None:
    """It stands where the documents have it."""
    shown = list(project_full(msgspec.structs.replace(PROJECT, description="Ours")).items())
    assert shown[5:8] == [("api_version", "v2018-08-01"), ("description", "Ours"), ("case_sensitive_codes", True)]


def test_webhook() -> None:
    """A webhook has six keys."""
    assert list(webhook_full(WEBHOOK).items()) == [
        ("object", "webhook"),
        ("created_at", "2024-01-02T08:31:46.562Z"),
        ("id", "wh_i45Uez369zzXgh6PXC0eyGmb"),
        ("events", ["customer.order.paid"]),
        ("target_url", "https://shop.example/hooks"),
        ("active", True),
    ]


def test_page_of_a_list() -> None:
    """A page names where its rows stand, and counts the whole list."""
    assert page([{"id": "ord_1"}], 7, "orders") == {
        "object": "list",
        "data_ref": "orders",
        "orders": [{"id": "ord_1"}],
        "total": 7,
    }


def test_stretch_of_a_list() -> None:
    """A stretch says where to go on, and at the end that there is no more."""
    assert stretch([{"id": "vtx_1"}], "vtx_1") == {
        "object": "list",
        "data_ref": "data",
        "data": [{"id": "vtx_1"}],
        "has_more": True,
        "more_starting_after": "vtx_1",
    }
    assert stretch([], None) == {"object": "list", "data_ref": "data", "data": [], "has_more": False}
