"""Exports on the wire: headers in words, cells as text, and a column for every field that may be asked for."""

import pytest

from tallybook.domain.exports import EXPORTED, Beside
from tallybook.domain.records import Export, Order, Transaction
from tallybook.wire.exports import COLUMNS, csv_header, csv_rows, export_full
from tests.wire.scenes import PROJECT, PUBLIC_URL, at

ORDER = Order(
    id="ord_1",
    project_id=PROJECT,
    source_id='a "b", c\r\nd',
    status="PAID",
    amount=12_345,
    discount_amount=0,
    metadata='{"2":null,"gift":true,"rate":0.5,"tags":["x","ł"],"x.y":"z"}',
    created_at=at("2024-07-24T09:48:31.790"),
)


def line(order: Order, *fields: str) -> str:
    """An order in these columns."""
    return csv_rows("order", fields, [order], Beside()).decode()


def test_a_header_is_the_name_in_words() -> None:
    """As in the documented file; properties of metadata keep their names."""
    header = csv_header(["id", "voucher_type", "qr_code", "metadata.paid_by", "metadata.a,b"])
    assert header == b'ID,Voucher Type,QR Code,metadata.paid_by,"metadata.a,b"\r\n'


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("id", "ord_1"),
        ("source_id", '"a ""b"", c\r\nd"'),
        ("amount", "12345"),
        ("discount_amount", '""'),
        ("customer_id", '""'),
        ("created_at", "2024-07-24T09:48:31.790Z"),
        ("metadata.gift", "true"),
        ("metadata.rate", "0.5"),
        ("metadata.tags", '"[""x"",""ł""]"'),
        ("metadata.x.y", "z"),
        ("metadata.2", '""'),
        ("metadata.none", '""'),
    ],
)
def test_a_cell_is_text(field: str, cell: str) -> None:
    """Quoted where it has to be; nothing where there is nothing; JSON where it is more than one thing."""
    assert line(ORDER, field) == f"{cell}\r\n"


def test_details_are_those_of_the_list() -> None:
    """The balance, and what caused it."""
    transaction = Transaction(
        id="vtx_1",
        project_id=PROJECT,
        customer_id="cust_1",
        card_id="v_1",
        campaign_id="camp_1",
        type="POINTS_ACCRUAL",
        points=-5,
        balance=7,
        total=12,
        cause='{"order":{"id":"ord_1"}}',
        created_at=at("2024-07-24T09:48:31.790"),
    )
    rows = csv_rows("voucher_transactions", ["amount", "balance", "voucher_id", "details"], [transaction], Beside()).decode()
    assert rows.startswith('-5,7,v_1,"{""balance"":{""type"":""loyalty_card"",""total"":12,')
    assert rows.endswith('},""order"":{""id"":""ord_1""}}"\r\n')


@pytest.mark.parametrize("exported_object", EXPORTED)
def test_every_field_has_a_column(exported_object: str) -> None:
    """Also those of the documented defaults, each of which may be asked for."""
    exported = EXPORTED[exported_object]
    assert set(COLUMNS[exported_object]) == {*exported.fields, *exported.also}
    assert all(map(exported.takes, exported.defaults))


def test_an_export_shows_its_address_when_it_is_done() -> None:
    """The token in it is a secret, so it is nowhere else."""
    export = Export(
        id="exp_1",
        project_id=PROJECT,
        exported_object="order",
        parameters='{"order":"-created_at"}',
        task="{}",
        status="IN_PROGRESS",
        token="secret",
        created_at=at("2024-07-24T09:48:31.790"),
    )
    assert export_full(export, PUBLIC_URL)["result"] is None
    done = Export(**{name: getattr(export, name) for name in Export.__struct_fields__} | {"status": "DONE"})
    assert export_full(done, PUBLIC_URL)["result"] == {"url": f"{PUBLIC_URL}/v1/exports/exp_1?token=secret"}
    assert "secret" not in str({name: value for name, value in export_full(done, PUBLIC_URL).items() if name != "result"})
