"""Products and SKUs: found again by every key, read by one statement for a batch, and by none when nobody names any."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from tallybook.domain.records import Product, Sku
from tallybook.domain.refusals import DuplicateFound, NotFound
from tallybook.store import driver, queries_products
from tallybook.store.database import Database
from tallybook.store.migrate import migrate
from tallybook.store.queries import Slice
from tallybook.usecases.products import DeleteProduct, DeleteSku, ProductFields, PutProduct, PutSku, SkuFields, UpdateSku
from tallybook.usecases.put_order import OrderFields, PutOrder
from tests.books import PROJECT, WAIT_SECONDS, Book, empty_book, engine_on, put_order, submit
from tests.store.test_records import full, write


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    """A book with a project and nothing else."""
    with empty_book(database_url) as book:
        yield book


def product(book: Book, **said: Any) -> Any:
    """Create or change a product."""
    return book.do(PutProduct(project_id=PROJECT, fields=ProductFields(**said)))


def sku(book: Book, of: str, **said: Any) -> Any:
    """Create or change a SKU."""
    return book.do(PutSku(project_id=PROJECT, product=of, fields=SkuFields(**said)))


def order(*items: dict[str, Any], source_id: str = "order") -> PutOrder:
    """The command of an order with these lines."""
    said = {"source_id": source_id, "status": "PAID", "customer": {"source_id": "bob"}, "items": list(items)}
    return PutOrder(project_id=PROJECT, fields=msgspec.convert(said, OrderFields))


@contextlib.contextmanager
def statements() -> Iterator[list[str]]:
    """What the database is asked about products and SKUs."""
    asked: list[str] = []
    execute = driver.execute

    def note(connection: Connection, text: str, values: Any) -> Any:
        if re.search(r"FROM (products|skus)", text):
            asked.append(text)
        return execute(connection, text, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "execute", note)
        yield asked


def lines(book: Book) -> list[Any]:
    """The lines of the order as stored, without their ids."""
    stored = book.do(PutOrder(project_id=PROJECT, fields=OrderFields(), key="order")).order
    return [{key: value for key, value in line.items() if key != "id"} for line in msgspec.json.decode(stored.items)]


def test_a_product_is_found_by_id_and_by_source_id(book: Book) -> None:
    """Whoever names it changes the same one; what is not said stays."""
    made = product(book, source_id="shirt", name="Shirt", price=500, attributes=["size"], metadata={"a": 1})
    assert product(book, source_id="shirt", price=600).id == made.id
    changed = product(book, id=made.id, metadata={"b": 2})
    with book.database.reading() as connection:
        found = queries_products.get_product(connection, PROJECT, "shirt")
        assert found == queries_products.get_product(connection, PROJECT, made.id)
        assert queries_products.get_product(connection, "proj_other", made.id) is None
    assert found is not None
    assert msgspec.structs.replace(found, version=0) == msgspec.structs.replace(changed, version=0)
    assert (found.name, found.price, found.attributes, found.metadata) == ("Shirt", 600, '["size"]', '{"a":1,"b":2}')
    assert found.version == 3


def test_two_live_products_never_have_one_source_id(database_url: str) -> None:
    """The database refuses a second, whoever decided on it; a deleted one does not count. SKUs likewise."""
    with contextlib.closing(Database(database_url)) as database:
        migrate(database)
        for kind in (Product, Sku):
            gone, one, twin = full(kind, id="a"), full(kind, id="b", deleted_at=None), full(kind, id="c", deleted_at=None)
            write(database, gone, one)
            with pytest.raises(IntegrityError):
                write(database, twin)


def test_a_sku_is_not_added_to_a_product_that_goes(postgres_url: str) -> None:
    """Of two processes, one that adds a SKU and one that deletes the product, one loses and decides again."""
    with empty_book(postgres_url) as book, contextlib.closing(Database(postgres_url)) as other, engine_on(other, 2) as second:
        for number in range(20):
            key = f"shirt-{number}"
            product(book, source_id=key)
            added = submit(book.engine, PutSku(project_id=PROJECT, product=key, fields=SkuFields(source_id=key)))
            deleted = submit(second, DeleteProduct(project_id=PROJECT, key=key))
            assert deleted.result(WAIT_SECONDS).answer is None
            answer = added.result(WAIT_SECONDS).answer
            assert isinstance(answer, NotFound | Sku)
        assert book.verify().findings == []


def test_saying_the_same_again_writes_nothing(book: Book) -> None:
    """Neither a version nor `updated_at` (decision 43)."""
    made = product(book, source_id="shirt", name="Shirt")
    again = product(book, source_id="shirt", name="Shirt")
    assert (again.updated_at, again.version) == (None, 1)
    assert again.id == made.id


def test_a_source_id_has_one_product_and_one_sku(book: Book) -> None:
    """Another's is refused, whatever the products are."""
    one, other = product(book, source_id="one"), product(book, source_id="other")
    sku(book, "one", source_id="s")
    with pytest.raises(DuplicateFound):
        product(book, id=other.id, source_id="one")
    with pytest.raises(DuplicateFound):
        sku(book, "other", source_id="s")
    with pytest.raises(NotFound):
        product(book, id="prod_unknown", name="x")
    with pytest.raises(NotFound):
        book.do(UpdateSku(project_id=PROJECT, product=other.id, key="s", fields=SkuFields(price=1)))
    assert one.id < other.id


def test_a_deleted_product_is_gone_with_its_skus(book: Book) -> None:
    """Unknown by every key; the source ids are free again at once, also within the batch."""
    made = product(book, source_id="shirt")
    sku(book, "shirt", source_id="s"), sku(book, "shirt", source_id="m")
    answers = book.together(
        [
            DeleteProduct(project_id=PROJECT, key="shirt"),
            PutSku(project_id=PROJECT, product="shirt", fields=SkuFields(source_id="l")),
            PutProduct(project_id=PROJECT, fields=ProductFields(source_id="shirt", name="New")),
        ]
    )
    assert answers[0] is None
    assert isinstance(answers[1], NotFound)
    assert answers[2].id != made.id
    with book.database.reading() as connection:
        assert queries_products.get_sku(connection, PROJECT, "s") is None
        assert queries_products.list_skus(connection, PROJECT, made.id, Slice()) == ([], 0)
        assert [one.name for one in queries_products.list_products(connection, PROJECT, Slice())[0]] == ["New"]
    assert sku(book, "shirt", source_id="s").product_id == answers[2].id
    assert book.verify().findings == []


def test_a_deleted_sku_leaves_the_others(book: Book) -> None:
    """Only that one is gone."""
    made = product(book, source_id="shirt")
    sku(book, "shirt", source_id="s"), sku(book, "shirt", source_id="m")
    book.do(DeleteSku(project_id=PROJECT, product="shirt", key="s"))
    with book.database.reading() as connection:
        assert [one.source_id for one in queries_products.skus_of(connection, PROJECT, [made.id])[made.id]] == ["m"]


def test_orders_that_name_no_product_ask_nothing(book: Book) -> None:
    """A line with a source id alone names nothing stored, and costs no read."""
    with statements() as asked:
        book.do(put_order("order"))
    assert asked == []


def test_a_batch_asks_once_for_all_products(book: Book) -> None:
    """Whatever its orders name, known or not; and once for their SKUs."""
    product(book, source_id="shirt", price=500)
    commands = [
        order({"source_id": "shirt", "related_object": "product", "quantity": n}, {"product_id": f"prod_{n}"}, source_id=f"o{n}")
        for n in range(1, 6)
    ]
    with statements() as asked:
        answers = book.together(commands)
    assert [answer.order.amount for answer in answers] == [500, 1000, 1500, 2000, 2500]
    assert len(asked) == 1
    with statements() as asked:
        book.do(order({"sku_id": "sku_unknown", "quantity": 1}, source_id="another"))
    assert len(asked) == 1


def test_a_line_takes_what_is_stored(book: Book) -> None:
    """By product id, source id, SKU id or the SKU's source id: id, name, metadata and price; what the line says counts."""
    shirt = product(book, source_id="shirt", name="Shirt", price=500, metadata={"color": "blue"})
    small = sku(book, "shirt", source_id="shirt-s", sku="Small", price=0)
    bare = product(book, name="Bare")
    shown = {"id": shirt.id, "source_id": "shirt", "name": "Shirt", "metadata": {"color": "blue"}, "price": 500}
    shown_sku = {"id": small.id, "source_id": "shirt-s", "sku": "Small", "price": 0}
    book.do(
        order(
            {"product_id": shirt.id, "quantity": 2},
            {"source_id": "shirt", "related_object": "product", "quantity": 1, "price": 450},
            {"sku_id": small.id, "quantity": 3},
            {"source_id": "shirt-s", "related_object": "sku", "amount": 70},
            {"product_id": bare.id, "quantity": 1},
            {"product_id": shirt.id, "product": {"name": "My shirt", "price": 5, "metadata": {"size": "S"}}},
        )
    )
    first, second, third, fourth, fifth, sixth = lines(book)
    by_source = {"source_id": "shirt", "related_object": "product"}
    assert first == {
        "product_id": shirt.id,
        "quantity": 2,
        "amount": 1000,
        "price": 500,
        "subtotal_amount": 1000,
        "product": shown,
    }
    assert second == {**by_source, "quantity": 1, "amount": 450, "price": 450, "subtotal_amount": 450, "product": shown}
    assert third == {
        "product_id": shirt.id,
        "sku_id": small.id,
        "quantity": 3,
        "amount": 0,
        "price": 0,
        "subtotal_amount": 0,
        "product": shown,
        "sku": shown_sku,
    }
    assert fourth == {
        "source_id": "shirt-s",
        "related_object": "sku",
        "product_id": shirt.id,
        "quantity": 1,
        "amount": 70,
        "price": 0,
        "subtotal_amount": 70,
        "product": shown,
        "sku": shown_sku,
    }
    assert fifth == {"product_id": bare.id, "quantity": 1, "product": {"id": bare.id, "name": "Bare"}}
    assert sixth["product"] == shown | {"name": "My shirt", "price": 5, "metadata": {"color": "blue", "size": "S"}}
    assert sixth["amount"] == 5


def test_unknown_products_stay_as_they_were_said(book: Book) -> None:
    """No name, no price, nothing stored; a product without `override` is only shown."""
    book.do(
        order(
            {"product_id": "prod_unknown", "quantity": 1, "price": 10},
            {"source_id": "x", "related_object": "product", "product": {"name": "X", "price": 7}, "quantity": 2},
        )
    )
    assert lines(book) == [
        {"product_id": "prod_unknown", "quantity": 1, "amount": 10, "price": 10, "subtotal_amount": 10},
        {
            "source_id": "x",
            "related_object": "product",
            "quantity": 2,
            "amount": 14,
            "price": 7,
            "subtotal_amount": 14,
            "product": {"name": "X", "price": 7},
        },
    ]
    with book.database.reading() as connection:
        assert queries_products.list_products(connection, PROJECT, Slice()) == ([], 0)


def test_override_stores_what_an_order_says(book: Book) -> None:
    """Unknown products and SKUs are created, known ones changed, for everybody (semantics 9)."""
    book.do(
        order(
            {
                "source_id": "ComicBook_1",
                "related_object": "sku",
                "quantity": 1,
                "product": {"source_id": "Books", "name": "Comic Books", "price": 2100, "override": True},
                "sku": {"sku": "Comics1", "source_id": "ComicBook_1", "price": 1700, "override": True},
            }
        )
    )
    changed = {"source_id": "Books", "related_object": "product", "product": {"price": 2200, "override": True}}
    book.do(order(changed, source_id="later"))
    with book.database.reading() as connection:
        (books,), _ = queries_products.list_products(connection, PROJECT, Slice())
        (comics,), _ = queries_products.list_skus(connection, PROJECT, books.id, Slice())
    assert (books.source_id, books.name, books.price) == ("Books", "Comic Books", 2200)
    assert (comics.source_id, comics.sku, comics.price) == ("ComicBook_1", "Comics1", 1700)
    assert lines(book) == [
        {
            "source_id": "ComicBook_1",
            "related_object": "sku",
            "product_id": books.id,
            "quantity": 1,
            "amount": 1700,
            "price": 1700,
            "subtotal_amount": 1700,
            "product": {"id": books.id, "source_id": "Books", "name": "Comic Books", "price": 2100},
            "sku": {"id": comics.id, "source_id": "ComicBook_1", "sku": "Comics1", "price": 1700},
        }
    ]
    assert book.verify().findings == []


def test_orders_of_one_batch_store_a_product_once(book: Book) -> None:
    """The second finds what the first created."""
    line = {"source_id": "x", "related_object": "product", "product": {"name": "X", "price": 5, "override": True}}
    answers = book.together([order(line, source_id="first"), order(line, source_id="second")])
    shown = [msgspec.json.decode(answer.order.items)[0]["product"]["id"] for answer in answers]
    assert shown[0] == shown[1]
    with book.database.reading() as connection:
        assert queries_products.list_products(connection, PROJECT, Slice())[1] == 1
