"""Activities: which events are shown as what a customer, or a member of a programme, went through."""

OURS = frozenset({"customer.earning_rule.skipped"})
"""Events that the documents do not know, and that a typed client cannot read: shown to who asks for them by name alone."""

_OF_MEMBER = (
    "customer.loyalty.tier.",
    "customer.publication.",
    "customer.redemption.",
    "customer.reward_redemptions.",
    "customer.rewarded",
    "customer.voucher.",
)


def is_activity_of_customer(name: str) -> bool:
    """Whether the activity of a customer has events of this name: those about a customer have (webhooks.md 1.6)."""
    return name.startswith("customer.") and name not in OURS


def is_activity_of_member(name: str) -> bool:
    """Whether the activity of a member has events of this name, of those that speak of the card."""
    return name.startswith(_OF_MEMBER)


def category_of(_: str) -> str:
    """ACTION or EFFECT. Every example is an EFFECT, and nothing says what would be an ACTION (webhooks.md 1.1)."""
    return "EFFECT"
