"""How the pages call a template's status, category and quality, and what a sync found."""

from __future__ import annotations

from collections.abc import Sequence

from engine.channels import classify
from engine.channels.cloud_api import ProviderAway
from engine.channels.sync import SyncResult
from engine.errors import ProviderError
from engine.templates import Template
from engine.words import N_
from pages.ui import formats, nt, t

STATUS_LABELS = {
    "APPROVED": N_("Approved"),
    "PENDING": N_("In review"),
    "REJECTED": N_("Refused"),
    "PAUSED": N_("Paused"),
    "DISABLED": N_("Disabled"),
    "IN_APPEAL": N_("In appeal"),
    "PENDING_DELETION": N_("Being deleted"),
    "DELETED": N_("Deleted"),
    "LIMIT_EXCEEDED": N_("Limit exceeded"),
    "ARCHIVED": N_("Archived"),
}
CATEGORY_LABELS = {
    "MARKETING": N_("Marketing"),
    "UTILITY": N_("Utility"),
    "AUTHENTICATION": N_("Authentication"),
}
QUALITY_LABELS = {"GREEN": N_("High"), "YELLOW": N_("Medium"), "RED": N_("Low"), "UNKNOWN": N_("Not rated")}
REJECTION_LABELS = {
    "ABUSIVE_CONTENT": N_("abusive content"),
    "INCORRECT_CATEGORY": N_("wrong category"),
    "INVALID_FORMAT": N_("invalid format"),
    "PROMOTIONAL": N_("promotional content"),
    "SCAM": N_("looks like a scam"),
    "TAG_CONTENT_MISMATCH": N_("the content doesn't match its category"),
}
MOST_NAMES = 4


def status_label(template: Template) -> str:
    """The status in words; a word of the provider that nobody knows stays as it is."""
    return t(STATUS_LABELS.get(template.status, template.status))


def category_label(template: Template) -> str:
    """The category in words."""
    return t(CATEGORY_LABELS.get(template.category, template.category))


def quality_label(template: Template) -> str:
    """The quality in words; a dash where the provider says nothing."""
    return t(QUALITY_LABELS.get(template.quality, template.quality)) if template.quality else "–"


def reason_label(template: Template) -> str:
    """Why it can't be sent, nothing when it can."""
    if template.unsendable_reason is None:
        return ""
    if template.status == "REJECTED" and template.rejected_reason:
        why = t(REJECTION_LABELS.get(template.rejected_reason, template.rejected_reason))
        return t("The provider rejected it: {why}", why=why)
    return t(template.unsendable_reason)


def sync_sentence(result: SyncResult) -> str:
    """What a sync found: "16 templates. New: winter_sale (tr). Gone: …"."""
    parts = [nt("{count} template at the provider.", "{count} templates at the provider.", result.total)]
    if result.is_unchanged:
        parts.append(t("Nothing has changed."))
    for text, names in (
        (t("New: {names}."), result.new),
        (t("Changed: {names}."), result.changed),
        (t("No longer there: {names}."), result.gone),
    ):
        if names:
            parts.append(text.replace("{names}", _names(names)))
    return " ".join(parts)


def sync_problem(problem: ProviderError) -> str:
    """Why a sync didn't come about, and what was changed: nothing."""
    if isinstance(problem, ProviderAway):
        return t("The provider can't be reached just now. Nothing was changed; try again in a moment.")
    code = int(problem.fields.get("code") or 0)
    return t(
        "The provider refused (code {code}): {meaning}. Nothing was changed.",
        code=code,
        meaning=t(classify(code).meaning),
    )


def _names(names: Sequence[str]) -> str:
    first = ", ".join(f"`{name}`" for name in names[:MOST_NAMES])
    rest = len(names) - MOST_NAMES
    return first if rest <= 0 else t("{names} and {count} more", names=first, count=formats.number(rest))
