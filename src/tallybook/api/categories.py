"""/v1/categories"""

from typing import Any

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.usecases.categories import CategoryFields, CreateCategory, DeleteCategory, UpdateCategory, category_of
from tallybook.wire import lists
from tallybook.wire.categories import category_full


def create_category(call: Call) -> Wish:
    """Create a category."""
    return Wish(CreateCategory(**call.wish, fields=call.body(CategoryFields)), category_full)


def update_category(call: Call) -> Wish:
    """Change a category: name and hierarchy are both required."""
    command = UpdateCategory(**call.wish, category_id=call.path["categoryId"], fields=call.body(CategoryFields))
    return Wish(command, category_full)


def delete_category(call: Call) -> Wish:
    """Delete a category; what carried it keeps the id alone."""
    return Wish(DeleteCategory(**call.wish, category_id=call.path["categoryId"]))


def get_category(call: Call, look: Look) -> Any:
    """A category."""
    return category_full(category_of(look.configuration, call.path["categoryId"]))


def list_categories(_: Call, look: Look) -> Any:
    """All categories, newest first."""
    found = look.configuration.categories[::-1]
    return lists.page([category_full(one) for one in found], len(found))


_ONE = "/v1/categories/{categoryId}"

ROUTES = [
    Route("POST", "/v1/categories", "Create category", write=create_category, takes=CategoryFields),
    Route("GET", "/v1/categories", "List categories", read=list_categories),
    Route("GET", _ONE, "Get category", read=get_category),
    Route("PUT", _ONE, "Update category", write=update_category, takes=CategoryFields),
    Route("DELETE", _ONE, "Delete category", write=delete_category, status=204),
]
