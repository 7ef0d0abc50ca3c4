"""A draft against the provider's rules, and there and back between a draft and the provider's JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.templates.composing import (
    DraftButton,
    DraftCard,
    DraftCode,
    DraftHeader,
    DraftOffer,
    TemplateDraft,
    with_variable,
)
from engine.templates.composing_json import definition_of
from engine.templates.composing_preview import preview_of
from engine.templates.composing_reading import draft_of
from engine.templates.composing_rules import as_name, check_draft
from tests.engine.templates_world import SHIPPED

FILE = "media:" + "a" * 64
LINK = DraftButton(kind="URL", text="Shop", url="https://shop.example/{{1}}", example="https://shop.example/a1")
REPLY = DraftButton(text="Stop")
CALL = DraftButton(kind="PHONE_NUMBER", text="Call us", phone_number="+902125550100")
COUPON = DraftButton(kind="COPY_CODE", example="WINTER20")
CARD = DraftCard(header=DraftHeader(format="IMAGE", media=FILE), body="A warm coat", buttons=(LINK,))
GOOD = TemplateDraft(
    name="winter_sale",
    language="en",
    header=DraftHeader(format="TEXT", text="News for {{1}} today", example="Ayşe"),
    body="Hello {{1}}, your discount of {{2}} is good until Sunday.",
    examples={"1": "Ayşe", "2": "20%"},
    footer="Reply STOP to opt out",
    buttons=(REPLY, LINK),
)
CAROUSEL = TemplateDraft(name="coats", body="New coats are here, look at them.", is_carousel=True, cards=(CARD, CARD))
CODE = TemplateDraft(name="sign_in", category="AUTHENTICATION")


def body(text: str, **examples: str) -> TemplateDraft:
    return GOOD.model_copy(update={"body": text, "examples": {k.removeprefix("v"): v for k, v in examples.items()}})


def head(text: str, example: str = "x") -> TemplateDraft:
    return GOOD.model_copy(update={"header": DraftHeader(format="TEXT", text=text, example=example)})


def buttons(*given: DraftButton) -> TemplateDraft:
    return GOOD.model_copy(update={"buttons": given})


def link(url: str, example: str = "") -> TemplateDraft:
    return buttons(DraftButton(kind="URL", text="Shop", url=url, example=example))


def offer(**more: Any) -> TemplateDraft:
    header = DraftHeader(format="IMAGE", media=FILE)
    usual = {"header": header, "offer": DraftOffer(text="20% off"), "footer": "", "buttons": (COUPON, LINK)}
    return GOOD.model_copy(update=usual | more)


def cards(*given: DraftCard) -> TemplateDraft:
    return CAROUSEL.model_copy(update={"cards": given})


def card(**more: Any) -> DraftCard:
    return CARD.model_copy(update=more)


def code(**more: Any) -> TemplateDraft:
    return CODE.model_copy(update={"code": DraftCode(**more)})


@pytest.mark.parametrize(
    "draft",
    [
        GOOD,
        CAROUSEL,
        CODE,
        offer(),
        buttons(REPLY, DraftButton(text="More")),
        buttons(LINK, CALL, REPLY),
        link("https://shop.example/sale"),
        body("Hello {{first_name}}, your order is on its way.", first_name="Ayşe").model_copy(
            update={"header": DraftHeader()}
        ),
        GOOD.model_copy(update={"header": DraftHeader(format="LOCATION")}),
        code(kind="ONE_TAP", package_name="com.example.shop", signature_hash="K8a/AINcGX7"),
        code(minutes=None),
    ],
)
def test_what_the_provider_takes_has_no_error(draft: TemplateDraft) -> None:
    assert [problem.sentence for problem in check_draft(draft) if problem.is_error] == []


@pytest.mark.parametrize(
    ("draft", "part", "words"),
    [
        (GOOD.model_copy(update={"name": ""}), "name", "missing"),
        (GOOD.model_copy(update={"name": "Kış Kampanyası"}), "name", "kis_kampanyasi"),
        (GOOD.model_copy(update={"name": "a" * 513}), "name", "513 characters; 512"),
        (GOOD.model_copy(update={"language": "tlh"}), "language", "can't be made"),
        (body(""), "body", "missing"),
        (body("x" * 1025), "body", "1025 characters; 1024 are allowed. Shorten it by 1"),
        (body("{{1}} hello to you all today", v1="Ayşe"), "body", "start or the end"),
        (body("Hello to you all today {{1}}", v1="Ayşe"), "body", "start or the end"),
        (body("Hello dear good {{1}}{{2}} people of this town", v1="a", v2="b"), "body", "touch"),
        (body("Hello {{1}}, the number {{3}} is yours until Sunday.", v1="a", v3="b"), "body", "gap"),
        (body("Hello {{1}}, the number {{code}} is yours until Sunday.", v1="a", code="b"), "body", "mixed"),
        (body("Hello {{Name}}, welcome to our shop.", Name="a"), "body", "no name for a variable"),
        (body("Hello {{first name}}, welcome to our shop."), "body", "isn't written right"),
        (body("Hello {{#1}}, welcome to our shop."), "body", "isn't written right"),
        (body("Hello {{1}}, hi.", v1="a"), "body", "Too little text for 1 variables. Write at least 3"),
        (body("Hello {{1}}, welcome to our shop."), "body", "example for 1"),
        (body("One.\n\n\nTwo."), "body", "blank line"),
        (body("One     two."), "body", "four spaces"),
        (body("One\ttwo."), "body", "tab"),
        (head("x" * 61), "header", "61 characters; 60"),
        (head("For {{1}} and {{2}} today"), "header", "one variable"),
        (head("A *bold* word"), "header", "no formatting"),
        (head("A gift 🎁 inside"), "header", "no emoji"),
        (head("Two\nlines"), "header", "one line"),
        (head("News for {{1}} today", ""), "header", "example"),
        (GOOD.model_copy(update={"header": DraftHeader(format="VIDEO")}), "header", "example file"),
        (GOOD.model_copy(update={"footer": "x" * 61}), "footer", "61"),
        (GOOD.model_copy(update={"footer": "For {{1}} alone"}), "footer", "no variables"),
        (buttons(REPLY, LINK, DraftButton(text="No")), "buttons", "mixed"),
        (buttons(*[DraftButton(text=f"B{n}") for n in range(11)]), "buttons", "Ten"),
        (buttons(CALL, CALL.model_copy(update={"text": "Other"})), "buttons", "One phone"),
        (buttons(*[LINK.model_copy(update={"text": f"B{n}"}) for n in range(3)]), "buttons", "Two links"),
        (buttons(DraftButton(text="x" * 26)), "buttons.0", "26 characters; 25"),
        (buttons(REPLY, DraftButton(text="stop ")), "buttons.1", "same text"),
        (buttons(DraftButton(text="Hi {{1}}")), "buttons.0", "no variable"),
        (link("shop.example"), "buttons.0", "isn't right"),
        (link("https://wa.me/905321234567"), "buttons.0", "WhatsApp"),
        (link("https://{{1}}.shop.example/a"), "buttons.0", "very end"),
        (link("https://shop.example/{{1}}/more"), "buttons.0", "very end"),
        (link("https://shop.example/{{code}}"), "buttons.0", "is {{1}}"),
        (link("https://shop.example/{{1}}", "a1"), "buttons.0", "example of the whole link"),
        (buttons(DraftButton(kind="PHONE_NUMBER", text="Call", phone_number="12")), "buttons.0", "phone number"),
        (buttons(DraftButton(kind="COPY_CODE", example="WINTER-20")), "buttons.0", "letters and digits"),
        (buttons(DraftButton(kind="FLOW", text="Open", screen="A")), "buttons.0", "flow's id"),
        (offer(footer="Bye"), "footer", "no footer"),
        (offer(body="x" * 601), "body", "600"),
        (offer(offer=DraftOffer(text="x" * 17)), "offer", "17 characters; 16"),
        (offer(category="UTILITY"), "offer", "is marketing"),
        (offer(header=DraftHeader(format="DOCUMENT", media=FILE)), "offer", "image or a video"),
        (cards(CARD), "cards", "2 to 10"),
        (cards(*[CARD] * 11), "cards", "2 to 10"),
        (cards(CARD, card(buttons=(REPLY,))), "cards", "differ"),
        (cards(CARD, card(header=DraftHeader(format="VIDEO", media=FILE))), "cards", "others a video"),
        (cards(CARD, card(body="")), "cards", "others none"),
        (cards(CARD, card(body="x" * 161)), "card.1", "161 characters; 160"),
        (cards(CARD, card(header=DraftHeader(format="IMAGE"))), "card.1", "example file"),
        (cards(CARD, card(buttons=())), "card.1", "one or two"),
        (cards(card(buttons=(COUPON,)), CARD), "card.0.0", "alone"),
        (code(minutes=91), "code", "1 to 90"),
        (code(kind="ONE_TAP"), "code", "package name"),
        (code(kind="ZERO_TAP", package_name="a.b", signature_hash="x" * 11), "code", "terms"),
    ],
)  # fmt: skip
def test_what_the_provider_refuses_is_said_at_its_part(draft: TemplateDraft, part: str, words: str) -> None:
    found = [problem.sentence for problem in check_draft(draft) if problem.is_error and problem.part == part]
    assert any(words in sentence for sentence in found), check_draft(draft)


@pytest.mark.parametrize(
    ("draft", "part"),
    [
        (body("Only today: 20% off everything in our shop.").model_copy(update={"category": "UTILITY"}), "category"),
        (GOOD.model_copy(update={"footer": ""}), "footer"),
        (buttons(*[DraftButton(text=f"B{n}") for n in range(4)]), "buttons"),
        (body(" A blank before it."), "body"),
    ],
)
def test_a_hint_is_said_and_blocks_nothing(draft: TemplateDraft, part: str) -> None:
    found = check_draft(draft)
    assert part in [problem.part for problem in found]
    assert not [problem for problem in found if problem.is_error]


@pytest.mark.parametrize(
    "name", ["winter_sale", "autumn_offer", "event_invitation", "invoice_ready", "store_opening"]
)
def test_a_template_read_as_a_draft_gives_the_same_template_again(name: str) -> None:
    for node in json.loads((SHIPPED / f"{name}.json").read_text("utf-8")):
        draft = draft_of(node)
        again = definition_of(draft, {"header": "4::x"})
        links = {part["type"]: part for part in node["components"]}
        for part in again["components"]:
            wanted = links[part["type"]]
            if part.get("format") in {"IMAGE", "VIDEO", "DOCUMENT"}:
                assert part["example"] == {"header_handle": ["4::x"]}
                part, wanted = {**part, "example": None}, {**wanted, "example": None}
            assert part == wanted
        assert draft_of(again) == draft


@pytest.mark.parametrize("draft", [GOOD, CAROUSEL, CODE, offer(), code(kind="ONE_TAP", minutes=None)])
def test_a_draft_is_read_back_as_it_was_but_for_its_files(draft: TemplateDraft) -> None:
    text = draft.model_dump_json().replace(FILE, "")
    assert draft_of(definition_of(draft)) == TemplateDraft.model_validate_json(text)


def test_a_named_template_says_so_and_gives_its_examples_by_name() -> None:
    draft = body("Hello {{first_name}}, welcome to our shop.", first_name="Ayşe").model_copy(
        update={"header": DraftHeader()}
    )
    made = definition_of(draft)
    assert made["parameter_format"] == "NAMED"
    assert made["components"][0]["example"] == {
        "body_text_named_params": [{"param_name": "first_name", "example": "Ayşe"}]
    }


def test_the_preview_shows_examples_and_leaves_the_mark_where_there_is_none() -> None:
    shown = preview_of(GOOD.model_copy(update={"examples": {"1": "Ayşe"}}), offer_ends_ms=0)
    assert shown.body == "Hello Ayşe, your discount of {{2}} is good until Sunday."
    assert shown.header == "News for Ayşe today"
    assert [button.text for button in shown.buttons] == ["Stop", "Shop"]
    assert shown.buttons[1].url == "https://shop.example/a1"


@pytest.mark.parametrize("draft", [CAROUSEL, CODE, offer(), TemplateDraft(), TemplateDraft(is_carousel=True)])
def test_any_draft_can_be_looked_at(draft: TemplateDraft) -> None:
    assert preview_of(draft, offer_ends_ms=1_800_000_000_000) is not None


def test_a_code_without_a_button_text_shows_the_providers_own() -> None:
    shown = preview_of(CODE, offer_ends_ms=0)
    assert [button.text for button in shown.buttons] == ["Copy code"]
    assert "{{" not in shown.body


def test_a_variable_is_added_with_the_next_number_or_a_free_name() -> None:
    assert with_variable("Hello") == "Hello {{1}}"
    assert with_variable("Hello {{1}}, ") == "Hello {{1}}, {{2}}"
    assert with_variable("Hello {{name}}\n") == "Hello {{name}}\n{{value_1}}"


def test_a_name_is_made_of_what_was_typed() -> None:
    assert as_name("  Kış Kampanyası 2026! ") == "kis_kampanyasi_2026"
