"""When something applies, as campaigns and earning rules show it: only what was set."""

from tallybook.domain.config import Validity
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object


def dates(validity: Validity) -> Object:
    """`start_date` and `expiration_date`, where set."""
    shown: Object = {}
    if validity.start_date is not None:
        shown["start_date"] = instant_text(validity.start_date)
    if validity.expiration_date is not None:
        shown["expiration_date"] = instant_text(validity.expiration_date)
    return shown


def windows(validity: Validity) -> Object:
    """The finer windows inside the dates, where set."""
    finer = {
        "validity_timeframe": validity.validity_timeframe,
        "validity_day_of_week": validity.validity_day_of_week,
        "validity_hours": validity.validity_hours,
    }
    return {key: value for key, value in finer.items() if value is not None}
