"""What a shop does, step by step, through the official client. Each shop has names of its own, so tests share a server."""

import itertools
from typing import Any

import voucherify

from tests.acceptance.official import Client

FIXED_TEN = {"type": "FIXED", "points": 10}


def per_amount(every: int, points: int, of: str = "total_amount") -> dict[str, Any]:
    """A formula: `points` for each whole `every` cents of the order's total amount, or of its amount."""
    return {"type": "PROPORTIONAL", "calculation_type": f"ORDER_{of.upper()}", "order": {of: {"every": every, "points": points}}}


def days(count: int) -> dict[str, Any]:
    """How long the points of a rule wait."""
    return {"period_type": "DAY", "period_value": count}


class Shop:
    """A shop and its members. `tag` makes its names differ from those of other tests."""

    def __init__(self, client: Client, tag: str) -> None:
        self.client = client
        self._tag = tag
        self._numbers = itertools.count(1)
        self._campaigns: list[str] = []

    def name(self, what: str) -> str:
        """A name that nothing else has."""
        return f"{what}-{self._tag}-{next(self._numbers)}"

    def programme(self, expiration_rules: dict[str, Any] | None = None, points: int = 0, **fields: Any) -> Any:
        """Start a loyalty programme whose cards begin with `points`."""
        card = {"points": points} | ({"expiration_rules": expiration_rules} if expiration_rules else {})
        body = {
            "name": self.name("programme"),
            "type": "AUTO_UPDATE",
            "campaign_type": "LOYALTY_PROGRAM",
            "voucher": {"type": "LOYALTY_CARD", "loyalty_card": card},
        } | fields
        campaign = self.client.loyalties.create_loyalty_program(
            voucherify.LoyaltiesCreateCampaignRequestBody.model_validate(body)
        )
        self._campaigns.append(campaign.id)
        return campaign

    def rules(self, campaign_id: str, *bodies: dict[str, Any]) -> list[Any]:
        """Add earning rules in one request."""
        items = [
            voucherify.LoyaltiesEarningRulesCreateRequestBodyItem.model_validate({"event": "order.paid", "active": True} | body)
            for body in bodies
        ]
        return list(self.client.loyalties.create_earning_rule(campaign_id, items))

    def rule(self, campaign_id: str, loyalty: dict[str, Any], **fields: Any) -> Any:
        """Add one rule for paid orders."""
        (rule,) = self.rules(campaign_id, {"loyalty": loyalty, "source": {"banner": self.name("rule")}} | fields)
        return rule

    def tiers(self, campaign_id: str, *bodies: dict[str, Any]) -> list[Any]:
        """Add tiers in one request; give them as JSON, since the official client cannot read a fractional multiplier."""
        answer = self.client.ask("POST", f"/v1/loyalties/{campaign_id}/tiers", list(bodies))
        assert answer.status == 200, answer
        return list(answer.json)

    def customer(self, **fields: Any) -> Any:
        """Make a customer known."""
        body = {"source_id": self.name("customer"), "name": "Alex Doe"} | fields
        return self.client.customers.create_customer(voucherify.CustomersCreateRequestBody.model_validate(body))

    def join(self, campaign_id: str, source_id: str | None = None, **fields: Any) -> Any:
        """Give a customer, made known on the way, a card; give the card."""
        body = {"customer": {"source_id": source_id or self.name("customer")}} | fields
        return self.client.loyalties.add_member(campaign_id, voucherify.LoyaltiesMembersCreateRequestBody.model_validate(body))

    def order(self, **fields: Any) -> Any:
        """Send an order; one with a source id or id that is known is written over."""
        return self.client.orders.create_order(voucherify.OrdersCreateRequestBody.model_validate(fields))

    def pay(self, customer_id: str, amount: int = 1000, **fields: Any) -> Any:
        """Send an order of `amount` cents that is paid at once."""
        body = {"source_id": self.name("order"), "status": "PAID", "amount": amount, "customer": {"id": customer_id}} | fields
        return self.order(**body)

    def update_order(self, order_id: str, **fields: Any) -> Any:
        """Change an order."""
        return self.client.orders.update_order(order_id, voucherify.OrdersUpdateRequestBody.model_validate(fields))

    def adjust(self, code: str, points: int, **fields: Any) -> Any:
        """Give points to a card by hand, or take some from it."""
        body = voucherify.LoyaltiesMembersBalanceUpdateRequestBody.model_validate({"points": points} | fields)
        return self.client.loyalties.update_loyalty_card_balance(code, body)

    def waiting(self, code: str) -> list[Any]:
        """The points that wait on a card, those that are activated first in front."""
        listed = self.client.get(f"/v1/loyalties/members/{code}/pending-points?limit=100&order=id")
        assert listed["has_more"] is False
        return list(listed["data"])

    def activate(self, code: str, entry_id: str) -> Any:
        """Put waiting points on their card now."""
        return self.client.loyalties.activate_member_pending_points(code, entry_id)

    def adjust_waiting(self, code: str, entry_id: str, points: int) -> Any:
        """Change by so many points what an entry will give."""
        body = voucherify.LoyaltiesMembersPendingPointsBalanceRequestBody(points=points)
        return self.client.loyalties.adjust_member_pending_points(code, entry_id, body)

    def card(self, code: str) -> Any:
        """A card as it is now."""
        return self.client.get(f"/v1/loyalties/members/{code}")

    def points(self, code: str) -> int:
        """The balance of a card."""
        balance: int = self.card(code)["loyalty_card"]["balance"]
        return balance

    def transactions(self, code: str) -> list[Any]:
        """The ledger of a card, oldest first."""
        listed = self.client.get(f"/v1/loyalties/members/{code}/transactions?limit=100&order=id")
        assert listed["has_more"] is False
        return list(listed["data"])

    def close(self) -> None:
        """Switch the programmes off, so that they give nothing to the customers of other tests."""
        for campaign_id in self._campaigns:
            self.client.ask("POST", f"/v1/campaigns/{campaign_id}/disable")
