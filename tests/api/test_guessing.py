"""How often somebody may be wrong: keys by address, card codes by key and address, within a minute."""

from datetime import UTC, datetime, timedelta

import pytest

from tallybook.api.errors import TooManyRequests
from tallybook.api.guessing import MOST_NAMES, Allowed, Guesses, network


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2024, 6, 15, 12, 0, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def test_an_address_may_be_wrong_so_often_within_a_minute() -> None:
    """Then no key of it is looked at until the minute is over; other addresses go on."""
    clock = Clock()
    guesses = Guesses(Allowed(wrong_keys=3), clock)
    for _ in range(3):
        guesses.check_key("192.0.2.1", "till", "guess")
        guesses.wrong_key("192.0.2.1")
    with pytest.raises(TooManyRequests) as refused:
        guesses.check_key("192.0.2.1", "till", "the right one")
    assert refused.value.headers == {
        "X-Rate-Limit-Limit": "3",
        "X-Rate-Limit-Remaining": "0",
        "X-Rate-Limit-Retry": str(int(clock.at.timestamp()) + 50),
        "X-Rate-Limit-Type": "api_calls",
        "Retry-After": "50",
    }
    guesses.check_key("192.0.2.2", "till", "guess")
    clock.at += timedelta(seconds=50)
    guesses.check_key("192.0.2.1", "till", "the right one")


def test_a_clock_that_is_set_back_forgives() -> None:
    """Nobody waits longer than a minute."""
    clock = Clock()
    guesses = Guesses(Allowed(wrong_keys=1), clock)
    guesses.wrong_key("192.0.2.1")
    with pytest.raises(TooManyRequests):
        guesses.check_key("192.0.2.1", "till", "guess")
    clock.at -= timedelta(days=1)
    guesses.check_key("192.0.2.1", "till", "guess")


def test_a_key_that_was_right_goes_on_beside_guesses() -> None:
    """Many clients may share an address; the proven key is not a guess, another token of it is."""
    guesses = Guesses(Allowed(wrong_keys=1))
    guesses.right_key("192.0.2.1", "till", "s3cret")
    guesses.wrong_key("192.0.2.1")
    guesses.check_key("192.0.2.1", "till", "s3cret")
    with pytest.raises(TooManyRequests):
        guesses.check_key("192.0.2.1", "till", "guess")


def test_codes_are_counted_by_key_and_by_address() -> None:
    """Whoever changes one of the two is still counted by the other."""
    guesses = Guesses(Allowed(unknown_codes=2))
    for _ in range(2):
        guesses.check_code("192.0.2.1", "till")
        guesses.unknown_code("192.0.2.1", "till")
    for address, key in (("192.0.2.1", "other"), ("192.0.2.2", "till")):
        with pytest.raises(TooManyRequests):
            guesses.check_code(address, key)
    guesses.check_code("192.0.2.2", "other")


def test_no_limit_is_no_limit() -> None:
    """Zero switches it off, and so does a client without an address."""
    guesses, limited = Guesses(Allowed()), Guesses(Allowed(wrong_keys=1, unknown_codes=1))
    for _ in range(1_000):
        guesses.wrong_key("192.0.2.1")
        guesses.unknown_code("192.0.2.1", "till")
        limited.wrong_key("")
    guesses.check_key("192.0.2.1", "till", "guess")
    guesses.check_code("192.0.2.1", "till")
    limited.check_key("", "till", "guess")


def test_memory_is_bounded() -> None:
    """Beyond ten thousand names the rest count as one, so a flood of addresses passes no limit."""
    guesses = Guesses(Allowed(wrong_keys=5), Clock())
    for number in range(MOST_NAMES + 10):
        guesses.wrong_key(f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}")
    guesses.check_key("10.0.0.1", "till", "guess")
    with pytest.raises(TooManyRequests):
        guesses.check_key("203.0.113.9", "till", "guess")
    for number in range(MOST_NAMES + 10):
        guesses.right_key("192.0.2.1", f"key {number}", "s3cret")
    assert len(guesses._keys._counts) == MOST_NAMES + 1
    assert len(guesses._proven) <= MOST_NAMES


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("unix", "unix"),
        ("x" * 1_000, "x" * 64),
    ],
)
def test_what_an_address_is_counted_as(address: str, counted: str) -> None:
    """Whoever has one address of IPv6 has its network; what a proxy says is kept short."""
    assert network(address) == counted
