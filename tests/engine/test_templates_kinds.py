"""Every kind of template: its golden payload, Meta's own messages, and what a phone shows of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MissingParameter
from engine.templates import (
    PayloadBuilder,
    Rendered,
    RenderedButton,
    Template,
    render_message,
)
from tests.engine.templates_filled import SENDABLE, filled, values_of
from tests.engine.templates_golden import GOLDEN, LINK, MEDIA, Message
from tests.engine.templates_world import (
    EXAMPLES,
    OTP_AS_URL,
    body,
    buttons,
    example,
    template,
)


def build(found: Template, *values: str) -> Message:
    message = PayloadBuilder(found, MEDIA).build("+905321234567", None, values, "op-1:0:1")
    assert message["template"]["name"] == found.name
    return message


@pytest.mark.parametrize("name", GOLDEN)
def test_the_payload_of_each_kind_is_exactly_what_the_api_takes(name: str) -> None:
    found, values, expected = GOLDEN[name]
    assert build(found, *values)["template"]["components"] == expected
    assert found.unsendable_reason is None
    assert render_message(build(found, *values), found).holes == ()


@pytest.mark.parametrize("name", GOLDEN)
def test_no_kind_is_posted_with_an_empty_hole(name: str) -> None:
    found, values, _ = GOLDEN[name]
    for place, slot in enumerate(found.slots):
        if not slot.is_optional:
            with pytest.raises(MissingParameter):
                build(found, *values[:place], "", *values[place + 1 :])
    bare = {"template": {"name": found.name, "language": {"code": "en"}}}
    assert bool(render_message(bare, found).holes) == found.has_variables


def metas_messages() -> list[str]:
    """Meta's examples whose template this product can send."""
    names = json.loads((EXAMPLES / "templates_messages.json").read_text("utf-8"))
    return [name for name in names if name not in {"source", "Send Catalog Template Message"}]


def template_behind(message: Message) -> tuple[Template, list[str]]:
    """The template that one of Meta's messages must have been sent with, and its values."""
    parts, pressed, values = [], [], []
    for part in message["template"].get("components", []):
        kind, given = part["type"], part["parameters"]
        if kind == "header":
            parts.append({"type": "HEADER", "format": given[0]["type"].upper()})
            values.append(LINK)
        elif kind == "body":
            parts.append(body(" and ".join(f"{{{{{number}}}}}" for number in range(1, len(given) + 1))))
            values += ["value"] * len(given)
        else:
            pressed.append({"type": part["sub_type"].upper(), "text": "Press"})
            values += ["token"] if part["sub_type"] == "flow" else []
    parts = parts if any(part["type"] == "BODY" for part in parts) else [*parts, body("Hi")]
    return template(*parts, *([buttons(*pressed)] if pressed else [])), values


def shape(value: Any) -> Any:
    """Keys and types; legacy kinds of text are text, what may be left out is left out."""
    if isinstance(value, dict):
        if value.get("type") in {"currency", "date_time"}:
            return {"text": str, "type": str}
        return {key: shape(each) for key, each in value.items() if key != "flow_action_data" and key != "policy"}
    if isinstance(value, list):
        needed = [each for each in value if each.get("sub_type") != "quick_reply"]
        return [shape(each) for each in needed]
    return type(value)


@pytest.mark.parametrize("name", metas_messages())
def test_each_of_metas_template_messages_is_built_in_its_shape(name: str) -> None:
    theirs = example(name)
    found, values = template_behind(theirs)
    assert found.unsendable_reason is None
    assert shape(build(found, *values)["template"]) == shape(theirs["template"])


def test_metas_catalogue_message_is_refused_with_the_reason() -> None:
    found, _ = template_behind(example("Send Catalog Template Message"))
    assert found.unsendable_reason == "Catalogue buttons aren't supported"


def test_a_phone_shows_an_offer_with_its_coupon_and_its_end() -> None:
    found, values, _ = GOLDEN["copy code and offer"]
    seen = render_message(build(found, *values), found)
    assert (seen.offer, seen.offer_expires_ms, seen.code) == ("Only today!", 1796115600000, "KIS20")
    assert seen.buttons == (
        RenderedButton("COPY_CODE", "Copy offer code", code="KIS20"),
        RenderedButton("URL", "Shop", "https://shop.example/k/k1"),
    )
    assert (seen.header_kind, seen.image) == ("image", LINK)


def test_a_phone_shows_a_place_a_film_and_a_document() -> None:
    place = render_message(build(*unpacked("location")), GOLDEN["location"][0])
    assert (place.header_kind, place.location) == ("location", ("41.0082", "28.9784", "Ulak", ""))
    movie = render_message(build(*unpacked("video by id")), GOLDEN["video by id"][0])
    assert (movie.header_kind, movie.media, movie.image) == ("video", "8800", None)
    paper = render_message(build(*unpacked("document with a name")), GOLDEN["document with a name"][0])
    assert (paper.header_kind, paper.media, paper.filename) == ("document", "8800", "Teklif.pdf")


def unpacked(name: str) -> tuple[Any, ...]:
    found, values, _ = GOLDEN[name]
    return found, *values


def test_a_phone_shows_each_card() -> None:
    found, values, _ = GOLDEN["carousel"]
    first, second = render_message(build(found, *values), found).cards
    assert (first.header_kind, first.media, first.body) == ("image", LINK, "Only Mont.")
    assert [button.url for button in first.buttons] == ["", "https://shop.example/k/mont"]
    assert second.body == "Plain."


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("tr", "Doğrulama kodunuz: *481920*. Güvenliğiniz için bu kodu paylaşmayın."),
        ("en_GB", "*481920* is your verification code. For your security, do not share this code."),
        ("xx", "*481920* is your verification code. For your security, do not share this code."),
    ],
)
def test_an_authentication_template_has_the_providers_own_texts(language: str, shown: str) -> None:
    parts = [{"type": "BODY", "add_security_recommendation": True}, {"type": "FOOTER", "code_expiration_minutes": 5}]
    found = template(*parts, buttons(OTP_AS_URL), category="AUTHENTICATION", language=language)
    seen = render_message(build(found, "481920"), found)
    assert (seen.body, seen.is_code, seen.code) == (shown, True, "481920")
    assert "5" in seen.footer
    assert seen.buttons == (RenderedButton("OTP", "Copy code", code="481920"),)


WORD = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(SENDABLE), WORD)
def test_no_render_of_any_kind_has_a_hole_and_each_value_is_in_it(found: Template, word: str) -> None:
    row = filled(found, word)
    if row["missing"] is not None or row["too_long"] is not None:
        return
    values = values_of(found, row)
    payload = build(found, *values)
    seen = render_message(payload, found)
    assert seen.holes == ()
    assert render_message(json.loads(json.dumps(payload)), found) == seen
    shown = everything(seen)
    for slot, value in zip(found.slots, values, strict=True):
        if slot.kind in {"text", "code", "url_suffix"} and not slot.is_optional:
            assert value in shown, slot.key
    if "{{" not in word:
        assert not re.search(r"\{\{\w+\}\}", shown)


def everything(seen: Rendered) -> str:
    """All that a phone shows, in one text."""
    cards = [part for each in seen.cards for part in (each.body, *(button.url for button in each.buttons))]
    pressed = [part for button in seen.buttons for part in (button.text, button.url, button.code)]
    return "\n".join([seen.header, seen.body, seen.footer, seen.offer, *pressed, *cards])
