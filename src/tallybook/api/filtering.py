"""`filters` of a list: read from the query, and taken along to the store."""

from tallybook.api.call import Call, Look
from tallybook.clock import real_now
from tallybook.domain.filters import Moment
from tallybook.store.filters import Fields, Narrowing, kinds
from tallybook.wire.filters import read_filters


def narrowed(call: Call, look: Look, fields: Fields) -> Narrowing:
    """Which rows the query lets through; words such as `today` are about the project's clock. Refuses: Malformed."""
    filters = read_filters(call.query.get("filters"), kinds(fields))
    now = look.configuration.project.test_now or real_now()
    return Narrowing(filters, fields, Moment(now, look.configuration.zone))
