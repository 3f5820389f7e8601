"""The configuration of one project as it is now: what the rules are decided on. Immutable; a change is a new one."""

from functools import cached_property
from typing import Self, TypeVar
from zoneinfo import ZoneInfo

from tallybook.domain.config import (
    KINDS,
    Campaign,
    Category,
    Document,
    EarningRule,
    Filter,
    MetadataSchema,
    ProductCollection,
    Tier,
    Webhook,
)
from tallybook.domain.records import Project

T = TypeVar("T", bound=Document)
G = TypeVar("G", EarningRule, Tier)

KIND_OF: dict[type[Document], str] = {kind: name for name, kind in KINDS.items()}


class Configuration:
    """Campaigns, earning rules, tiers and webhooks of a project, by id and as the deciding functions ask for them."""

    def __init__(self, project: Project, documents: dict[str, Document]) -> None:
        self.project = project
        self._documents = documents

    def with_document(self, document: Document) -> Self:
        """The same with this document added, or in place of its earlier version."""
        return type(self)(self.project, {**self._documents, document.id: document})

    def without(self, document: Document) -> Self:
        """The same without this document."""
        return type(self)(self.project, {key: one for key, one in self._documents.items() if key != document.id})

    def for_project(self, project: Project) -> Self:
        """The same documents for a changed project row."""
        return type(self)(project, self._documents)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The project's time zone."""
        return ZoneInfo(self.project.time_zone)

    def _all(self, kind: type[T]) -> list[T]:
        found = [one for one in self._documents.values() if isinstance(one, kind)]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    @cached_property
    def campaigns(self) -> list[Campaign]:
        """By `created_at`, then id (decision 41)."""
        return self._all(Campaign)

    @cached_property
    def earning_rules(self) -> dict[str, list[EarningRule]]:
        """The rules of each campaign, by `created_at`, then id (decision 3)."""
        return self._by_campaign(self._all(EarningRule))

    @cached_property
    def tiers(self) -> dict[str, list[Tier]]:
        """The tiers of each campaign, lowest first."""
        return self._by_campaign(sorted(self._all(Tier), key=lambda tier: (tier.points_from, tier.id)))

    @cached_property
    def webhooks(self) -> list[Webhook]:
        """By `created_at`, then id."""
        return self._all(Webhook)

    @cached_property
    def subscribers(self) -> dict[str, list[Webhook]]:
        """Who is told of an event of each name."""
        names = {name for webhook in self.webhooks for name in webhook.events}
        return {name: [webhook for webhook in self.webhooks if name in webhook.events] for name in names}

    @cached_property
    def categories(self) -> list[Category]:
        """By `created_at`, then id."""
        return self._all(Category)

    @cached_property
    def product_collections(self) -> list[ProductCollection]:
        """By `created_at`, then id."""
        return self._all(ProductCollection)

    @cached_property
    def collected(self) -> dict[str, list[Filter]]:
        """What each product collection stands for in the filters of a rule: its products and SKUs."""
        return {one.id: [Filter(object=item.object, id=item.id) for item in one.products] for one in self.product_collections}

    @cached_property
    def metadata_schemas(self) -> dict[str, MetadataSchema]:
        """By the resource they are for, in the alphabet's order."""
        found = {one.related_object: one for one in self._all(MetadataSchema)}
        return dict(sorted(found.items()))

    def campaign(self, key: str) -> Campaign | None:
        """By id, else by name."""
        found = self._documents.get(key)
        if isinstance(found, Campaign):
            return found
        return next((one for one in self.campaigns if one.name == key), None)

    def earning_rule(self, key: str) -> EarningRule | None:
        """By id."""
        found = self._documents.get(key)
        return found if isinstance(found, EarningRule) else None

    def tier(self, key: str | None) -> Tier | None:
        """By id."""
        found = self._documents.get(key or "")
        return found if isinstance(found, Tier) else None

    def webhook(self, key: str) -> Webhook | None:
        """By id."""
        found = self._documents.get(key)
        return found if isinstance(found, Webhook) else None

    def category(self, key: str | None) -> Category | None:
        """By id."""
        found = self._documents.get(key or "")
        return found if isinstance(found, Category) else None

    def product_collection(self, key: str | None) -> ProductCollection | None:
        """By id."""
        found = self._documents.get(key or "")
        return found if isinstance(found, ProductCollection) else None

    def metadata_schema(self, key: str) -> MetadataSchema | None:
        """By id."""
        found = self._documents.get(key)
        return found if isinstance(found, MetadataSchema) else None

    def rule_count(self) -> int:
        """How many earning rules the project has."""
        return sum(map(len, self.earning_rules.values()))

    @staticmethod
    def _by_campaign(documents: list[G]) -> dict[str, list[G]]:
        grouped: dict[str, list[G]] = {}
        for one in documents:
            grouped.setdefault(one.campaign_id, []).append(one)
        return grouped
