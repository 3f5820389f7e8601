"""Orders: stored, and awarded when they become paid. This is the main road of the system."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from tallybook.domain.canonical import canonical, is_plain, merge
from tallybook.domain.configuration import Configuration
from tallybook.domain.occurrence import CausingEvent, Refs
from tallybook.domain.orders import MAX_AMOUNT, MAX_ITEMS, events_of, numbers_in_bounds, priced, totals
from tallybook.domain.records import Customer, Order, OrderItem
from tallybook.domain.refusals import DuplicateSourceId, InvalidPayload, NotFound
from tallybook.usecases.award_order import award_order
from tallybook.usecases.command import Command, Needs
from tallybook.usecases.customers import CustomerRef, SourceId, ensure_customer, key_of
from tallybook.usecases.metadata_schemas import check_metadata
from tallybook.usecases.order_lines import product_keys, sku_keys, with_goods
from tallybook.usecases.page import Page


class OrderFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about an order. What it does not say stays as it is, and null says nothing. Minor units."""

    id: str | None = None
    source_id: SourceId | None = None
    status: Literal["CREATED", "PAID", "CANCELED", "FULFILLED"] | None = None
    amount: int | None = None
    initial_amount: int | None = None
    discount_amount: int | None = None
    items: list[OrderItem] | None = None
    metadata: dict[str, Any] | None = None
    customer: CustomerRef | None = None
    customer_id: str | None = None
    referrer: CustomerRef | None = None
    referrer_id: str | None = None
    created_at: datetime | None = None

    def keys_of_people(self) -> tuple[str, ...]:
        """The keys of everybody it names."""
        return tuple(key for ref in (self.customer, self.customer_id, self.referrer, self.referrer_id) for key in key_of(ref))


class OrderView(msgspec.Struct, frozen=True):
    """The order as it is now: the answer of the order commands."""

    order: Order


class PutOrder(Command, frozen=True, kw_only=True):
    """Store an order, new or known by id or source id; if it became paid, award what the programmes give, once; tell.

    One award per (order, rule) for ever: decision 6. Rules in the order of decisions 3 and 41. Statuses: decision 44.
    """

    fields: OrderFields
    key: str | None = None
    """The path of an update: that order must be there."""

    def needs(self, configuration: Configuration) -> Needs:
        """The order, the people and products it names, and for each auto-join campaign a card to give."""
        said = (self.key, self.fields.id, self.fields.source_id)
        joins = tuple(campaign.id for campaign in configuration.campaigns if campaign.auto_join)
        items = self.fields.items or ()
        return Needs(
            orders=tuple(key for key in said if key is not None),
            customers=self.fields.keys_of_people(),
            products=product_keys(items),
            skus=sku_keys(items),
            joins=joins,
        )

    def decide(self, page: Page) -> OrderView:
        """Refuses: NotFound for an unknown order or customer id; InvalidPayload for numbers out of bounds;
        DuplicateSourceId for another order's source id.
        """
        known, fields = self._known(page), self.fields
        buyer_id, referrer_id = (known.customer_id, known.referrer_id) if known else (None, None)
        buyer = self._person(page, fields.customer_id if fields.customer is None else fields.customer, buyer_id)
        referrer = self._person(page, fields.referrer_id if fields.referrer is None else fields.referrer, referrer_id)
        order = changed_order(page, known, fields, buyer.id if buyer else buyer_id, referrer.id if referrer else referrer_id)
        if order is known:
            return OrderView(order)
        return OrderView(store_order(page, known, order, buyer, referrer))

    def _known(self, page: Page) -> Order | None:
        key = self.key or self.fields.id
        source_id = self.fields.source_id
        known = page.order(key) if key else page.order(source_id)
        if known is None and key:
            raise NotFound("order", key)
        if known is not None and source_id is not None and known.source_id != source_id:
            other = page.order(source_id)
            if other is not None and other.id != known.id and other.source_id == source_id:
                raise DuplicateSourceId("Order", source_id)
        return known

    @staticmethod
    def _person(page: Page, ref: CustomerRef | None, known_id: str | None) -> Customer | None:
        return page.customer(known_id) if ref is None else ensure_customer(page, ref)


def changed_order(
    page: Page, known: Order | None, fields: OrderFields, customer_id: str | None, referrer_id: str | None
) -> Order:
    """The order as the fields make it; the known one itself when they change nothing (decision 43)."""
    old = known or Order(id=page.ordered_id("ord_"), project_id=page.project_id, created_at=page.now)
    said: dict[str, Any] = {"customer_id": customer_id, "referrer_id": referrer_id}
    lines = order_items(old.items)
    if fields.items is not None:
        lines = _lines(page, lines, fields.items)
        said["items"] = _lines_text(lines)
    if fields.metadata is not None:
        said["metadata"] = merge(old.metadata, fields.metadata)
        check_metadata(page.configuration, "order", said["metadata"])
    for name in ("source_id", "status", "initial_amount", "created_at"):
        if (value := getattr(fields, name)) is not None:
            said[name] = value
    said |= _amounts(old, fields, lines)
    changed = any(getattr(old, name) != value for name, value in said.items())
    return msgspec.structs.replace(old, **said) if changed or known is None else old


def _amounts(old: Order, fields: OrderFields, lines: list[OrderItem]) -> dict[str, int | None]:
    for name in ("amount", "initial_amount", "discount_amount"):
        value = getattr(fields, name)
        if value is not None and not 0 <= value <= MAX_AMOUNT:
            raise InvalidPayload(f"Property .{name} must be >= 0 and <= {MAX_AMOUNT}")
    amount, discount = fields.amount, fields.discount_amount
    if amount is None:
        amount = old.amount if fields.items is None else None
    if discount is None:
        discount = old.discount_amount
    found = totals(lines, amount, discount)
    if (found["amount"] or 0) > MAX_AMOUNT:
        raise InvalidPayload(f"Property .amount must be >= 0 and <= {MAX_AMOUNT}")
    return found


def order_items(text: str) -> list[OrderItem]:
    """The lines of a stored order."""
    return msgspec.json.decode(text, type=list[OrderItem])


def _lines(page: Page, before: list[OrderItem], items: list[OrderItem]) -> list[OrderItem]:
    """The lines as they are kept: priced, each with its id, which a line that did not change keeps."""
    if len(items) > MAX_ITEMS:
        raise InvalidPayload(f"Property .items must NOT have more than {MAX_ITEMS} items")
    lines = []
    for position, said in enumerate(items):
        item = priced(with_goods(page, said, f".items[{position}]"))
        if wrong := numbers_in_bounds(item):  # it is told of what was said, before what follows from it
            raise InvalidPayload(f"Property .items[{position}]{numbers_in_bounds(said) or wrong}")
        if said.metadata:
            check_metadata(page.configuration, "order_item", canonical(said.metadata))
        kept = before[position].id if position < len(before) else None
        if kept is None or msgspec.structs.replace(before[position], id=item.id) != item:
            kept = page.ordered_id("ordli_")
        lines.append(msgspec.structs.replace(item, id=kept))
    return lines


def _lines_text(lines: list[OrderItem]) -> str:
    if all(is_plain(inner) for line in lines for inner in (line.product, line.sku, line.metadata) if inner):
        return msgspec.json.encode(lines).decode()
    return canonical(msgspec.to_builtins(lines))


def store_order(page: Page, known: Order | None, order: Order, buyer: Customer | None, referrer: Customer | None = None) -> Order:
    """Writes the order, tells what happened to it, and awards it if it became paid."""
    words = events_of(known, order)
    told_at = page.tick()
    first_paid = order.status == "PAID" and order.paid_at is None
    if first_paid:
        order = msgspec.structs.replace(order, paid_at=told_at)
    if known is not None:
        order = msgspec.structs.replace(order, updated_at=page.tick())
    page.put(order)
    if buyer is None:
        return order
    if first_paid:
        buyer = page.put(_with_order(page.customer(buyer.id) or buyer, order, told_at))
    if referrer is not None:
        page.subject(referrer)  # payloads find who referred the order among the subjects
    refs = Refs(customer=page.subject(buyer), order=page.subject(order))
    events = {word: page.emit(f"customer.order.{word}", buyer.id, refs, buyer.id, told_at) for word in words}
    if paid := events.get("paid"):
        cause = CausingEvent(id=paid.id, type=paid.name, entity_id=paid.entity_id, created_at=told_at)
        award_order(page, buyer, order, cause)
    return order


def _with_order(customer: Customer, order: Order, at: datetime) -> Customer:
    return msgspec.structs.replace(
        customer,
        orders_count=customer.orders_count + 1,
        orders_amount=customer.orders_amount + (order.total_amount or 0),
        last_order_amount=order.total_amount or 0,
        last_order_at=at,
    )
