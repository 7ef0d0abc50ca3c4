"""Formats a person may ask for, and what each kind of slot takes: a value that can't be used is told from none."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from engine.templates import Binding, Template, resolve_parameters
from tests.engine.templates_world import COPY, FLOW, OTP, body, buttons, card, carousel, header, offer, template

NOW = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
ZONE = "Europe/Istanbul"
LOCATION = {"type": "HEADER", "format": "LOCATION"}
DOCUMENT = {"type": "HEADER", "format": "DOCUMENT"}
SHOP = {"type": "URL", "text": "Shop", "url": "https://shop.example/k/{{1}}"}


def resolved(frame: pl.DataFrame, found: Template, **typed: str) -> pl.DataFrame:
    """The values; `header_image` stands for `header.image` and so on, in the order of the slots."""
    bindings = {slot.key: Binding.of(text) for slot, text in zip(found.slots, typed.values(), strict=False)}
    return resolve_parameters(frame, found, bindings, zone=ZONE, now=NOW)


def written(value: object, typed: str, language: str = "tr", kind: pl.DataType | None = None) -> str | None:
    """One body value as a language writes it."""
    frame = pl.DataFrame({"x": pl.Series([value], dtype=kind)})
    text: str | None = resolved(frame, template(body("Hi {{1}}!"), language=language), a=typed)["p_0"].item()
    return text


@pytest.mark.parametrize(
    ("value", "typed", "language", "expected"),
    [
        (1250.5, "@x:money", "tr", "₺1.250,50"),
        (1250.5, "@x:money", "en", "$1,250.50"),
        (1250.5, "@x:money_TRY", "en", "TRY 1,250.50"),
        (1250.5, "@x:money", "de", "1.250,50 €"),
        (-3.0, "@x:money", "tr", "-₺3,00"),
        (1250.4, "@x:money", "ja", "￥1,250"),
        (48213.0, "@x:plain", "tr", "48213"),
        (48213.0, "@x:number", "tr", "48.213"),
        ("1250.5", "@x:money", "tr", "₺1.250,50"),
        ("much", "@x:money", "tr", "much"),
        (date(2026, 11, 30), "@x:short", "tr", "30.11.2026"),
        ("istanbul ışık", "@x:upper", "tr", "İSTANBUL IŞIK"),
        ("istanbul", "@x:upper", "en", "ISTANBUL"),
        ("İSTANBUL IŞIK", "@x:lower", "tr", "istanbul ışık"),
        ("iLKER ILICA-IŞIK o'neil", "@x:title", "tr", "İlker Ilıca-Işık O'neil"),
        ("MARY ann", "@x:title", "en", "Mary Ann"),
        ("Ayşe", "Sayın @x:upper, @today:short", "tr", "Sayın AYŞE, 25.11.2026"),
        ("Ayşe", "@today", "tr", "25 Kasım 2026"),
        ("Ayşe", "@x:shortly", "tr", "Ayşe:shortly"),
        ("Ayşe", "@x:unknown", "tr", "Ayşe:unknown"),
    ],
)
def test_a_value_is_written_in_the_form_asked_for(value: object, typed: str, language: str, expected: str) -> None:
    assert written(value, typed, language) == expected


def test_a_form_is_read_back_as_it_was_typed() -> None:
    for typed in ("@x:money_TRY and @y:title", "@today:short", "@x:long"):
        assert Binding.of(typed).typed == typed
    assert Binding.of("@today and @x").fields == ("x",)


def test_today_is_no_field_of_a_contact_and_leaves_nobody_out() -> None:
    binding = Binding.of("until @today")
    assert (binding.fields, binding.leaves_out, binding.is_empty) == ((), False, False)


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ("41.0082", "28.9784", ("41.0082", "28.9784", None)),
        ("41,0082", "-28", ("41.0082", "-28", None)),
        ("90.1", "28", (None, "28", 0)),
        ("41", "181", ("41", None, 1)),
        ("here", "28", (None, "28", 0)),
        (None, "28", (None, "28", None)),
    ],
)
def test_a_place_needs_degrees_in_their_range(
    latitude: str | None, longitude: str, expected: tuple[object, ...]
) -> None:
    frame = pl.DataFrame({"lat": pl.Series([latitude], dtype=pl.String), "lon": [longitude]})
    filled = resolved(frame, template(LOCATION, body("Hi")), a="@lat", b="@lon")
    assert filled.select("p_0", "p_1", "invalid").row(0) == expected
    first = next((index for index, value in enumerate(expected[:2]) if value is None), None)
    assert filled["missing"].item() == first


def test_a_number_field_gives_degrees_links_and_codes_without_the_languages_signs() -> None:
    frame = pl.DataFrame({"lat": [41.0082], "no": [48213.0]})
    place = resolved(frame, template(LOCATION, body("Hi"), language="tr"), a="@lat", b="@no")
    assert place.select("p_0", "p_1", "invalid").row(0) == ("41.0082", None, 1)
    link = resolved(frame, template(body("Hi"), buttons(SHOP, COPY), language="tr"), a="@no", b="@no")
    assert link.select("p_0", "p_1").row(0) == ("48213", "48213")


@pytest.mark.parametrize(
    ("value", "expected_ms"),
    [
        (datetime(2026, 12, 1, 9, 0), 1796115600000),
        (date(2026, 12, 1), 1796158799000),
        ("2026-12-01", 1796158799000),
        ("2026-12-01T12:00", 1796115600000),
        ("2026-12-01 12:00", 1796115600000),
        ("2026-12-01T09:00:00Z", 1796115600000),
        ("1796115600000", 1796115600000),
        (date(2026, 11, 24), None),
        ("2026-11-24T21:29:59Z", None),
        ("tomorrow", None),
        ("2026-13-01", None),
    ],
)
def test_the_end_of_an_offer_is_a_moment_to_come(value: object, expected_ms: int | None) -> None:
    found = template(body("Hi"), offer())
    field = resolved(pl.DataFrame({"x": [value]}), found, a="@x")
    assert field.select("p_0", "invalid").row(0) == ((str(expected_ms), None) if expected_ms else (None, 0))
    if isinstance(value, str):
        typed = resolved(pl.DataFrame({"x": [value, value]}), found, a=value)
        assert typed["p_0"].to_list() == field["p_0"].to_list() * 2


def test_an_offer_without_an_end_has_no_hole() -> None:
    assert template(body("Hi"), offer(has_expiration=False)).slots == ()


@pytest.mark.parametrize(
    ("value", "column"),
    [("KIS20", None), ("KIS 20", "invalid"), ("KIŞ20", "invalid"), ("K" * 16, "too_long"), (" ", "missing")],
)
def test_a_coupon_is_letters_and_digits_up_to_fifteen(value: str, column: str | None) -> None:
    filled = resolved(pl.DataFrame({"x": [value]}), template(body("Hi"), buttons(COPY)), a="@x").row(0, named=True)
    found = [name for name in ("invalid", "missing", "too_long") if filled[name] is not None]
    assert found[:1] == ([column] if column else [])


def test_a_one_time_code_is_one_hole() -> None:
    found = template(body("*{{1}}* is your code."), buttons(OTP), category="AUTHENTICATION")
    assert [(slot.key, slot.kind, slot.limit) for slot in found.slots] == [("button.0.otp", "code", 15)]
    values = ["481920", "481-920", "48 19", "1" * 16, None]
    filled = resolved(pl.DataFrame({"x": values}), found, a="@x")
    assert filled["invalid"].to_list() == [None, None, 0, None, None]
    assert filled["too_long"].to_list() == [None, None, None, 0, None]
    assert filled["missing"].to_list() == [None, None, 0, None, 0]


def test_what_may_stay_empty_is_never_missing_but_has_its_limit() -> None:
    found = template(DOCUMENT, body("Hi"), buttons(FLOW))
    assert [slot.is_optional for slot in found.slots] == [False, True, True]
    frame = pl.DataFrame({"file": ["https://cdn.example/a.pdf"] * 2, "name": [None, "n" * 241]})
    filled = resolved(frame, found, a="@file", b="@name")
    assert filled["missing"].to_list() == [None, None]
    assert filled["too_long"].to_list() == [None, 1]
    assert filled["p_2"].to_list() == [None, None]


def test_a_wrong_constant_is_invalid_for_everybody_and_a_fallback_stands_in_for_a_wrong_value() -> None:
    found = template(body("Hi"), buttons(SHOP))
    frame = pl.DataFrame({"path": ["https://evil.example/", "a1"]})
    assert resolved(frame, found, a="https://evil.example/x")["invalid"].to_list() == [0, 0]
    assert resolved(frame, found, a="@path")["invalid"].to_list() == [0, None]
    kept = resolve_parameters(frame, found, {"button.0.url": Binding.of("@path", "home")})
    assert kept.select("p_0", "invalid", "missing").rows() == [("home", None, None), ("a1", None, None)]


@pytest.mark.parametrize(
    ("found", "length", "limit_of"),
    [
        (template(header("H {{1}}"), body("Hi")), 58, "header"),
        (template(body("{{1}}"), offer(has_expiration=False)), 600, "offer"),
        (template(body("Hi"), carousel(card(), card())), 154, "card"),
        (template(body("{{1}}{{1}}"), header("x")), 512, "twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_part_has_its_own_length(found: Template, length: int, limit_of: str) -> None:
    frame = pl.DataFrame({"x": ["n" * length, "n" * (length + 1)]})
    place = next(index for index, slot in enumerate(found.slots) if slot.kind == "text")
    bindings = {found.slots[place].key: Binding.of("@x")}
    assert resolve_parameters(frame, found, bindings, now=NOW)["too_long"].to_list() == [None, place]
    typed = {found.slots[place].key: Binding.of("n" * (length + 1))}
    assert resolve_parameters(frame, found, typed, now=NOW)["too_long"].to_list() == [place, place]


def test_cards_come_last_each_with_its_own_holes() -> None:
    found = template(body(), carousel(card(buttons(SHOP)), card(buttons(SHOP), text="All.")), buttons(SHOP))
    assert [(slot.key, slot.card) for slot in found.slots] == [
        ("body:1", None),
        ("button.0.url", None),
        ("card.0.header.image", 0),
        ("card.0.body:1", 0),
        ("card.0.button.0.url", 0),
        ("card.1.header.image", 1),
        ("card.1.button.0.url", 1),
    ]
    assert found.slots[3].label == "Card 1: Body 1"
