"""The process itself: killed, started again, and started twice."""

from pathlib import Path

from tests.acceptance.official import Client, Management
from tests.acceptance.process import START_SECONDS, Server, running_server
from tests.acceptance.shop import FIXED_TEN, Shop


def test_what_was_answered_outlives_a_power_cut(database_url: str, tmp_path: Path) -> None:
    """Killed right after its answer and started again, the server knows the order, its points, and the test clock."""
    with running_server(database_url, tmp_path) as server:
        Management(server).set_clock("2024-01-18T15:18:38.577Z")
        shop = Shop(Client(server), "cut")
        campaign = shop.programme()
        shop.rule(campaign.id, FIXED_TEN)
        card = shop.join(campaign.id)
        order = shop.pay(card.holder_id)
        server.kill()
        shop.client.close()
    with running_server(database_url, tmp_path) as server:
        shop = Shop(Client(server), "again")
        assert shop.points(card.code) == 10
        again = shop.order(source_id=order.source_id, status="PAID", amount=order.amount)
        assert (again.id, len(shop.transactions(card.code))) == (order.id, 1)
        assert (
            Management(server).get(f"/management/v1/projects/{server.project_id}/test-clock")["now"] == "2024-01-18T15:18:38.577Z"
        )
        shop.client.close()


def test_a_second_server_on_the_same_file_says_so_and_stops(tmp_path: Path) -> None:
    """One server at a time writes to a SQLite file; the second ends with an error that names it (DESIGN §2)."""
    url = f"sqlite:///{tmp_path / 'book.db'}"
    with running_server(url, tmp_path) as first, (tmp_path / "second.log").open("wb") as log:
        second = Server(first.port + 1, url, tmp_path / "second.log").start("UTC", log)
        assert second.wait(START_SECONDS) not in (0, None)
        said = (tmp_path / "second.log").read_text()
        assert "book.db" in said
        assert "Traceback" not in said
