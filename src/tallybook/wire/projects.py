"""Projects: a tenant, as the management API answers it. What Tallybook does not do is said to be off."""

from tallybook.domain.records import Project
from tallybook.wire.json import Object

_OFF = (
    "client_redeem_enabled",
    "client_publish_enabled",
    "client_list_vouchers_enabled",
    "client_create_customer_enabled",
    "client_loyalty_events_enabled",
    "client_set_voucher_expiration_date_enabled",
)
_QUOTAS = ("messages", "api_calls", "cycle_calls", "redemptions", "webhook_calls", "bulk_api_calls")
_NO_QUOTA = {"value": 80, "emails": [], "in_app": False, "enabled": False}
_NO_CALLOUT = {"email": False, "emails": [], "in_app": False}


def project_full(project: Project) -> Object:
    """The documented keys. Codes are case sensitive, there is no client-side API, and nobody is notified of quotas."""
    shown: Object = {"id": project.id, "name": project.name}
    if project.currency is not None:
        shown["currency"] = project.currency
    return {
        **shown,
        "timezone": project.time_zone,
        "cluster_id": "self-hosted",
        "api_version": "v2018-08-01",
        **({"description": project.description} if project.description is not None else {}),
        "case_sensitive_codes": True,
        "client_trusted_domains": [],
        **dict.fromkeys(_OFF, False),
        "api_usage_notifications": dict.fromkeys(_QUOTAS, _NO_QUOTA),
        "webhooks_callout_notifications": {"webhooks": _NO_CALLOUT, "distributions": _NO_CALLOUT},
        "is_sandbox": project.sandbox,
        "webhook_version": "v2024-01-01",
    }


def project_made(project: Project, app_id: str, app_token: str) -> Object:
    """The answer to making a project: the whole one, the secret that signs its webhooks, and its first API key.

    Secret and token are shown this once.
    """
    key = {"app_id": app_id, "app_token": app_token}
    return {**project_full(project), "webhook_token": project.webhook_secret, "server_side_key": key}


def project_made_before(project: Project, app_id: str) -> Object:
    """The same answer as it is given again to a request that repeats: without secret and token, which are stored nowhere."""
    return {**project_full(project), "server_side_key": {"app_id": app_id}}
