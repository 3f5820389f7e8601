"""Settings: what they may be, and how a wrong one is refused."""

import pytest

from tallybook.settings import WrongSetting, read_settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TALLYBOOK_KEEP_RECEIPTS_HOURS", "23", "from 24 to 36500, not '23'"),
        ("TALLYBOOK_KEEP_RECEIPTS_HOURS", "24.5", "a whole number"),
        ("TALLYBOOK_KEEP_RECEIPTS_HOURS", "inf", "a whole number"),
        ("TALLYBOOK_KEEP_RECEIPTS_HOURS", "nan", "a whole number"),
        ("TALLYBOOK_KEEP_SEND_OUTS_DAYS", "0", "from 1 to 36500, not '0'"),
        ("TALLYBOOK_KEEP_SEND_OUTS_DAYS", "36501", "from 1 to 36500"),
        ("TALLYBOOK_KEEP_SEND_OUTS_DAYS", "a month", "a whole number"),
    ],
)
def test_how_long_something_is_kept_has_bounds(name: str, value: str, said: str) -> None:
    """A value past them is refused at the start, in a sentence that names the setting."""
    with pytest.raises(WrongSetting, match=f"{name} .*{said}"):
        read_settings({name: value})


def test_how_long_something_is_kept_can_be_said() -> None:
    """A day of answers is the least, a hundred years of send-outs nearly the most."""
    settings = read_settings({"TALLYBOOK_KEEP_RECEIPTS_HOURS": "24", "TALLYBOOK_KEEP_SEND_OUTS_DAYS": "36500"})
    assert (settings.keep_receipts_hours, settings.keep_send_outs_days) == (24, 36_500)
