"""Seeds that every test run lives through: engine, store and delivery in simulated time, with what can go wrong going wrong."""

from collections.abc import Callable

import pytest

from tests.sim.world import simulate


@pytest.mark.parametrize("seed", [1, 2, 4, 8])
def test_whatever_goes_wrong_the_book_is_right(seed: int, record_property: Callable[[str, object], None]) -> None:
    """After crashes, lost commits and bad receivers, ledger, events and what was delivered are the model's."""
    run = simulate(seed)
    record_property("simulated", str(run))
    assert run.failure is None, str(run)


def test_a_seed_does_the_same_again() -> None:
    """Two runs of a seed take the same steps to the same end: a failure that was seen once can be seen again."""
    assert simulate(3) == simulate(3)
