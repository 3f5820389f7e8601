"""Publications: the act that gave a card to a customer, as REST and as events show it."""

from tallybook.domain.config import Campaign
from tallybook.domain.occurrence import CardNumbers
from tallybook.domain.records import Card, Customer, Publication
from tallybook.wire.cards import loyalty_card
from tallybook.wire.customers import customer_of_publication, customer_simple
from tallybook.wire.instants import instant_text
from tallybook.wire.json import Object, spliced


def publication_of_event(publication: Publication, customer: Customer, voucher: Object | None = None) -> Object:
    """The form of voucher.published and publication.succeeded; customer.publication.succeeded adds the whole voucher."""
    return _publication(publication, customer_of_publication(customer), voucher)


def publication_full(publication: Publication, customer: Customer, voucher: Object) -> Object:
    """The answer to a publication: with the short customer and the whole voucher. `channel` is API for the API."""
    return _publication(publication, customer_simple(customer), voucher)


def publication_listed(
    publication: Publication,
    customer: Customer,
    card: Card,
    campaign: Campaign,
    numbers: CardNumbers,
) -> Object:
    """The form in a list of publications: the voucher has five keys there."""
    voucher: Object = {
        "code": card.code,
        "object": "voucher",
        "campaign": campaign.name,
        "loyalty_card": loyalty_card(numbers),
        "is_referral_code": False,
    }
    return _publication(publication, customer_simple(customer), voucher)


def _publication(publication: Publication, customer: Object, voucher: Object | None) -> Object:
    shown: Object = {
        "id": publication.id,
        "object": "publication",
        "created_at": instant_text(publication.created_at),
        "customer_id": publication.customer_id,
        "tracking_id": publication.tracking_id,
        "metadata": spliced(publication.metadata),
        "channel": publication.channel,
        "source_id": publication.source_id,
        "result": "SUCCESS",
        "customer": customer,
    }
    if voucher is not None:
        shown["voucher"] = voucher
    shown["vouchers_id"] = [publication.card_id]
    return shown
