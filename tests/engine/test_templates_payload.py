"""What is posted has the shape of Meta's own messages, and what is shown is read from what is posted."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import MissingParameter
from engine.templates import Binding, PayloadBuilder, RenderedButton, Template, render_message, resolve_parameters
from tests.engine.templates_world import IMAGE, body, buttons, example, header, shipped, template

QUICK = {"type": "QUICK_REPLY", "text": "No, thanks"}
SHOP = {"type": "URL", "text": "Shop", "url": "https://shop.example/k/{{1}}"}
MEDIA = "ab" * 32


def build(found: Template, *parameters: str, media: dict[str, str] | None = None) -> dict[str, Any]:
    return PayloadBuilder(found, media).build("+905321234567", None, parameters, "op-1:0:1")


def assert_shape(ours: Any, theirs: Any) -> None:
    """Our message may leave out what is optional; what it says has a place of the same type in Meta's example."""
    assert type(ours) is type(theirs)
    if isinstance(theirs, dict):
        for key in ours:
            if key != "biz_opaque_callback_data":
                assert_shape(ours[key], theirs[key])
    elif isinstance(theirs, list):
        for item in ours:
            kinds = [each for each in theirs if each["type"] == item["type"]]
            assert_shape(item, kinds[0])


@pytest.mark.parametrize(
    ("name", "found", "parameters"),
    [
        ("Send Test Message", template(body("Hi")), []),
        ("Send Message Template Text", template(body("{{1}} {{2}}")), ["a", "b"]),
        ("Send Message Template Media", template(IMAGE, body("{{1}}")), ["https://cdn.example/a.png", "b"]),
        (
            "Send Message Template Interactive",
            template(IMAGE, body(), buttons(QUICK)),
            ["https://cdn.example/a.png", "b"],
        ),
        ("Parameterized Template", template(body("{{1}}")), ["a"]),
    ],
)
def test_a_message_has_the_shape_of_metas_example(name: str, found: Template, parameters: list[str]) -> None:
    ours, theirs = build(found, *parameters), {"recipient_type": "individual", **example(name)}
    assert_shape(ours, theirs)
    assert set(theirs) <= set(ours) | {"product_policy", "message_activity_sharing"}


def test_a_message_without_slots_has_no_components() -> None:
    assert build(template(body("Hi")))["template"] == {"name": "news", "language": {"code": "en"}}


def test_positional_parameters_stand_in_order_and_carry_no_name() -> None:
    message = build(template(header("On {{1}}"), body("{{1}} {{2}}"), buttons(QUICK, SHOP)), "h", "a", "b", "s")
    assert message["template"]["components"] == [
        {"type": "header", "parameters": [{"type": "text", "text": "h"}]},
        {"type": "body", "parameters": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "s"}]},
    ]


def test_named_parameters_carry_their_names_but_a_button_doesnt() -> None:
    found = template(header("On {{day}}"), body("{{who}}"), buttons(SHOP), parameter_format="NAMED")
    parts = build(found, "Monday", "Ayşe", "s")["template"]["components"]
    assert parts[0]["parameters"] == [{"type": "text", "parameter_name": "day", "text": "Monday"}]
    assert parts[1]["parameters"] == [{"type": "text", "parameter_name": "who", "text": "Ayşe"}]
    assert parts[2]["parameters"] == [{"type": "text", "text": "s"}]


def test_an_uploaded_image_travels_by_the_providers_id() -> None:
    message = build(template(IMAGE, body("Hi")), f"media:{MEDIA}", media={MEDIA: "880011"})
    assert message["template"]["components"][0]["parameters"] == [{"type": "image", "image": {"id": "880011"}}]


def test_an_image_that_was_never_uploaded_isnt_posted() -> None:
    with pytest.raises(MissingParameter):
        build(template(IMAGE, body("Hi")), f"media:{MEDIA}")


def test_an_empty_or_missing_value_isnt_posted() -> None:
    with pytest.raises(MissingParameter):
        build(template(body("{{1}}")), "")
    with pytest.raises(MissingParameter):
        build(template(body("{{1}}")))


def test_a_person_without_a_phone_is_addressed_by_user_id_and_a_phone_wins() -> None:
    builder = PayloadBuilder(template(body("Hi")))
    assert "to" not in builder.build(None, "TR.1349", [], "x")
    assert builder.build(None, "TR.1349", [], "x")["recipient"] == "TR.1349"
    assert "recipient" not in builder.build("+905321234567", "TR.1349", [], "x")


def test_bytes_are_the_same_message() -> None:
    builder = PayloadBuilder(template(body("{{1}}")))
    row = ("+905321234567", None, ['Ayşe "x"'], "op-1:0:1")
    assert json.loads(builder.build_bytes(*row)) == builder.build(*row)


def test_messages_share_nothing_that_one_could_change_for_another() -> None:
    builder = PayloadBuilder(template(body("{{1}}")))
    first = builder.build("+905321234567", None, ["a"], "x")
    first["template"]["components"][0]["parameters"][0]["text"] = "changed"
    assert (
        builder.build("+905321234567", None, ["b"], "x")["template"]["components"][0]["parameters"][0]["text"] == "b"
    )


def test_the_render_is_what_the_payload_says() -> None:
    found = shipped("winter_sale", "tr")
    seen = render_message(build(found, "https://cdn.example/a.png", "Ayşe", "%20", "30 Kasım", "kis20"), found)
    assert seen.body.startswith("Merhaba Ayşe, ")
    assert "%20 indirim 30 Kasım" in seen.body
    assert seen.image == "https://cdn.example/a.png"
    assert seen.footer == "Çıkmak için DUR yazın"
    assert seen.buttons[1] == RenderedButton("URL", "Mağazaya git", "https://magaza.example/k/kis20")
    assert seen.holes == ()


def test_a_value_that_looks_like_a_hole_or_a_pattern_is_shown_as_it_is() -> None:
    found = template(body("{{1}} and {{2}}"))
    seen = render_message(build(found, "{{2}}", r"\1 \g<0>"), found)
    assert (seen.body, seen.holes) == (r"{{2}} and \1 \g<0>", ())


def test_holes_that_a_payload_leaves_are_named() -> None:
    found = template(header("On {{1}}"), body("{{1}}"), buttons(SHOP))
    bare = {"template": {"name": "news", "language": {"code": "en"}}}
    assert render_message(bare, found).holes == ("1", "1", "Shop")


def test_arabic_is_written_from_right_to_left() -> None:
    found = template(body("مرحبا"), language="ar")
    assert render_message(build(found), found).is_right_to_left
    assert not render_message(build(template(body("Hi"))), template(body("Hi"))).is_right_to_left


@given(st.lists(st.text(min_size=0, max_size=12), min_size=3, max_size=3))
def test_whoever_lacks_nothing_gets_a_message_without_holes(values: list[str]) -> None:
    found = template(header("On {{1}}"), body("Dear {{1}}, {{2}}"))
    bindings = {slot.key: Binding.of(f"@f{number}") for number, slot in enumerate(found.slots)}
    frame = pl.DataFrame({f"f{number}": [value] for number, value in enumerate(values)})
    *parameters, missing, _, _ = resolve_parameters(frame, found, bindings).row(0)
    if missing is not None:
        with pytest.raises(MissingParameter):
            build(found, *(value or "" for value in parameters))
        return
    seen = render_message(build(found, *parameters), found)
    assert seen.holes == ()
    assert (seen.header, seen.body) == (f"On {parameters[0]}", f"Dear {parameters[1]}, {parameters[2]}")


def test_building_a_message_starts_neither_polars_nor_streamlit() -> None:
    code = (
        "import sys; import engine.templates, engine.channels; from engine.templates import PayloadBuilder;"
        "print([name for name in ('polars', 'streamlit') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
