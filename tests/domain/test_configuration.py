"""The configuration of a project: in which order things come, and how they are found."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from tallybook.domain.codes import code_config
from tallybook.domain.config import Campaign, Document, EarningRule, Formula, Tier, Webhook
from tallybook.domain.configuration import Configuration
from tallybook.domain.records import Project

AT = datetime(2025, 1, 1, tzinfo=UTC)
PROJECT = Project(id="proj", name="Test", time_zone="Europe/Warsaw", webhook_secret="secret", created_at=AT)


def at(minutes: int) -> datetime:
    """An instant."""
    return AT + timedelta(minutes=minutes)


def campaign(id: str, minutes: int = 0, name: str | None = None) -> Campaign:
    """A campaign; its id is its name, if it has no other."""
    return Campaign(id=id, name=name or id, created_at=at(minutes), code_config=code_config(8, None, None, None, None))


def rule(id: str, campaign_id: str, minutes: int = 0) -> EarningRule:
    """A rule of a campaign."""
    return EarningRule(
        id=id, campaign_id=campaign_id, automation_id="auto", loyalty=Formula(type="FIXED", points=1), created_at=at(minutes)
    )


def tier(id: str, campaign_id: str, points_from: int, minutes: int = 0) -> Tier:
    """A tier of a campaign."""
    return Tier(id=id, campaign_id=campaign_id, name=id, points_from=points_from, created_at=at(minutes))


def webhook(id: str, *events: str, minutes: int = 0, active: bool = True) -> Webhook:
    """A webhook that asks for some events."""
    return Webhook(id=id, target_url="https://example.com/", events=list(events), active=active, created_at=at(minutes))


def configured(*documents: Document) -> Configuration:
    """A configuration of these."""
    return Configuration(PROJECT, {document.id: document for document in documents})


def test_the_order_of_programmes_and_their_rules() -> None:
    """Campaigns by age, their rules by age, the id where that is the same: whichever was stored first (decisions 3 and 41)."""
    campaigns = (campaign("b", 1), campaign("a", 2), campaign("0", 2))
    found = configured(rule("r3", "b", 5), *campaigns, rule("r2", "b", 4), rule("r1", "b", 5), rule("r0", "a"))
    assert [one.id for one in found.campaigns] == ["b", "0", "a"]
    assert {key: [one.id for one in rules] for key, rules in found.earning_rules.items()} == {
        "b": ["r2", "r1", "r3"],
        "a": ["r0"],
    }
    assert found.rule_count() == 4


def test_tiers_lowest_first() -> None:
    """The tiers of a campaign come by their ranges, whatever their age."""
    found = configured(tier("gold", "a", 500, 1), tier("basic", "a", 0, 3), tier("silver", "a", 100, 2), tier("other", "b", 50))
    assert {key: [one.id for one in tiers] for key, tiers in found.tiers.items()} == {
        "a": ["basic", "silver", "gold"],
        "b": ["other"],
    }


def test_a_campaign_by_id_or_name() -> None:
    """An id comes before a name that reads the same; names are found; what is no campaign is not."""
    first, second = campaign("camp_1", name="Summer"), campaign("camp_2", name="camp_1")
    found = configured(first, second, rule("ern_1", "camp_1"))
    assert [found.campaign(key) for key in ("camp_1", "camp_2", "Summer", "summer", "ern_1", "")] == [
        first, second, first, None, None, None,
    ]  # fmt: skip


def test_a_document_by_id_is_of_its_kind() -> None:
    """Asking for a rule, a tier or a webhook by the id of something else finds nothing."""
    documents = (rule("ern_1", "a"), tier("ltr_1", "a", 0), webhook("wh_1"))
    found = configured(*documents)
    ids = ["ern_1", "ltr_1", "wh_1", "none"]
    assert [found.earning_rule(key) for key in ids] == [documents[0], None, None, None]
    assert [found.tier(key) for key in ids] == [None, documents[1], None, None]
    assert [found.webhook(key) for key in ids] == [None, None, documents[2], None]
    assert found.tier(None) is None


def test_who_is_told_of_what() -> None:
    """Each webhook that asked for a name is told, oldest first, also while it is off: what it is told waits (decision 49)."""
    found = configured(webhook("b", "x", "y", minutes=1), webhook("a", "y", minutes=2, active=False), webhook("c", "x"))
    assert {name: [one.id for one in told] for name, told in found.subscribers.items()} == {"x": ["c", "b"], "y": ["b", "a"]}


def test_a_change_is_a_new_configuration() -> None:
    """Adding, replacing and removing leave the configuration they start from as it was."""
    before = configured(campaign("a"), tier("t", "a", 0))
    renamed = msgspec.structs.replace(campaign("a"), name="Renamed", version=2)
    after = before.with_document(renamed).with_document(campaign("b", 1)).without(tier("t", "a", 0))
    assert [one.name for one in after.campaigns] == ["Renamed", "b"]
    assert (after.tiers, after.campaign("a")) == ({}, renamed)
    assert ([one.name for one in before.campaigns], list(before.tiers)) == (["a"], ["a"])


def test_a_changed_project_keeps_its_documents() -> None:
    """A moved test clock changes the project and nothing else."""
    before = configured(campaign("a"))
    moved = msgspec.structs.replace(PROJECT, test_now=at(60))
    after = before.for_project(moved)
    assert (after.project, after.campaigns, before.project) == (moved, before.campaigns, PROJECT)
    assert after.zone == ZoneInfo("Europe/Warsaw")
