"""A template as the provider describes it: its slots, and why some can't be sent."""

from __future__ import annotations

from typing import Any

import pytest

from engine.templates import Template, parse_template
from engine.templates.kinds import STATUS_REASONS
from tests.engine.templates_world import (
    COPY,
    FLOW,
    IMAGE,
    OTP,
    body,
    buttons,
    card,
    carousel,
    header,
    node,
    offer,
    shipped,
    template,
)

QUICK = {"type": "QUICK_REPLY", "text": "No, thanks"}
SHOP = {
    "type": "URL",
    "text": "Shop",
    "url": "https://shop.example/k/{{1}}",
    "example": ["https://shop.example/k/a1"],
}


def keys(found: Template) -> list[str]:
    return [slot.key for slot in found.slots]


def test_positional_variables_are_slots_in_the_order_of_their_numbers() -> None:
    assert keys(template(body("{{2}} and {{1}} and {{10}}, {{2}} again"))) == ["body:1", "body:2", "body:10"]


def test_named_variables_are_slots_in_the_order_of_the_text() -> None:
    found = template(body("Dear {{first_name}}, until {{last_day}}."), parameter_format="NAMED")
    assert keys(found) == ["body:first_name", "body:last_day"]


def test_slots_follow_the_message_from_header_to_buttons() -> None:
    assert keys(template(header("On {{1}}"), body(), buttons(QUICK, SHOP))) == [
        "header.text:1",
        "body:1",
        "button.1.url",
    ]


def test_an_image_header_always_needs_an_image() -> None:
    slot = template(IMAGE, body("Hi")).slots[0]
    assert (slot.key, slot.kind, slot.example) == ("header.image", "image", "https://cdn.example/a.png")


def test_a_button_counts_its_place_among_all_buttons_and_knows_the_url_before_its_hole() -> None:
    slot = template(body("Hi"), buttons(QUICK, QUICK, SHOP)).slots[0]
    assert (slot.key, slot.prefix, slot.example) == ("button.2.url", "https://shop.example/k/", "a1")


def test_static_buttons_and_quick_replies_are_no_slots() -> None:
    phone = {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+902121234567"}
    static = {"type": "URL", "text": "Site", "url": "https://shop.example"}
    found = template(body("Hi"), buttons(QUICK, static, phone))
    assert keys(found) == []
    assert found.unsendable_reason is None
    assert not found.has_variables


def test_examples_come_with_their_slots_positional_and_named() -> None:
    positional = template(body("{{1}} {{2}}", example={"body_text": [["Ayşe", "%20"]]}))
    named = template(
        body("{{day}}", example={"body_text_named_params": [{"param_name": "day", "example": "Monday"}]})
    )
    assert [slot.example for slot in positional.slots] == ["Ayşe", "%20"]
    assert [slot.example for slot in named.slots] == ["Monday"]


def test_names_make_a_template_named_even_when_the_provider_doesnt_say_so() -> None:
    assert template(body("Dear {{first_name}}")).is_named
    assert not template(body("Dear {{1}}")).is_named


def test_a_label_names_its_variable() -> None:
    assert template(body("Dear {{first_name}}")).slots[0].label == "Body first_name"


@pytest.mark.parametrize("status", [*STATUS_REASONS, "SOMETHING_NEW"])
def test_only_an_approved_template_can_be_sent(status: str) -> None:
    assert template(status=status).unsendable_reason is not None


@pytest.mark.parametrize(
    ("components", "reason"),
    [
        ([{"type": "HEADER", "format": "GIF"}, body()], "GIF headers aren't supported"),
        ([{"type": "HEADER", "format": "PRODUCT"}, body()], "Product headers aren't supported"),
        ([{"type": "HEADER", "format": "HOLOGRAM"}, body()], "It has a part that isn't supported"),
        ([body(), carousel(card())], "Its carousel hasn't 2 to 10 cards"),
        ([body(), carousel(*[card()] * 11)], "Its carousel hasn't 2 to 10 cards"),
        ([body(), carousel(card(), {"components": [body()]})], "A card of its carousel has no image or video"),
        ([body(), carousel(card(), card(buttons({"type": "SPM"})))], "Product buttons aren't supported"),
        ([body(), {"type": "NEWS"}], "It has a part that isn't supported"),
        ([body(), buttons({"type": "MPM", "text": "See"})], "Product buttons aren't supported"),
        ([body(), buttons({"type": "ORDER_DETAILS", "text": "Pay"})], "Order buttons aren't supported"),
        ([body(), buttons({"type": "CATALOG", "text": "See"})], "Catalogue buttons aren't supported"),
        ([body(), buttons(QUICK, {"type": "POSTBACK"})], "It has a part that isn't supported"),
        ([header("Only a header")], "It has no body"),
    ],
)
def test_a_kind_that_cant_be_sent_says_why(components: list[dict[str, Any]], reason: str) -> None:
    assert template(*components).unsendable_reason == reason


@pytest.mark.parametrize(
    "components",
    [
        [{"type": "HEADER", "format": "VIDEO"}, body()],
        [{"type": "HEADER", "format": "DOCUMENT"}, body()],
        [{"type": "HEADER", "format": "LOCATION"}, body()],
        [body(), carousel(card(), card())],
        [body(), carousel(*[card()] * 10)],
        [body(), offer()],
        [body(), buttons(COPY)],
        [body(), buttons(FLOW)],
        [body(), buttons(OTP)],
    ],
)
def test_every_other_kind_can_be_sent(components: list[dict[str, Any]]) -> None:
    assert template(*components).unsendable_reason is None


def test_the_hash_follows_what_people_see_and_not_the_examples() -> None:
    plain = template(body("Hi {{1}}")).content_hash
    assert template(body("Hi {{1}}", example={"body_text": [["x"]]}), status="PAUSED").content_hash == plain
    assert template(body("Hi, {{1}}")).content_hash != plain
    assert template(body("Hi {{1}}"), {"type": "CAROUSEL", "cards": [1]}).content_hash != plain


def test_a_template_survives_json() -> None:
    found = template(IMAGE, body(), buttons(QUICK, SHOP), quality_score={"score": "GREEN"})
    again = Template.model_validate_json(found.model_dump_json())
    assert again == found
    assert again.slots == found.slots


def test_a_node_with_next_to_nothing_is_listed_and_not_sendable() -> None:
    found = parse_template("ch-1", {"name": "bare", "language": "en-US"})
    assert (found.language, found.status, found.slots) == ("en_US", "UNKNOWN", ())
    assert found.unsendable_reason is not None


@pytest.mark.parametrize(
    ("name", "language", "is_sendable"),
    [
        ("service_notice", "tr", True),
        ("order_shipped", "en", True),
        ("autumn_offer", "tr", True),
        ("winter_sale", "tr", True),
        ("event_invitation", "en_US", True),
        ("product_film", "tr", True),
        ("invoice_ready", "tr", True),
        ("welcome_coupon", "tr", True),
        ("store_opening", "tr", True),
        ("flash_sale", "en", True),
        ("new_arrivals", "tr", True),
        ("store_films", "en", True),
        ("sign_in_code", "tr", True),
        ("sign_in_code", "en", True),
        ("service_survey", "en", True),
        ("catalogue_tour", "en", False),
        ("new_year_special", "tr", False),
        ("prize_draw", "tr", False),
        ("spring_collection", "tr", False),
    ],
)
def test_the_sandboxs_templates_are_told_apart(name: str, language: str, is_sendable: bool) -> None:
    assert (shipped(name, language).unsendable_reason is None) is is_sendable


def test_unknown_words_of_the_provider_are_kept() -> None:
    found = parse_template("ch-1", node(category="TRANSACTIONAL", status="odd"))
    assert (found.category, found.status) == ("TRANSACTIONAL", "ODD")
