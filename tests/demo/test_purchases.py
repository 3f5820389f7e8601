"""Reading purchases: columns, refusals, dates, money, and the figures of the data set."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.demo.options import DemoError
from tallybook.demo.purchases import Figures, Purchase, figures, parse, read_purchases

MASTER = Path(__file__).parents[3] / "shared" / "data" / "CDNOW_master.txt"


def test_both_forms_are_read() -> None:
    """A line of four columns is numbered by its place; one of five brings its number; headings and comments are no purchase."""
    lines = [" customer_id  date", "# a comment", "", " 00001 19970101  1   11.77", "70 00002 19980630 12 0.00\r"]
    first = Purchase(line=4, customer="00001", bought_on=date(1997, 1, 1), cds=1, cents=1177)
    second = Purchase(line=70, customer="00002", bought_on=date(1998, 6, 30), cds=12, cents=0)
    assert parse(lines) == [first, second]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("00001 19970101 1", "line 2: expected customer, yyyymmdd, CDs and dollars, found 3 columns"),
        ("1 2 3 4 5 6", "line 2: expected customer, yyyymmdd, CDs and dollars, found 6 columns"),
        ("Ann 19970101 1 9.99", "line 2: the customer must be a number, not 'Ann'"),
        ("1 19970230 1 9.99", "line 2: the date must be a day from 1988-05-05 to 2071-12-31, written yyyymmdd, not '19970230'"),
        (
            "1 1997-01-01 1 9.99",
            "line 2: the date must be a day from 1988-05-05 to 2071-12-31, written yyyymmdd, not '1997-01-01'",
        ),
        ("1 19700101 1 9.99", "line 2: the date must be a day from 1988-05-05 to 2071-12-31, written yyyymmdd, not '19700101'"),
        ("1 19970101 0 9.99", "line 2: the number of CDs must be a whole number from 1 to 1,000,000, not '0'"),
        ("1 19970101 1.5 9.99", "line 2: the number of CDs must be a whole number from 1 to 1,000,000, not '1.5'"),
        ("1 19970101 1 -9.99", "line 2: the dollars must be an amount such as 11.77, not '-9.99'"),
        ("1 19970101 1 9.999", "line 2: the dollars must be an amount such as 11.77, not '9.999'"),
        ("1 19970101 1 NaN", "line 2: the dollars must be an amount such as 11.77, not 'NaN'"),
        ("x 1 19970101 1 9.99", "line 2: the line number must be a whole number from 1 to 1,000,000,000, not 'x'"),
        ("1 1 19970101 1 9.99", "line 2: the line number 1 was used before"),
    ],
)
def test_a_bad_line_is_refused_by_its_number(line: str, message: str) -> None:
    """A malformed line stops the demo, with its number and what was expected."""
    with pytest.raises(DemoError) as refusal:
        parse(["00001 19970101 1 11.77", line])
    assert str(refusal.value) == message


def test_a_file_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    """A file that cannot be read, or that holds no purchase, stops the demo."""
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n")
    for path, words in ((tmp_path / "none.txt", "cannot be read"), (empty, "no purchases")):
        with pytest.raises(DemoError, match=words):
            read_purchases(path)


@given(st.integers(0, 10**12 - 1))
def test_dollars_become_cents_exactly(cents: int) -> None:
    """Every amount of whole cents is read as exactly these minor units."""
    assert parse([f"1 19970101 1 {cents // 100}.{cents % 100:02}"])[0].cents == cents


def test_short_amounts_are_exact() -> None:
    """Dollars may be written without cents, or with tenths."""
    assert [parse([f"1 19970101 1 {text}"])[0].cents for text in ("12", "12.5", "0.07", "1.10")] == [1200, 1250, 7, 110]


def test_every_date_keeps_its_weekday() -> None:
    """Each day from 1997-01-01 to 1998-06-30 moves by exactly 28 years, to the same month, day and weekday."""
    for days in range((date(1998, 6, 30) - date(1997, 1, 1)).days + 1):
        bought_on = date(1997, 1, 1) + timedelta(days)
        moved = Purchase(line=1, customer="1", bought_on=bought_on, cds=1, cents=1).replayed_on
        assert (moved.year, moved.month, moved.day) == (bought_on.year + 28, bought_on.month, bought_on.day)
        assert moved.weekday() == bought_on.weekday()


def test_purchases_are_replayed_by_date_then_line(tmp_path: Path) -> None:
    """Purchases come in the order of their dates, those of one day in the order of their lines; the limit takes the first."""
    path = tmp_path / "orders.txt"
    path.write_text("2 19970105 1 1.00\n1 19970103 1 1.00\n2 19970103 1 1.00\n")
    assert [one.line for one in read_purchases(path)] == [2, 3, 1]
    assert [one.line for one in read_purchases(path, limit=2)] == [2, 3]


def test_the_sample_is_what_it_says() -> None:
    """The sample holds every tenth customer with all purchases, repeated lines and free ones among them."""
    sample = read_purchases()
    assert figures(sample) == Figures(
        purchases=6937, customers=2357, free=11, repeated=17, cents=sum(one.cents for one in sample)
    )
    assert {one.customer for one in sample} == {f"{number:05}" for number in range(1, 23571, 10)}
    assert (sample[0].bought_on, sample[-1].bought_on) == (date(1997, 1, 1), date(1998, 6, 30))


@pytest.mark.skipif(not MASTER.exists(), reason="the full data set is not beside the repository")
def test_the_sample_is_part_of_the_full_file() -> None:
    """The full file has the published figures, and the sample is its lines of every tenth customer, under their numbers."""
    master = read_purchases(MASTER)
    bought = figures(master)
    assert (bought.purchases, bought.customers, bought.free, bought.repeated) == (69659, 23570, 80, 215)
    assert read_purchases() == [one for one in master if int(one.customer) % 10 == 1]
