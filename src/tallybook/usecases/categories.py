"""Categories: labels that campaigns and cards carry."""

import msgspec

from tallybook.domain.config import Category
from tallybook.domain.configuration import Configuration
from tallybook.domain.refusals import DuplicateFound, InvalidPayload, NotFound
from tallybook.usecases.command import Command
from tallybook.usecases.page import Page


class CategoryFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about a category: both are required."""

    name: str | None = None
    hierarchy: int | None = None


def category_of(configuration: Configuration, category_id: str) -> Category:
    """A category by id. Refuses: NotFound."""
    category = configuration.category(category_id)
    if category is None:
        raise NotFound("category", category_id)
    return category


def category_id_of(configuration: Configuration, category_id: str | None, name: str | None) -> str | None:
    """The id of the category that a request names by id or by name: null when it names none, empty to take it away.

    Refuses: NotFound for an id or a name that no category has.
    """
    if category_id:
        return category_of(configuration, category_id).id
    if category_id is not None or not name:
        return category_id if category_id is not None else name
    named = next((one for one in configuration.categories if one.name == name), None)
    if named is None:
        raise NotFound("category", name)
    return named.id


def _checked(page: Page, fields: CategoryFields, known: Category | None = None) -> tuple[str, int]:
    """Name and hierarchy, when both are there and the name is nobody else's."""
    if not fields.name:
        raise InvalidPayload("Payload should have required property 'name'")
    if fields.hierarchy is None:
        raise InvalidPayload("Payload should have required property 'hierarchy'")
    if fields.hierarchy < 0:
        raise InvalidPayload("Property .hierarchy must be >= 0")
    if any(one.name == fields.name and one is not known for one in page.configuration.categories):
        raise DuplicateFound("category", fields.name)
    return fields.name, fields.hierarchy


class CreateCategory(Command, frozen=True, kw_only=True):
    """Create a category. Campaigns may name it by its name, so that is unique."""

    fields: CategoryFields

    def decide(self, page: Page) -> Category:
        """Refuses: InvalidPayload for a negative hierarchy; DuplicateFound for a name that is taken."""
        name, hierarchy = _checked(page, self.fields)
        return page.configure(Category(id=page.ordered_id("cat_"), name=name, hierarchy=hierarchy, created_at=page.now))


class UpdateCategory(Command, frozen=True, kw_only=True):
    """Change a category. What carries it shows the new name from then on; events keep the old one."""

    category_id: str
    fields: CategoryFields

    def decide(self, page: Page) -> Category:
        """Refuses: NotFound; InvalidPayload; DuplicateFound. A change of nothing writes nothing (decision 43)."""
        known = category_of(page.configuration, self.category_id)
        name, hierarchy = _checked(page, self.fields, known)
        changed = msgspec.structs.replace(known, name=name, hierarchy=hierarchy)
        if changed == known:
            return known
        return page.configure(msgspec.structs.replace(changed, updated_at=page.tick(), version=known.version + 1))


class DeleteCategory(Command, frozen=True, kw_only=True):
    """Delete a category. What carried it keeps its id and shows no name any more."""

    category_id: str

    def decide(self, page: Page) -> None:
        """Refuses: NotFound."""
        page.tick()
        page.discard(category_of(page.configuration, self.category_id))
