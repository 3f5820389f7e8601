"""The metrics of a server: each is there, and moves when what it counts happens."""

import time
from collections.abc import Callable

import psycopg
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.official import Client, Management
from tests.acceptance.process import Server
from tests.acceptance.shop import FIXED_TEN, Shop
from tests.receiver import Answer, Receiver
from tests.tidy.reference import named_metrics

WAIT_SECONDS = 60
Scraped = dict[tuple[str, str], float]
"""Values by name and by the one label, or ""."""


def scrape(client: Client) -> Scraped:
    """What /metrics says of ours; of histograms only `_sum` and `_count`."""
    answer = client.ask("GET", "/metrics")
    assert answer.status == 200
    samples = [one for family in text_string_to_metric_families(answer.body.decode()) for one in family.samples]
    return {
        (one.name, next(iter(one.labels.values()), "")): one.value
        for one in samples
        if one.name.startswith("tallybook") and not one.name.endswith(("_bucket", "_created"))
    }


def still(client: Client, before: Scraped, *names: tuple[str, str]) -> list[tuple[str, str]]:
    """Which of these have not grown since, nor do so within a while."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        now = scrape(client)
        found = [name for name in names if now.get(name, 0) <= before.get(name, 0)]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_every_metric_is_there_from_the_start(client: Client) -> None:
    """Also what has not happened yet, so that its first time is seen as an increase."""
    families = {one.name for one in text_string_to_metric_families(client.ask("GET", "/metrics").body.decode())}
    assert families >= {name.removesuffix("_total") for name in named_metrics()}
    assert scrape(client).keys() >= {("tallybook_send_outs_total", word) for word in ("delivered", "waiting", "failed")}


def test_an_order_moves_what_counts_orders(
    client: Client, shop: Shop, receiver: Receiver, subscribed: Callable[..., object]
) -> None:
    """Commands, batches, commits, every stage on the way, and the attempts to send its events."""
    before = scrape(client)
    campaign = shop.programme()
    shop.rule(campaign.id, FIXED_TEN)
    members = [shop.join(campaign.id) for _ in range(2)]
    subscribed("customer.order.paid")
    receiver.answers.append(Answer(status=500))
    for member in members:  # a failed attempt holds back what follows of the same customer
        shop.pay(member.holder_id)
    stages = ("http", "decode", "read", "decide", "write", "commit", "render", "send", "record")
    counted = [
        ("tallybook_orders_total", ""),
        ("tallybook_commands_total", "answered"),
        ("tallybook_batch_size_count", ""),
        ("tallybook_commit_seconds_count", ""),
        ("tallybook_commit_seconds_sum", ""),
        ("tallybook_send_outs_total", "delivered"),
        ("tallybook_send_outs_total", "waiting"),
        ("tallybook_send_outs_waiting", "later"),
        *(("tallybook_stage_seconds_total", stage) for stage in stages),
    ]
    assert still(client, before, *counted) == []


def test_what_waits_for_a_disabled_webhook_is_paused(client: Client, management: Management, shop: Shop) -> None:
    """It is not late, so that nobody is called for it."""
    webhook = management.subscribe("http://127.0.0.1:9/", ["customer.created"])
    said = {"target_url": "http://127.0.0.1:9/", "events": ["customer.created"], "active": False}
    assert management.ask("PUT", f"{management.path}/webhooks/{webhook}", said).status == 200
    before = scrape(client)
    shop.customer()
    after = scrape(client)
    assert after["tallybook_send_outs_waiting", "paused"] == before["tallybook_send_outs_waiting", "paused"] + 1
    management.unsubscribe(webhook)
    assert scrape(client)["tallybook_send_outs_waiting", "paused"] == before["tallybook_send_outs_waiting", "paused"]


def test_refusals_are_counted_by_their_key_wherever_they_are_given(client: Client) -> None:
    """By a command, by a read, by the door, and for a wrong key."""
    before = scrape(client)
    for method, path, body, headers in (
        ("POST", "/v1/loyalties/nobody/members", {"customer": {"source_id": "x"}}, {}),
        ("GET", "/v1/customers/nobody", None, {}),
        ("POST", "/v1/orders", {"amount": "many"}, {}),
        ("GET", "/v1/customers", None, {"X_App_Token": "wrong"}),
    ):
        assert client.ask(method, path, body, **headers).status >= 400
    after = scrape(client)
    grown = {
        key: count - before.get((name, key), 0) for (name, key), count in after.items() if name == "tallybook_refusals_total"
    }
    assert {key: count for key, count in grown.items() if count} == {
        "not_found": 2, "invalid_payload": 1, "unauthorized": 1
    }  # fmt: skip


def test_the_write_ahead_log_is_measured(client: Client, server: Server, shop: Shop) -> None:
    """The size of SQLite's file; of PostgreSQL nothing is said."""
    shop.customer()
    size = scrape(client)["tallybook_wal_bytes", ""]
    assert (size > 0) is server.database_url.startswith("sqlite")


def test_a_batch_that_loses_is_counted(client: Client, server: Server, shop: Shop) -> None:
    """A connection that the database ends costs another try, and the request nothing."""
    if server.database_url.startswith("sqlite"):
        return  # nobody ends its connections
    shop.customer()  # the engine is connected
    before = scrape(client)
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}".encode())
    assert shop.customer().id
    assert _retries(scrape(client)) > _retries(before)


def _retries(found: Scraped) -> float:
    return sum(value for (name, _), value in found.items() if name == "tallybook_retries_total")
