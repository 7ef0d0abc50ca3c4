"""Templates as the provider describes them, for tests: short to write, real to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.templates import Template, parse_template

EXAMPLES = Path(__file__).parent / "graph_examples"
SHIPPED = Path(__file__).parents[2] / "engine" / "sandbox" / "templates"
IMAGE = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://cdn.example/a.png"]}}
COPY = {"type": "COPY_CODE", "example": ["KIS20"]}
FLOW = {"type": "FLOW", "text": "Open the form", "flow_id": "77", "flow_action": "navigate"}
OTP = {"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}
OTP_AS_URL = {
    "type": "URL",
    "text": "Copy code",
    "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=10&code=otp{{1}}",
}


def body(text: str = "Hello {{1}}, welcome.", **more: Any) -> dict[str, Any]:
    """A body component."""
    return {"type": "BODY", "text": text, **more}


def header(text: str) -> dict[str, Any]:
    """A text header."""
    return {"type": "HEADER", "format": "TEXT", "text": text}


def buttons(*given: dict[str, Any]) -> dict[str, Any]:
    """A buttons component."""
    return {"type": "BUTTONS", "buttons": list(given)}


def card(*more: dict[str, Any], text: str = "Only {{1}}.") -> dict[str, Any]:
    """A card with an image, a text and what is given."""
    return {"components": [IMAGE, body(text), *more]}


def carousel(*cards: dict[str, Any]) -> dict[str, Any]:
    """A carousel component."""
    return {"type": "CAROUSEL", "cards": list(cards)}


def offer(*, has_expiration: bool = True) -> dict[str, Any]:
    """A limited-time offer."""
    return {
        "type": "LIMITED_TIME_OFFER",
        "limited_time_offer": {"text": "Only today!", "has_expiration": has_expiration},
    }


def node(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A template's node in the provider's list."""
    usual = {"id": "71", "name": "news", "language": "en", "status": "APPROVED", "category": "MARKETING"}
    return {**usual, "components": list(components) or [body()], **more}


def template(*components: dict[str, Any], **more: Any) -> Template:
    """The same, read."""
    return parse_template("ch-1", node(*components, **more))


def shipped(name: str, language: str) -> Template:
    """A template of the sandbox."""
    nodes = json.loads((SHIPPED / f"{name}.json").read_text("utf-8"))
    return parse_template("sandbox", next(each for each in nodes if each["language"] == language))


def example(name: str) -> dict[str, Any]:
    """One of Meta's own messages."""
    found: dict[str, Any] = json.loads((EXAMPLES / "templates_messages.json").read_text("utf-8"))[name]
    return found
