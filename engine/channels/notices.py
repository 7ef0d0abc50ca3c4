"""What an account notice means: a template's new status, a restriction that stops sending, a new messaging limit.

Read by the receiver (what must be live at once) and by the recorder (what pages show). An unknown event means nothing
here; it is recorded as it is. Source: WhatsApp Cloud API, webhook reference, 2026-11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RECORDED_FIELDS = frozenset(
    {
        "message_template_status_update",
        "message_template_quality_update",
        "message_template_components_update",
        "template_category_update",
        "phone_number_quality_update",
        "phone_number_name_update",
        "business_capability_update",
        "account_update",
        "account_alerts",
        "account_review_update",
        "errors",
    }
)
"""Fields that are recorded; others may hold people's numbers and are passed over."""

_STATUSES = frozenset(
    {
        "APPROVED",
        "PENDING",
        "REJECTED",
        "PAUSED",
        "DISABLED",
        "IN_APPEAL",
        "PENDING_DELETION",
        "DELETED",
        "LIMIT_EXCEEDED",
        "ARCHIVED",
        "LOCKED",
    }
)
_SENDABLE = "APPROVED"
_TIERS = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1_000,
    "TIER_2K": 2_000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": -1,
}
_STOPPING_EVENTS = frozenset({"ACCOUNT_DELETED", "ACCOUNT_OFFBOARDED"})
_STOPPING_RESTRICTION = "RESTRICTED_BIZ_INITIATED_MESSAGING"


@dataclass(frozen=True, slots=True)
class TemplateNews:
    """What a notice says of one template; empty text: nothing of that kind."""

    name: str
    language: str
    status: str = ""
    reason: str = ""
    quality: str = ""
    category: str = ""

    @property
    def key(self) -> str:
        """How an operation's ledger names its template."""
        return f"{self.name}/{self.language}"

    @property
    def stops_sending(self) -> bool:
        """Whether messages of the template can't be sent any more."""
        return bool(self.status) and self.status != _SENDABLE


def template_news(field: str, value: dict[str, Any]) -> TemplateNews | None:
    """What a notice says of a template, or None."""
    name, language = _text(value, "message_template_name"), _text(value, "message_template_language")
    if not name or not language:
        return None
    language = language.replace("-", "_")
    if field == "message_template_quality_update":
        return TemplateNews(name, language, quality=_text(value, "new_quality_score").upper())
    if field == "message_template_status_update":
        event = _text(value, "event").upper()
        status = event if event in _STATUSES else ""
        return TemplateNews(name, language, status=status, reason=_text(value, "reason"))
    if field == "template_category_update" and _text(value, "previous_category"):
        return TemplateNews(name, language, category=_text(value, "new_category").upper())
    return None


def restriction_cause(field: str, value: dict[str, Any]) -> str:
    """Why every operation of the account must stop, or empty text."""
    if field != "account_update":
        return ""
    event = _text(value, "event").upper()
    if event in _STOPPING_EVENTS:
        return event.lower()
    ban = value.get("ban_info")
    if event == "DISABLED_UPDATE" and not (isinstance(ban, dict) and _text(ban, "waba_ban_state") == "REINSTATE"):
        return "account_disabled"
    restrictions = value.get("restriction_info")
    for restriction in restrictions if isinstance(restrictions, list) else ():
        if isinstance(restriction, dict) and restriction.get("restriction_type") == _STOPPING_RESTRICTION:
            return "account_restricted"
    return ""


def new_limit(field: str, value: dict[str, Any]) -> tuple[int, str] | None:
    """(people a moving 24 hours, -1 for unlimited; the tier's name), or None when the notice names no limit."""
    if field not in ("business_capability_update", "phone_number_quality_update"):
        return None
    named = value.get("max_daily_conversations_per_business")
    if isinstance(named, str) and named.upper() in _TIERS:
        return _TIERS[named.upper()], named.upper()
    number = int(named) if isinstance(named, str) and named.lstrip("-").isdigit() else named
    if isinstance(number, int) and not isinstance(number, bool) and (number > 0 or number == -1):
        tier = next((tier for tier, people in _TIERS.items() if people == number), str(number))
        return number, tier
    return None


def _text(value: dict[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
