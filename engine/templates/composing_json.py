"""A draft as the provider's API takes it.

Source: whatsapp.md §1.4–§1.6; shapes as in Meta's own request examples (cloud_api_examples.json, message_templates).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.templates.components import VARIABLE
from engine.templates.composing import DraftButton, DraftCard, DraftCode, DraftHeader, TemplateDraft, variables_of

Node = dict[str, Any]


def definition_of(draft: TemplateDraft, handles: Mapping[str, str] | None = None) -> Node:
    """What `POST /{WABA}/message_templates` takes.

    Args:
        handles: the provider's handle of each example file, by place (`header`, `card.0`).
    """
    made: Node = {"name": draft.name, "language": draft.language, "category": draft.category}
    if draft.is_code:
        return made | {"components": _code_components(draft.code)}
    made["parameter_format"] = "NAMED" if draft.is_named else "POSITIONAL"
    return made | {"components": _components(draft, handles or {})}


def _components(draft: TemplateDraft, handles: Mapping[str, str]) -> list[Node]:
    named = draft.is_named
    body = _body(draft.body, draft.examples, named)
    if draft.is_carousel:
        cards = [_card(card, handles.get(f"card.{index}", ""), named) for index, card in enumerate(draft.cards)]
        return [body, {"type": "CAROUSEL", "cards": cards}]
    parts = [*_header(draft.header, handles.get("header", ""), named), body]
    if draft.offer is not None:
        offer = {"text": draft.offer.text, "has_expiration": draft.offer.has_expiration}
        parts.append({"type": "LIMITED_TIME_OFFER", "limited_time_offer": offer})
    if draft.footer:
        parts.append({"type": "FOOTER", "text": draft.footer})
    if draft.buttons:
        parts.append({"type": "BUTTONS", "buttons": [_button(button) for button in draft.buttons]})
    return parts


def _header(header: DraftHeader, handle: str, named: bool) -> list[Node]:
    if header.format == "NONE":
        return []
    made: Node = {"type": "HEADER", "format": header.format}
    if header.format == "TEXT":
        made["text"] = header.text
        if names := variables_of(header.text):
            rows = [{"param_name": name, "example": header.example} for name in names]
            made["example"] = {"header_text_named_params": rows} if named else {"header_text": [header.example]}
    elif header.format != "LOCATION" and handle:
        made["example"] = {"header_handle": [handle]}
    return [made]


def _body(text: str, examples: Mapping[str, str], named: bool) -> Node:
    made: Node = {"type": "BODY", "text": text}
    if names := variables_of(text):
        rows = [{"param_name": name, "example": examples.get(name, "")} for name in names]
        values = [row["example"] for row in rows]
        made["example"] = {"body_text_named_params": rows} if named else {"body_text": [values]}
    return made


def _card(card: DraftCard, handle: str, named: bool) -> Node:
    parts = _header(card.header, handle, named)
    if card.body:
        parts.append(_body(card.body, card.examples, named))
    return {"components": [*parts, {"type": "BUTTONS", "buttons": [_button(button) for button in card.buttons]}]}


def _button(button: DraftButton) -> Node:
    if button.kind == "COPY_CODE":
        return {"type": "COPY_CODE", "example": button.example}
    made: Node = {"type": button.kind, "text": button.text}
    if button.kind == "URL":
        made["url"] = button.url
        if VARIABLE.search(button.url):
            made["example"] = [button.example]
    elif button.kind == "PHONE_NUMBER":
        made["phone_number"] = button.phone_number
    elif button.kind == "FLOW":
        made |= {"flow_id": button.flow_id, "flow_action": "navigate", "navigate_screen": button.screen}
    return made


def _code_components(code: DraftCode) -> list[Node]:
    button: Node = {"type": "OTP", "otp_type": code.kind}
    button |= {"text": code.button} if code.button else {}
    if code.kind != "COPY_CODE":
        button |= {"autofill_text": code.autofill} if code.autofill else {}
        button["supported_apps"] = [{"package_name": code.package_name, "signature_hash": code.signature_hash}]
    if code.kind == "ZERO_TAP":
        button["zero_tap_terms_accepted"] = code.has_terms
    footer = [{"type": "FOOTER", "code_expiration_minutes": code.minutes}] if code.minutes is not None else []
    return [
        {"type": "BODY", "add_security_recommendation": code.has_advice},
        *footer,
        {"type": "BUTTONS", "buttons": [button]},
    ]
