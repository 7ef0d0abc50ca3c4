"""A template of the provider, read as a draft: for a copy, or to change it. Source: whatsapp.md §1.2–§1.5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from engine.templates.composing import (
    ButtonKind,
    Category,
    CodeKind,
    DraftButton,
    DraftCard,
    DraftCode,
    DraftHeader,
    DraftOffer,
    HeaderFormat,
    TemplateDraft,
    variables_of,
)


def draft_of(node: Mapping[str, Any]) -> TemplateDraft:
    """A template of the provider as a draft; example files aren't taken along (their links are the provider's)."""
    parts = {str(part.get("type", "")).upper(): part for part in node.get("components") or ()}
    body, offer, cards = parts.get("BODY", {}), parts.get("LIMITED_TIME_OFFER"), parts.get("CAROUSEL")
    category = str(node.get("category") or "").upper()
    return TemplateDraft(
        name=str(node.get("name") or ""),
        language=str(node.get("language") or "tr").replace("-", "_"),
        category=_one_of(category, Category, "MARKETING"),
        header=_read_header(parts.get("HEADER")),
        body=str(body.get("text") or ""),
        examples=_read_examples(body),
        footer=str(parts.get("FOOTER", {}).get("text") or "") if category != "AUTHENTICATION" else "",
        buttons=_read_buttons(parts.get("BUTTONS")) if category != "AUTHENTICATION" else (),
        offer=_read_offer(offer) if offer else None,
        is_carousel=cards is not None,
        cards=tuple(_read_card(card) for card in (cards or {}).get("cards") or ()),
        code=_read_code(parts) if category == "AUTHENTICATION" else DraftCode(),
    )


def _read_header(part: Mapping[str, Any] | None) -> DraftHeader:
    if not part:
        return DraftHeader()
    chosen: HeaderFormat = _one_of(str(part.get("format") or "TEXT").upper(), HeaderFormat, "NONE")
    example = next(iter(_read_examples(part, "header_text").values()), "")
    return DraftHeader(format=chosen, text=str(part.get("text") or ""), example=example)


def _read_examples(part: Mapping[str, Any], kind: str = "body_text") -> dict[str, str]:
    given = part.get("example") or {}
    if rows := given.get(f"{kind}_named_params"):
        return {str(row["param_name"]): str(row.get("example", "")) for row in rows}
    values = given.get(kind) or []
    first = values[0] if values and isinstance(values[0], list) else values
    return dict(zip(variables_of(str(part.get("text") or "")), map(str, first), strict=False))


def _read_buttons(part: Mapping[str, Any] | None) -> tuple[DraftButton, ...]:
    known = [
        each for each in (part or {}).get("buttons") or () if str(each.get("type")).upper() in get_args(ButtonKind)
    ]
    return tuple(_read_button(each) for each in known)


def _read_button(given: Mapping[str, Any]) -> DraftButton:
    example = given.get("example") or ""
    return DraftButton(
        kind=_one_of(str(given["type"]).upper(), ButtonKind, "QUICK_REPLY"),
        text=str(given.get("text") or "") if str(given["type"]).upper() != "COPY_CODE" else "",
        url=str(given.get("url") or ""),
        phone_number=str(given.get("phone_number") or ""),
        example=str(example[0] if isinstance(example, Sequence) and not isinstance(example, str) else example),
        flow_id=str(given.get("flow_id") or ""),
        screen=str(given.get("navigate_screen") or ""),
    )


def _read_offer(part: Mapping[str, Any]) -> DraftOffer:
    inner = part.get("limited_time_offer") or {}
    return DraftOffer(text=str(inner.get("text") or ""), has_expiration=bool(inner.get("has_expiration", True)))


def _read_card(given: Mapping[str, Any]) -> DraftCard:
    parts = {str(part.get("type", "")).upper(): part for part in given.get("components") or ()}
    body = parts.get("BODY", {})
    return DraftCard(
        header=_read_header(parts.get("HEADER")),
        body=str(body.get("text") or ""),
        examples=_read_examples(body),
        buttons=_read_buttons(parts.get("BUTTONS")),
    )


def _read_code(parts: Mapping[str, Mapping[str, Any]]) -> DraftCode:
    """What can be read back; the app's names are asked for again when they are missing."""
    button: Mapping[str, Any] = next(iter(parts.get("BUTTONS", {}).get("buttons") or ()), {})
    app: Mapping[str, Any] = next(iter(button.get("supported_apps") or ()), {})
    kind = str(button.get("otp_type") or "").upper()
    if not kind and "otp_type=" in str(button.get("url") or ""):
        kind = str(button["url"]).split("otp_type=")[1].split("&")[0].upper()
    minutes = parts.get("FOOTER", {}).get("code_expiration_minutes")
    return DraftCode(
        kind=_one_of(kind, CodeKind, "COPY_CODE"),
        has_advice=bool(parts.get("BODY", {}).get("add_security_recommendation", True)),
        minutes=int(minutes) if minutes else None,
        button=str(button.get("text") or ""),
        autofill=str(button.get("autofill_text") or ""),
        package_name=str(app.get("package_name") or ""),
        signature_hash=str(app.get("signature_hash") or ""),
    )


def _one_of(value: str, kind: Any, otherwise: Any) -> Any:
    """The value where the type knows it."""
    return value if value in get_args(kind) else otherwise
