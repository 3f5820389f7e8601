"""What was delivered is written down whatever the orders are waiting for."""

import os
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.acceptance.official import Client
from tests.acceptance.process import Server, tree
from tests.acceptance.shop import Shop
from tests.acceptance.stories import Subscribe
from tests.receiver import Answer, Receiver

HELD = text("SELECT id FROM customers WHERE id = :id FOR UPDATE")
DELIVERED = text(
    "SELECT COUNT(*) FROM send_outs s JOIN events e ON e.id = s.event_id WHERE e.customer_id = :id AND s.state = 'DELIVERED'"
)
NICE = (10, 10)
START_SECONDS = 30
ANSWER_SECONDS = 0.4
"""How long the receiver takes: the customer is held before that."""
PATIENCE_SECONDS = 1.6
"""Less than the two seconds for which an order waits for a customer."""


def test_results_are_recorded_while_an_order_waits_for_its_customer(
    server: Server, shop: Shop, receiver: Receiver, subscribed: Subscribe
) -> None:
    """On PostgreSQL recording has an engine of its own. A file of SQLite has one writer, which waits for nobody."""
    if server.database_url.startswith("sqlite"):
        pytest.skip("one file, one engine")
    buyer = shop.customer()
    subscribed("customer.order.paid")
    receiver.answer = Answer(delay=ANSWER_SECONDS)
    shop.pay(buyer.id)
    receiver.wait_for(1)
    database = create_engine(server.database_url.replace("postgresql:", "postgresql+psycopg:"))
    with database.connect() as other, database.connect().execution_options(isolation_level="AUTOCOMMIT") as eye:
        other.execute(HELD, {"id": buyer.id})
        late = threading.Thread(target=shop.pay, args=(buyer.id,))
        late.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not eye.scalar(DELIVERED, {"id": buyer.id}) and time.monotonic() < deadline:
            time.sleep(0.02)
        recorded, waits = eye.scalar(DELIVERED, {"id": buyer.id}), late.is_alive()
        other.rollback()
        late.join()
    database.dispose()
    assert (recorded, waits) == (1, True)
    assert len(receiver.wait_for(2)) == 2


def test_sending_gives_way_to_orders(server: Server, client: Client) -> None:
    """The process that sends is nice, and where Linux divides time between sessions first, so is its session."""
    assert client.ask("GET", "/healthz").status == 200
    (sender,) = [pid for pid in tree(server.processes[-1].pid) if "tallybook.delivery.process" in _words(pid)]
    deadline = time.monotonic() + START_SECONDS
    while _niceness(sender) != NICE and time.monotonic() < deadline:  # it is still getting up
        time.sleep(0.05)
    assert _niceness(sender) == NICE


def _words(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def _niceness(pid: int) -> tuple[int, int]:
    """Of the process, and of its session; where sessions have none, that of the process."""
    own = os.getpriority(os.PRIO_PROCESS, pid)
    session = Path(f"/proc/{pid}/autogroup")
    return own, int(session.read_text().split()[-1]) if session.exists() else own
