"""The management API: projects, webhooks, the test clock."""

import pytest
import voucherify
from voucherify.exceptions import NotFoundException

from tests.acceptance.comparer import compare
from tests.acceptance.official import Client, Management
from tests.acceptance.process import Server
from tests.acceptance.shop import Shop

TIME_ZONE = "Europe/Warsaw"


def test_the_project_is_shown(server: Server, management: Management) -> None:
    """The project of the settings is the one that is listed and got, a sandbox in its time zone (openapi get-project)."""
    project = management.get(management.path)
    kept = {key: project[key] for key in ("id", "timezone", "api_version", "is_sandbox", "webhook_version")}
    assert kept == {
        "id": server.project_id,
        "timezone": "Europe/Warsaw",
        "api_version": "v2018-08-01",
        "is_sandbox": True,
        "webhook_version": "v2024-01-01",
    }
    listed = management.get("/management/v1/projects")
    assert (listed["object"], listed["data_ref"], listed["data"]) == ("list", "data", [project])
    assert management.api.get_project(server.project_id).id == server.project_id
    assert [one.id for one in management.api.list_projects().data] == [server.project_id]
    assert management.ask("GET", "/management/v1/projects/proj_2F3txY7").status == 404


def test_a_webhook_from_beginning_to_end(management: Management) -> None:
    """Made, got, changed and deleted by the official client (webhooks.md §1.6)."""
    body = voucherify.ManagementProjectsWebhooksCreateRequestBody(
        target_url="http://127.0.0.1:9/hook", events=["customer.created", "customer.rewarded.loyalty_points"]
    )
    made = management.api.create_webhook(management.project_id, body)
    raw = management.get(f"{management.path}/webhooks/{made.id}")
    wanted = {
        "object": "webhook",
        "created_at": "2024-04-30T08:13:55.789Z",
        "id": "wh_ekFHVL6lqC4lDuIFxpETSGa3",
        "events": ["customer.created", "customer.rewarded.loyalty_points"],
        "target_url": "http://127.0.0.1:9/hook",
        "active": True,
    }
    assert compare(wanted, raw) == []
    assert management.api.get_webhook(management.project_id, made.id).to_dict() == made.to_dict()
    change = voucherify.ManagementProjectsWebhooksUpdateRequestBody(
        target_url="http://127.0.0.1:9/other", events=["voucher.published"], active=False
    )
    changed = management.api.update_webhook(management.project_id, made.id, change)
    assert (changed.id, changed.target_url, changed.events, changed.active) == (
        made.id,
        "http://127.0.0.1:9/other",
        ["voucher.published"],
        False,
    )
    management.api.delete_webhook(management.project_id, made.id)
    with pytest.raises(NotFoundException):
        management.api.get_webhook(management.project_id, made.id)
    gone = management.ask("DELETE", f"{management.path}/webhooks/{made.id}")
    assert (gone.status, gone.json["resource_id"], gone.json["resource_type"]) == (404, made.id, "webhook")


def test_a_webhook_in_strict_order(management: Management) -> None:
    """`strict_order` is ours: shown where it was asked for, kept by a client that does not know it, and taken back."""
    said = {"target_url": "http://127.0.0.1:9/hook", "events": ["customer.created"]}
    made = management.ask("POST", f"{management.path}/webhooks", said | {"strict_order": True}).json
    there = f"{management.path}/webhooks/{made['id']}"
    answers = [made, management.ask("PUT", there, said).json, management.ask("PUT", there, said | {"strict_order": False}).json]
    assert [answer.get("strict_order") for answer in answers] == [True, True, None]
    management.unsubscribe(made["id"])


def test_webhooks_are_listed(management: Management) -> None:
    """The list has all of them and its envelope; the official client reads it while it knows the names in it."""
    ids = [management.subscribe("http://127.0.0.1:9/", ["customer.created"]) for _ in range(2)]
    raw = management.get(f"{management.path}/webhooks")
    assert (raw["object"], raw["data_ref"], raw["total"]) == ("list", "data", 2)
    assert {webhook["id"] for webhook in raw["data"]} == set(ids)
    assert {webhook.id for webhook in management.api.list_webhooks(management.project_id).data} == set(ids)
    for webhook_id in ids:
        management.unsubscribe(webhook_id)


def test_misspelt_event_names_are_stored_right(management: Management) -> None:
    """The four misspelt names are taken, and answered under the right name (decisions 28 and 50)."""
    misspelt = [
        "campaign.vouchers.aded",
        "voucher.gift.balance_aded",
        "voucher.loyalty_card.pending_points.aded",
        "voucher.loyalty_card.points_aded",
    ]
    body = {"target_url": "http://127.0.0.1:9/", "events": misspelt}
    answer = management.ask("POST", f"{management.path}/webhooks", body)
    assert answer.status == 200
    right = {
        "campaign.vouchers.added",
        "voucher.gift.balance_added",
        "voucher.loyalty_card.pending_points.added",
        "voucher.loyalty_card.points_added",
    }
    assert set(answer.json["events"]) == right
    assert set(management.get(f"{management.path}/webhooks/{answer.json['id']}")["events"]) == right
    management.unsubscribe(answer.json["id"])


@pytest.mark.parametrize(
    "body",
    [
        {"target_url": "http://127.0.0.1:9/", "events": ["customer.invented"]},
        {"target_url": "http://127.0.0.1:9/", "events": "customer.created"},
        {"target_url": "ftp://127.0.0.1/", "events": ["customer.created"]},
        {"target_url": "not a url", "events": ["customer.created"]},
        {"target_url": "http://127.0.0.1:9/"},
        {"events": ["customer.created"]},
    ],
)
def test_a_malformed_webhook_is_refused(management: Management, body: object) -> None:
    """A webhook needs an HTTP address and known names (webhooks.md §1.6)."""
    answer = management.ask("POST", f"{management.path}/webhooks", body)
    assert (answer.status, answer.json["key"]) == (400, "invalid_payload")
    assert management.get(f"{management.path}/webhooks")["total"] == 0


def test_keys_open_only_their_own_doors(server: Server, client: Client, management: Management) -> None:
    """The application key does not manage, the management key does not shop, and neither works half."""
    assert client.ask("GET", "/management/v1/projects").status == 401
    assert management.ask("GET", "/v1/customers").status == 401
    assert management.ask("GET", management.path, X_Management_Token="wrong").status == 401
    assert management.ask("GET", management.path, X_Management_Id="").status == 401
    assert server.management_token not in management.ask("GET", management.path).body.decode()


def test_the_test_clock_moves_forward_only(management: Management, shop: Shop) -> None:
    """What happens next is dated by the clock; it cannot go back, nor before 2016-05-04 (DESIGN §6)."""
    early = management.ask("POST", f"{management.path}/test-clock", {"now": "2016-05-03T23:59:59.999Z"})
    assert early.status == 400
    management.set_clock("2024-01-18T15:18:38.577Z")
    assert shop.customer().created_at.isoformat() == "2024-01-18T15:18:38.577000+00:00"
    management.set_clock("2024-01-19T00:00:00.000Z")
    assert management.ask("POST", f"{management.path}/test-clock", {"now": "2024-01-18T23:59:59.999Z"}).status == 400
    assert shop.customer().created_at.isoformat() == "2024-01-19T00:00:00+00:00"
    for body in ({}, {"now": None}, {"now": "tomorrow"}, {"now": 1}):
        assert management.ask("POST", f"{management.path}/test-clock", body).status == 400
