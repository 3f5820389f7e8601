"""/v1/loyalties: campaigns, earning rules, tiers. And the switch of a campaign under /v1/campaigns."""

from typing import Any

from tallybook.api.call import Call, Look, Route, Wish
from tallybook.api.customers import part
from tallybook.domain.config import Campaign, Document, Tier
from tallybook.domain.refusals import NotFound
from tallybook.store import queries
from tallybook.usecases.campaigns import (
    CampaignFields,
    CampaignView,
    CreateCampaign,
    SwitchCampaign,
    UpdateCampaign,
)
from tallybook.usecases.delete_campaign import DeleteCampaign
from tallybook.usecases.earning_rules import (
    CreateEarningRules,
    DeleteEarningRule,
    EarningRuleFields,
    UpdateEarningRule,
    rule_of,
)
from tallybook.usecases.join_campaign import campaign_of
from tallybook.usecases.tiers import CreateTiers, TierFields
from tallybook.wire import door, lists
from tallybook.wire.campaigns import campaign_full
from tallybook.wire.earning_rules import rule_full
from tallybook.wire.tiers import tier_full

BY_AGE = ("created_at", "-created_at", "updated_at", "-updated_at")
PAGED = ("limit", "page", "order")


def sliced(documents: list[Any], query: Any, default: str) -> tuple[list[Any], int]:
    """One page of configuration documents, and how many there are."""
    wanted = part(query, BY_AGE, default)

    def age(document: Document) -> Any:
        at = document.updated_at or document.created_at if "updated" in wanted.order else document.created_at
        return (at, document.id)

    ordered = sorted(documents, key=age, reverse=wanted.order.startswith("-"))
    start = (wanted.page - 1) * wanted.limit
    return ordered[start : start + wanted.limit], len(documents)


# --- campaigns ---


def create_campaign(call: Call) -> Wish:
    """Create a loyalty campaign."""

    def shown(view: CampaignView) -> Any:
        return campaign_full(view.campaign, view.vouchers_count, view.category)

    return Wish(CreateCampaign(**call.wish, fields=call.body(CampaignFields)), shown)


def update_campaign(call: Call) -> Wish:
    """Change what is sent; the rest stays."""
    command = UpdateCampaign(**call.wish, key=call.path["campaignId"], fields=call.body(CampaignFields))
    return Wish(command, lambda view: campaign_full(view.campaign, view.vouchers_count, view.category))


def delete_campaign(call: Call) -> Wish:
    """Delete a campaign, at once unless cards are being made for it; the answer is the id of an async action."""
    command = DeleteCampaign(**call.wish, key=call.path["campaignId"])
    return Wish(command, lambda action_id: {"async_action_id": action_id})


def _shown_with_counts(look: Look, campaigns: list[Campaign], *, categories: bool) -> list[Any]:
    counts = queries.vouchers_counts(look.connection, [campaign.id for campaign in campaigns])
    named = {one.id: look.configuration.category(one.category_id) if categories else None for one in campaigns}
    return [campaign_full(campaign, counts[campaign.id], named[campaign.id]) for campaign in campaigns]


def get_campaign(call: Call, look: Look) -> Any:
    """A campaign by id or name."""
    campaign = campaign_of(look.configuration, call.path["campaignId"])
    count = queries.vouchers_counts(look.connection, [campaign.id])[campaign.id]
    return campaign_full(campaign, count, look.configuration.category(campaign.category_id))


def list_campaigns(call: Call, look: Look) -> Any:
    """Campaigns, newest first unless asked otherwise; `expand=category` shows their categories whole."""
    found, total = sliced(look.configuration.campaigns, call.query, "-created_at")
    expanded = "category" in door.values_of(call.query, "expand")
    return lists.page(_shown_with_counts(look, found, categories=expanded), total, "campaigns")


def enable_campaign(call: Call) -> Wish:
    """Switch a campaign on."""
    return Wish(SwitchCampaign(**call.wish, key=call.path["campaignId"], active=True), lambda _: {})


def disable_campaign(call: Call) -> Wish:
    """Switch a campaign off: its cards earn nothing while it is."""
    return Wish(SwitchCampaign(**call.wish, key=call.path["campaignId"], active=False), lambda _: {})


# --- earning rules ---


def create_earning_rules(call: Call) -> Wish:
    """Add earning rules: all of the array, or none."""
    rules = call.body(list[EarningRuleFields])
    command = CreateEarningRules(**call.wish, campaign=call.path["campaignId"], rules=rules)
    return Wish(command, lambda made: [rule_full(rule) for rule in made])


def _update(call: Call, fields: EarningRuleFields, word: Any = "updated") -> Wish:
    command = UpdateEarningRule(
        **call.wish, campaign=call.path["campaignId"], rule_id=call.path["earningRuleId"], fields=fields, word=word
    )
    return Wish(command, rule_full)


def update_earning_rule(call: Call) -> Wish:
    """Change what is sent; the rule's event stays."""
    return _update(call, call.body(EarningRuleFields))


def enable_earning_rule(call: Call) -> Wish:
    """Switch a rule on."""
    return _update(call, EarningRuleFields(active=True), "enabled")


def disable_earning_rule(call: Call) -> Wish:
    """Switch a rule off."""
    return _update(call, EarningRuleFields(active=False), "disabled")


def delete_earning_rule(call: Call) -> Wish:
    """Delete a rule; what it awarded stays."""
    return Wish(DeleteEarningRule(**call.wish, campaign=call.path["campaignId"], rule_id=call.path["earningRuleId"]))


def get_earning_rule(call: Call, look: Look) -> Any:
    """A rule of a campaign."""
    return rule_full(rule_of(look.configuration, call.path["campaignId"], call.path["earningRuleId"]))


def list_earning_rules(call: Call, look: Look) -> Any:
    """The rules of a campaign, newest first unless asked otherwise."""
    campaign = campaign_of(look.configuration, call.path["campaignId"])
    found, total = sliced(look.configuration.earning_rules.get(campaign.id, []), call.query, "-created_at")
    return lists.page([rule_full(rule) for rule in found], total)


# --- tiers ---


def create_tiers(call: Call) -> Wish:
    """Add tiers: all of the array, or none."""
    command = CreateTiers(**call.wish, campaign=call.path["campaignId"], tiers=call.body(list[TierFields]))
    return Wish(command, lambda made: [tier_full(tier) for tier in made])


def tier_of(look: Look, campaign_key: str, tier_id: str) -> Tier:
    """A campaign's tier. Refuses: NotFound for either."""
    campaign = campaign_of(look.configuration, campaign_key)
    tier = look.configuration.tier(tier_id)
    if tier is None or tier.campaign_id != campaign.id:
        raise NotFound("loyalty_tier", tier_id)
    return tier


def get_tier(call: Call, look: Look) -> Any:
    """A tier of a campaign."""
    return tier_full(tier_of(look, call.path["campaignId"], call.path["loyaltyTierId"]))


def list_tiers(call: Call, look: Look) -> Any:
    """The tiers of a campaign, newest first unless asked otherwise."""
    campaign = campaign_of(look.configuration, call.path["campaignId"])
    found, total = sliced(look.configuration.tiers.get(campaign.id, []), call.query, "-created_at")
    return lists.page([tier_full(tier) for tier in found], total)


def list_tier_earning_rules(call: Call, look: Look) -> Any:
    """The rules whose points this tier changes."""
    tier = tier_of(look, call.path["campaignId"], call.path["loyaltyTierId"])
    rules = [rule for key in tier.earning_rules if (rule := look.configuration.earning_rule(key))]
    found, total = sliced(rules, call.query, "created_at")
    return lists.page([rule_full(rule) for rule in found], total)


_CAMPAIGN = "/v1/loyalties/{campaignId}"
_RULE = _CAMPAIGN + "/earning-rules/{earningRuleId}"

ROUTES = [
    Route("POST", "/v1/loyalties", "Create loyalty campaign", write=create_campaign, takes=CampaignFields),
    Route("GET", "/v1/loyalties", "List loyalty campaigns", read=list_campaigns, query=(*PAGED, "expand")),
    Route("GET", _CAMPAIGN, "Get loyalty campaign", read=get_campaign),
    Route("PUT", _CAMPAIGN, "Update loyalty campaign", write=update_campaign, takes=CampaignFields),
    Route("DELETE", _CAMPAIGN, "Delete loyalty campaign", write=delete_campaign, query=("force",)),
    Route("POST", "/v1/campaigns/{campaignId}/enable", "Enable campaign", write=enable_campaign),
    Route("POST", "/v1/campaigns/{campaignId}/disable", "Disable campaign", write=disable_campaign),
    Route(
        "POST", _CAMPAIGN + "/earning-rules", "Create earning rules", write=create_earning_rules, takes=list[EarningRuleFields]
    ),
    Route("GET", _CAMPAIGN + "/earning-rules", "List earning rules", read=list_earning_rules, query=PAGED),
    Route("GET", _RULE, "Get earning rule", read=get_earning_rule),
    Route("PUT", _RULE, "Update earning rule", write=update_earning_rule, takes=EarningRuleFields),
    Route("DELETE", _RULE, "Delete earning rule", write=delete_earning_rule, status=204),
    Route("POST", _RULE + "/enable", "Enable earning rule", write=enable_earning_rule),
    Route("POST", _RULE + "/disable", "Disable earning rule", write=disable_earning_rule),
    Route("POST", _CAMPAIGN + "/tiers", "Create loyalty tiers", write=create_tiers, takes=list[TierFields]),
    Route("GET", _CAMPAIGN + "/tiers", "List loyalty tiers", read=list_tiers, query=PAGED),
    Route("GET", _CAMPAIGN + "/tiers/{loyaltyTierId}", "Get loyalty tier", read=get_tier),
    Route(
        "GET",
        _CAMPAIGN + "/tiers/{loyaltyTierId}/earning-rules",
        "List loyalty tier earning rules",
        read=list_tier_earning_rules,
        query=PAGED,
    ),
]
