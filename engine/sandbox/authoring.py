"""The sandbox's own strict set of rules for a new template, and what a review makes of one that passed them.

What Meta refuses at once is refused at once, with code 100, its subcode and its words; what only a reviewer sees
becomes REJECTED with a reason. Source: reference §1.4–§1.6, §5.2 (template creation), §10.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from engine.sandbox.people import Span
from engine.sandbox.refusals import Refusal, invalid, refuse
from engine.sandbox.shapes import VARIABLE

Node = dict[str, Any]
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
BUTTON_LIMITS = {"URL": 2, "PHONE_NUMBER": 1, "COPY_CODE": 1}
KNOWN_PARTS = ("HEADER", "BODY", "FOOTER", "BUTTONS", "LIMITED_TIME_OFFER", "CAROUSEL")
FORMATS = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION")
SELLING = re.compile(r"%\s?\d|\d\s?%|\b(indirim|kampanya|fırsat|sale|discount|promo)", re.IGNORECASE)
ASKING = re.compile(r"\b(kart numara|şifreniz|parolanız|cvv|card number|your password|your pin)", re.IGNORECASE)
BAD_HEADER = re.compile("[\n*_~`\U0001f000-\U0001faff\u2600-\u27bf]")


class Review(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a review takes, in seconds; `enabled` false leaves templates PENDING."""

    enabled: bool = True
    seconds: Span = (3.0, 6.0)


def checked(given: Node, handles: Iterable[str]) -> Node:
    """A new template's node, as it will be read back.

    Raises:
        Refusal: it breaks a rule that is looked at when a template is made.
    """
    name, category = str(given.get("name") or ""), str(given.get("category") or "").upper()
    if not re.fullmatch(r"[a-z0-9_]{1,512}", name):
        raise invalid("Param name must contain only lowercase letters, numbers and underscores.")
    if category not in CATEGORIES:
        raise invalid(f"Param category must be one of {{{', '.join(CATEGORIES)}}}.")
    if not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", str(given.get("language") or "")):
        raise invalid("Param language is required.")
    parts = given.get("components")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise invalid("Param components must be an array.")
    kept = [{**part, "type": str(part.get("type") or "").upper()} for part in parts]
    by_kind = {part["type"]: part for part in kept}
    if len(by_kind) < len(kept) or not set(by_kind) <= set(KNOWN_PARTS) or "BODY" not in by_kind:
        raise _refused(2388043, "Missing or unknown component", "A template needs one BODY, and no part twice.")
    if category == "AUTHENTICATION":
        kept = _code_parts(by_kind)
    else:
        _check_parts(by_kind, set(handles), str(given.get("parameter_format") or "POSITIONAL").upper() == "NAMED")
    return {"name": name, "language": given["language"], "category": category, "components": kept}


def reviewed(node: Node, others: Iterable[Node]) -> str:
    """The reason for which a reviewer rejects it; NONE when it is approved."""
    texts = _texts(node)
    if any(re.search(r"\}\}\{\{", text) for text in texts):
        return "INVALID_FORMAT"
    if any(ASKING.search(text) for text in texts):
        return "SCAM"
    same = [other for other in others if other is not node and other["language"] == node["language"]]
    if node["category"] != "AUTHENTICATION" and _seen(node) in [_seen(other) for other in same]:
        return "INVALID_FORMAT"
    return "NONE"


def category_of(node: Node) -> str:
    """The category that it gets: a UTILITY template that sells is marketing."""
    sells = node["category"] == "UTILITY" and any(SELLING.search(text) for text in _texts(node))
    return "MARKETING" if sells else str(node["category"])


def _check_parts(parts: dict[str, Node], handles: set[str], is_named: bool) -> None:
    offer, cards = parts.get("LIMITED_TIME_OFFER"), parts.get("CAROUSEL")
    _check_body(parts["BODY"], 600 if offer else 1024, is_named)
    if header := parts.get("HEADER"):
        _check_header(header, handles, is_named)
    if (footer := parts.get("FOOTER")) is not None:
        text = str(footer.get("text") or "")
        if not text or len(text) > 60 or VARIABLE.search(text) or "\n" in text:
            raise _refused(2388073, "Message footer format is incorrect", "Footers take 60 characters, no variables.")
    if "BUTTONS" in parts:
        _check_buttons(parts["BUTTONS"].get("buttons") or [])
    if offer is not None:
        text = str((offer.get("limited_time_offer") or {}).get("text") or "")
        if not 1 <= len(text) <= 16 or "FOOTER" in parts:
            raise invalid("Limited-time offers take a text of 16 characters and no footer.")
    if cards is not None:
        _check_cards(cards.get("cards") or [], handles, is_named)


def _check_body(part: Node, limit: int, is_named: bool) -> None:
    text = str(part.get("text") or "")
    if not text.strip() or "\n\n\n" in text or "     " in text or "\t" in text:
        raise _refused(
            2388072, "Message body format is incorrect", "Blank lines, tabs or runs of spaces are refused."
        )
    _check_text("body", text, limit)
    names, words = set(VARIABLE.findall(text)), len(re.findall(r"\w+", VARIABLE.sub(" ", text)))
    if words < 2 * len(names) + 1 and names:
        title = "Message has too many variables for its length"
        raise _refused(2388293, title, "Use fewer variables, or more words.")
    _check_examples(part, "body_text", names, is_named)


def _check_header(part: Node, handles: set[str], is_named: bool) -> None:
    kind = str(part.get("format") or "").upper()
    if kind not in FORMATS:
        raise invalid(f"Param format must be one of {{{', '.join(FORMATS)}}}.")
    part["format"] = kind
    example = part.get("example") or {}
    if kind in ("IMAGE", "VIDEO", "DOCUMENT"):
        given = example.get("header_handle") or []
        if not given or given[0] not in handles:
            raise _refused(2388273, "Invalid header example", "The header handle is missing or unknown.")
    elif kind == "TEXT":
        text = str(part.get("text") or "")
        names = set(VARIABLE.findall(text))
        if not text or BAD_HEADER.search(VARIABLE.sub("", text)) or len(names) > 1:
            words = "Message headers can't have any new lines, formatting characters, emojis, or asterisks."
            raise _refused(2388047, "Message header format is incorrect", words)
        _check_text("header", text, 60)
        _check_examples(part, "header_text", names, is_named)


def _check_text(what: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise _refused(2388040, "Character limit exceeded", f"The {what} takes {limit} characters.")
    whole = text.strip()
    if VARIABLE.match(whole) or re.search(VARIABLE.pattern + "$", whole):
        raise _refused(2388299, "Variables can't be at the start or end", f"Put words around them in the {what}.")
    names = VARIABLE.findall(text)
    numbers = sorted({int(name) for name in names if name.isdigit()})
    is_mixed = bool(numbers) and any(not name.isdigit() for name in names)
    if is_mixed or numbers != list(range(1, len(numbers) + 1)) or "{{" in VARIABLE.sub("", text):
        raise _refused(2388072, f"Message {what} format is incorrect", "The variables are not numbered 1, 2, 3 …")


def _check_examples(part: Node, kind: str, names: set[str], is_named: bool) -> None:
    example = part.get("example") or {}
    rows = [str(row.get("example") or "") for row in example.get(f"{kind}_named_params") or []]
    values = example.get(kind) or []
    flat = rows if is_named else list(values[0] if values and isinstance(values[0], list) else values)
    if names and (len(flat) != len(names) or not all(str(value).strip() for value in flat)):
        message = f"component of type {part['type']} is missing expected field(s) (example)"
        raise _refused(2388043, 'Message template "components" param is missing expected field(s)', message)


def _check_buttons(buttons: list[Node]) -> None:
    kinds = [str(button.get("type") or "").upper() for button in buttons]
    changes = sum((one == "QUICK_REPLY") != (other == "QUICK_REPLY") for one, other in itertools.pairwise(kinds))
    if (
        not 1 <= len(kinds) <= 10
        or changes > 1
        or any(kinds.count(kind) > most for kind, most in BUTTON_LIMITS.items())
    ):
        raise invalid("Buttons are too many, or quick replies are mixed with other buttons.")
    for kind, button in zip(kinds, buttons, strict=True):
        button["type"] = kind
        text, url = str(button.get("text") or ""), str(button.get("url") or "")
        if kind != "COPY_CODE" and (not 1 <= len(text) <= 25 or VARIABLE.search(text)):
            raise invalid("Button text takes 1 to 25 characters and no variables.")
        if kind == "URL" and not (url.startswith(("https://", "http://")) and len(url) <= 2000):
            raise invalid("Button url is not valid.")
        if VARIABLE.search(url) and not (re.search(r"\{\{1\}\}$", url) and button.get("example")):
            raise invalid("A url takes one variable at its end, and an example.")
        if kind == "PHONE_NUMBER" and not 7 <= len(re.sub(r"\D", "", str(button.get("phone_number")))) <= 20:
            raise invalid("Button phone_number is not valid.")
        if kind == "COPY_CODE" and not 1 <= len(str(button.get("example") or "")) <= 15:
            raise invalid("Copy code buttons take an example of 15 characters.")


def _check_cards(cards: list[Node], handles: set[str], is_named: bool) -> None:
    shapes = set()
    for card in cards:
        parts = {str(part.get("type") or "").upper(): part for part in card.get("components") or []}
        for kind, part in parts.items():
            part["type"] = kind
        if "HEADER" not in parts or "BUTTONS" not in parts:
            raise invalid("A card has a header and buttons.")
        _check_header(parts["HEADER"], handles, is_named)
        if "BODY" in parts:
            _check_body(parts["BODY"], 160, is_named)
        buttons = parts["BUTTONS"].get("buttons") or []
        _check_buttons(buttons)
        shapes.add((parts["HEADER"]["format"], "BODY" in parts, tuple(button["type"] for button in buttons)))
    if not 2 <= len(cards) <= 10 or len(shapes) != 1:
        raise invalid("A carousel has 2 to 10 cards of the same shape.")


def _code_parts(parts: dict[str, Node]) -> list[Node]:
    """An authentication template as it is read back: Meta's own words, the button as a link."""
    button: Node = next(iter(parts.get("BUTTONS", {}).get("buttons") or []), {})
    kind, minutes = str(button.get("otp_type") or "").upper(), parts.get("FOOTER", {}).get("code_expiration_minutes")
    if kind not in ("COPY_CODE", "ONE_TAP", "ZERO_TAP"):
        raise invalid("Authentication templates take one OTP button.")
    if kind != "COPY_CODE" and not (button.get("supported_apps") or button.get("package_name")):
        raise invalid("supported_apps is required for autofill.")
    if "FOOTER" in parts and not (isinstance(minutes, int) and 1 <= minutes <= 90):
        raise invalid("code_expiration_minutes must be between 1 and 90.")
    advice = bool(parts["BODY"].get("add_security_recommendation"))
    text = "*{{1}}* is your verification code." + (" For your security, do not share this code." if advice else "")
    url = f"https://www.whatsapp.com/otp/code/?otp_type={kind}&code=otp{{{{1}}}}"
    link = {"type": "URL", "text": button.get("text") or "Copy code", "url": url, "example": [url[:-5] + "123456"]}
    body = {
        "type": "BODY",
        "text": text,
        "add_security_recommendation": advice,
        "example": {"body_text": [["123456"]]},
    }
    footer = {
        "type": "FOOTER",
        "text": f"This code expires in {minutes} minutes.",
        "code_expiration_minutes": minutes,
    }
    return [body, *([footer] if minutes else []), {"type": "BUTTONS", "buttons": [link]}]


def _texts(node: Node) -> list[str]:
    texts = [str(part.get("text") or "") for part in node["components"]]
    cards = [card for part in node["components"] for card in part.get("cards") or []]
    return texts + [str(part.get("text") or "") for card in cards for part in card.get("components") or []]


def _seen(node: Node) -> tuple[str, str]:
    parts = {part["type"]: str(part.get("text") or "") for part in node["components"]}
    return parts.get("BODY", ""), parts.get("FOOTER", "")


def _refused(subcode: int, title: str, message: str) -> Refusal:
    return refuse(100, text="(#100) Invalid parameter", subcode=subcode, said=(title, message))
