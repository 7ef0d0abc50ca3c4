"""Which templates can be sent, and the reason why the others can't. Source: whatsapp.md §1.3–§1.5."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.words import N_

if TYPE_CHECKING:
    from engine.templates.components import Template
    from engine.templates.parts import Button, Card, Component

SENDABLE_HEADERS = frozenset({"", "TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION"})
SENDABLE_BUTTONS = frozenset(
    {"QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE", "OTP", "FLOW", "VOICE_CALL", "REQUEST_CONTACT_INFO"}
)
CARD_HEADERS = frozenset({"IMAGE", "VIDEO"})
CARD_BUTTONS = frozenset({"QUICK_REPLY", "URL", "PHONE_NUMBER"})
FEWEST_CARDS, MOST_CARDS = 2, 10
SENDABLE_COMPONENTS = frozenset({"HEADER", "BODY", "FOOTER", "BUTTONS", "LIMITED_TIME_OFFER", "CAROUSEL"})
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
    "GIF": N_("GIF headers aren't supported"),
    "PRODUCT": N_("Product headers aren't supported"),
}
BUTTON_REASONS = {
    "CATALOG": N_("Catalogue buttons aren't supported"),
    "MPM": N_("Product buttons aren't supported"),
    "SPM": N_("Product buttons aren't supported"),
    "ORDER_DETAILS": N_("Order buttons aren't supported"),
}
GONE = N_("It is no longer at the provider")
NOT_APPROVED = N_("It isn't approved")
UNSUPPORTED = N_("It has a part that isn't supported")
NO_BODY = N_("It has no body")
CARD_COUNT = N_("Its carousel hasn't 2 to 10 cards")
CARD_HEADER = N_("A card of its carousel has no image or video")


def unsendable_reason(template: Template) -> str | None:
    """The first reason, an English text to be translated; None when it can be sent."""
    if template.is_gone:
        return GONE
    if template.status != "APPROVED":
        return STATUS_REASONS.get(template.status, NOT_APPROVED)
    if template.component("BODY") is None:
        return NO_BODY
    return (
        _component_reason(template.components)
        or _button_reason(template.buttons, SENDABLE_BUTTONS)
        or _carousel_reason(template)
    )


def _component_reason(components: Iterable[Component]) -> str | None:
    for part in components:
        if part.kind == "HEADER" and part.format not in SENDABLE_HEADERS:
            return HEADER_REASONS.get(part.format, UNSUPPORTED)
        if part.kind not in SENDABLE_COMPONENTS:
            return UNSUPPORTED
    return None


def _button_reason(buttons: Iterable[Button], sendable: frozenset[str]) -> str | None:
    for button in buttons:
        if button.kind not in sendable:
            return BUTTON_REASONS.get(button.kind, UNSUPPORTED)
    return None


def _carousel_reason(template: Template) -> str | None:
    if template.component("CAROUSEL") is None:
        return None
    if not FEWEST_CARDS <= len(template.cards) <= MOST_CARDS:
        return CARD_COUNT
    return next((reason for card in template.cards if (reason := _card_reason(card))), None)


def _card_reason(card: Card) -> str | None:
    header = card.component("HEADER")
    if header is None or header.format not in CARD_HEADERS:
        return HEADER_REASONS.get(header.format, CARD_HEADER) if header else CARD_HEADER
    return _component_reason(card.components) or _button_reason(card.buttons, CARD_BUTTONS)
