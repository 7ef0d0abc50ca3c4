"""How a text is drawn: WhatsApp's own marks, and where the values of a message stand in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui.message_marks import enclose, runs_of, without_signs


def _drawn(text: str) -> list[tuple[str, str]]:
    return [(part, style) for part, style, _ in runs_of(text)]


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("*bold* _italic_ ~gone~", [("bold", "b"), (" ", ""), ("italic", "i"), (" ", ""), ("gone", "s")]),
        ("*_both_*", [("both", "bi")]),
        ("*a _b_ c*", [("a ", "b"), ("b", "bi"), (" c", "b")]),
        ("2*3*4 snake_case_name", [("2*3*4 snake_case_name", "")]),
        ("(*in brackets*)!", [("(", ""), ("in brackets", "b"), (")!", "")]),
        ("* not bold* and *nor this *", [("* not bold* and *nor this *", "")]),
        ("*over\nlines*", [("*over\nlines*", "")]),
        ("```*as it is*```", [("*as it is*", "m")]),
        ("`code` *b*", [("code", "m"), (" ", ""), ("b", "b")]),
        ("*one", [("*one", "")]),
        ("**", [("**", "")]),
        ("*şık* _İĞNE_", [("şık", "b"), (" ", ""), ("İĞNE", "i")]),
        ("*مرحبا* 🎉", [("مرحبا", "b"), (" 🎉", "")]),
        ("see https://a.example/x_y_z, _ok_", [
            ("see ", ""), ("https://a.example/x_y_z", "l"), (", ", ""), ("ok", "i"),
        ]),
        ("<script>*x*</script>", [("<script>", ""), ("x", "b"), ("</script>", "")]),
        ("*{{first_name}}* {{a_b}}", [("{{first_name}}", "b"), (" {{a_b}}", "")]),
    ],
)  # fmt: skip
def test_a_mark_counts_at_the_border_of_a_word_and_within_a_line(text: str, drawn: list[tuple[str, str]]) -> None:
    assert _drawn(text) == drawn


def test_the_values_of_a_message_are_told_from_the_templates_own_text() -> None:
    payload = {"template": {"components": [
        {"type": "body", "parameters": [{"type": "text", "text": "Ayşe"}, {"type": "text", "text": "_20_"}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "kis"}]},
    ]}}  # fmt: skip
    body, button = enclose(payload)["template"]["components"]
    first, second = (each["text"] for each in body["parameters"])
    assert runs_of(f"*Sayın {first}*: {second}") == [
        ("Sayın ", "b", -1), ("Ayşe", "b", 0), (": ", "", -1), ("20", "i", 1),
    ]  # fmt: skip
    assert without_signs(f"Sayın {first}") == "Sayın Ayşe"
    assert button["parameters"][0]["text"] == "kis"
    assert payload["template"]["components"][0]["parameters"][0]["text"] == "Ayşe"


def test_the_texts_of_cards_are_numbered_too() -> None:
    card = {"components": [{"type": "body", "parameters": [{"type": "text", "text": "Mont"}]}]}
    marked = enclose({"template": {"components": [{"type": "carousel", "cards": [card, card]}]}})
    texts = [each["components"][0]["parameters"][0]["text"] for each in marked["template"]["components"][0]["cards"]]
    assert [runs_of(text) for text in texts] == [[("Mont", "", 0)], [("Mont", "", 1)]]


@given(st.text(alphabet="ab *_~`\n{}1şİ🎉م", max_size=40))
def test_nothing_but_marks_is_ever_lost(text: str) -> None:
    kept = "".join(part for part, _, _ in runs_of(text))
    signs = iter(text)
    assert all(any(sign == each for each in signs) for sign in kept)
    assert [sign for sign in kept if sign not in "*_~`"] == [sign for sign in text if sign not in "*_~`"]
