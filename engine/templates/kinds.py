"""Which templates can be sent, and the reason why the others can't. Source: whatsapp.md §1.3–§1.5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.words import N_

if TYPE_CHECKING:
    from engine.templates.components import Template

SENDABLE_BUTTONS = frozenset({"QUICK_REPLY", "URL", "PHONE_NUMBER"})
STATUS_REASONS = {
    "PENDING": N_("The provider is still reviewing it"),
    "REJECTED": N_("The provider rejected it"),
    "PAUSED": N_("The provider paused it because of its quality"),
    "DISABLED": N_("The provider disabled it for good"),
    "IN_APPEAL": N_("An appeal is running"),
    "PENDING_DELETION": N_("It is being deleted"),
    "DELETED": N_("It was deleted at the provider"),
    "LIMIT_EXCEEDED": N_("The account has too many templates"),
    "ARCHIVED": N_("It is archived at the provider"),
}
HEADER_REASONS = {
    "VIDEO": N_("Video headers can't be sent yet"),
    "DOCUMENT": N_("Document headers can't be sent yet"),
    "LOCATION": N_("Location headers can't be sent yet"),
    "GIF": N_("GIF headers can't be sent yet"),
}
COMPONENT_REASONS = {
    "CAROUSEL": N_("Carousels can't be sent yet"),
    "LIMITED_TIME_OFFER": N_("Limited-time offers can't be sent yet"),
}
BUTTON_REASONS = {
    "COPY_CODE": N_("Copy-code buttons can't be sent yet"),
    "OTP": N_("One-time codes can't be sent yet"),
    "FLOW": N_("Flow buttons can't be sent yet"),
    "CATALOG": N_("Catalogue buttons aren't supported"),
    "MPM": N_("Product buttons aren't supported"),
    "SPM": N_("Product buttons aren't supported"),
}
GONE = N_("It is no longer at the provider")
NOT_APPROVED = N_("It isn't approved")
AUTHENTICATION = N_("Authentication templates can't be sent yet")
UNSUPPORTED = N_("It has a part that isn't supported")
NO_BODY = N_("It has no body")


def unsendable_reason(template: Template) -> str | None:
    """The first reason, an English text to be translated; None when it can be sent."""
    if template.is_gone:
        return GONE
    if template.status != "APPROVED":
        return STATUS_REASONS.get(template.status, NOT_APPROVED)
    if template.category == "AUTHENTICATION":
        return AUTHENTICATION
    return _component_reason(template)


def _component_reason(template: Template) -> str | None:
    if template.component("BODY") is None:
        return NO_BODY
    for part in template.components:
        if part.kind == "HEADER" and part.format not in {"", "TEXT", "IMAGE"}:
            return HEADER_REASONS.get(part.format, UNSUPPORTED)
        if part.kind not in {"HEADER", "BODY", "FOOTER", "BUTTONS"}:
            return COMPONENT_REASONS.get(part.kind, UNSUPPORTED)
    for button in template.buttons:
        if button.kind not in SENDABLE_BUTTONS:
            return BUTTON_REASONS.get(button.kind, UNSUPPORTED)
    return None
