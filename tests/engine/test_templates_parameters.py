"""The values of every slot for every person: what fills them, how they are cleaned, who lacks one."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from urllib.parse import unquote

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.templates import Binding, resolve_parameters
from engine.templates.values import CONTROL_CHARACTERS
from tests.engine.templates_world import IMAGE, body, buttons, header, template

SHOP = {"type": "URL", "text": "Shop", "url": "https://shop.example/k/{{1}}"}


def fill(frame: pl.DataFrame, typed: str, fallback: str = "", language: str = "en") -> list[str | None]:
    """One body slot's values."""
    found = template(body("Hi {{1}}!"), language=language)
    return resolve_parameters(frame, found, {"body:1": Binding.of(typed, fallback)})["p_0"].to_list()


def people(**columns: list[object]) -> pl.DataFrame:
    return pl.DataFrame(columns, strict=False)


def test_text_and_fields_mix() -> None:
    frame = people(name=["Ayşe", "Can"], surname=["Yılmaz", "Demir"])
    assert fill(frame, "Sayın @name @surname,") == ["Sayın Ayşe Yılmaz,", "Sayın Can Demir,"]


def test_a_constant_is_the_same_for_everybody() -> None:
    assert fill(people(name=["a", "b", "c"]), "%20") == ["%20"] * 3


def test_one_empty_field_makes_the_whole_value_empty() -> None:
    assert fill(people(name=["Ayşe", None, "", "  ", "\u200b"]), "Sayın @name") == [
        "Sayın Ayşe",
        None,
        None,
        None,
        None,
    ]


def test_the_fallback_stands_for_the_whole_value() -> None:
    assert fill(people(name=["Ayşe", None]), "Sayın @name", "Değerli müşterimiz") == [
        "Sayın Ayşe",
        "Değerli müşterimiz",
    ]


def test_a_field_nobody_has_is_empty_for_all() -> None:
    assert fill(people(name=["a", "b"]), "@colour") == [None, None]
    assert fill(people(name=["a", "b"]), "@colour", "x") == ["x", "x"]


def test_missing_is_the_first_empty_slot_of_each_person() -> None:
    found = template(body("{{1}} {{2}}"))
    frame = people(name=["a", None, "b"], city=["x", "y", None])
    bindings = {"body:1": Binding.of("@name"), "body:2": Binding.of("@city")}
    assert resolve_parameters(frame, found, bindings)["missing"].to_list() == [None, 0, 1]


def test_a_slot_without_a_binding_is_missing_for_all() -> None:
    found = template(body("{{1}} {{2}}"))
    filled = resolve_parameters(people(name=["a", "b"]), found, {"body:1": Binding.of("@name")})
    assert filled["missing"].to_list() == [1, 1]


def test_a_template_without_slots_answers_one_row_per_person() -> None:
    filled = resolve_parameters(people(name=["a", "b", "c"]), template(body("Hi")), {})
    assert filled.to_dict(as_series=False) == {"missing": [None] * 3, "too_long": [None] * 3, "invalid": [None] * 3}


def test_nobody_is_answered_with_nobody() -> None:
    frame = pl.DataFrame(schema={"name": pl.String, "born": pl.Date})
    filled = resolve_parameters(frame, template(body("{{1}}")), {"body:1": Binding.of("@name @born")})
    assert (filled.height, filled.columns) == (0, ["p_0", "missing", "too_long", "invalid"])


def test_the_persons_own_values_stay_as_they_were() -> None:
    frame = people(name=["a\nb", "c  d"])
    fill(frame, "@name")
    assert frame["name"].to_list() == ["a\nb", "c  d"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\nb\tc     d", "a b c d"),
        ("  around  ", "around"),
        ("soft\u00a0space\u2003here", "soft space here"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("bell\x07", "bell"),
        ("e\u0301", "é"),
        ("I\u0307zmir", "İzmir"),
        ("👩\u200d👧 family", "👩\u200d👧 family"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("*bold*", "*bold*"),
        ("{{1}}", "{{1}}"),
        ("\u202eevil", "evil"),
    ],
)
def test_a_value_is_cleaned_as_the_provider_demands(value: str, expected: str) -> None:
    assert fill(people(name=[value]), "@name") == [expected]


@given(st.lists(st.text(max_size=20), min_size=1, max_size=20), st.text(max_size=8))
def test_no_value_breaks_a_rule_of_the_provider(values: list[str], fallback: str) -> None:
    plain = re.sub(r"[\ud800-\udfff]", "", fallback)
    frame = people(name=values)
    for value in fill(frame, "@name", plain):
        if value is None:
            continue
        assert value == value.strip(" ")
        assert value
        assert unicodedata.is_normalized("NFC", value)
        assert not re.search(r"\s\s|[\n\t\r]", value)
        assert not re.search(CONTROL_CHARACTERS, value)


@pytest.mark.parametrize(
    ("language", "long", "short"),
    [
        ("tr", "30 Kasım 2026", "30.11.2026"),
        ("en", "November 30, 2026", "11/30/26"),
        ("de", "30. November 2026", "30.11.26"),
    ],
)
def test_dates_are_written_in_the_templates_language(language: str, long: str, short: str) -> None:
    frame = people(day=[date(2026, 11, 30), None])
    assert fill(frame, "@day", language=language) == [long, None]
    assert fill(frame, "@day:long", language=language) == [long, None]
    assert fill(frame, "@day:short", language=language) == [short, None]


def test_a_moment_becomes_the_day_it_is_in_the_business_zone() -> None:
    frame = people(created_at=[datetime(2026, 11, 30, 22, 30)])
    found, bindings = template(body("{{1}}"), language="tr"), {"body:1": Binding.of("@created_at")}
    assert resolve_parameters(frame, found, bindings, zone="Europe/Istanbul")["p_0"].to_list() == ["1 Aralık 2026"]


@pytest.mark.parametrize(
    ("value", "turkish", "english"),
    [
        (5.0, "5", "5"),
        (1299.5, "1.299,5", "1,299.5"),
        (1234567.891, "1.234.567,89", "1,234,567.89"),
        (-1000.0, "-1.000", "-1,000"),
        (-0.001, "0", "0"),
        (0.05, "0,05", "0.05"),
        (100000.0, "100.000", "100,000"),
        (float("nan"), None, None),
        (float("inf"), None, None),
        (None, None, None),
    ],
)
def test_numbers_are_written_in_the_templates_language(
    value: float | None, turkish: str | None, english: str | None
) -> None:
    frame = pl.DataFrame({"amount": pl.Series([value], dtype=pl.Float64)})
    assert fill(frame, "@amount", language="tr") == [turkish]
    assert fill(frame, "@amount", language="en_US") == [english]


def test_yes_and_no_are_words() -> None:
    assert fill(people(member=[True, False, None]), "@member", language="tr") == ["Evet", "Hayır", None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a1b2", "a1b2"),
        ("a1?utm=wa&x=1", "a1?utm=wa&x=1"),
        ("a b/ü", "a%20b/%C3%BC"),
        ("100% pure", "100%25%20pure"),
        ("a%20b", "a%20b"),
        ("#top", "%23top"),
        ("https://shop.example/k/a1", "a1"),
        ("https://evil.example/k/a1", None),
        ("https://shop.example/k/", None),
    ],
)
def test_a_url_suffix_is_encoded_and_a_foreign_url_is_refused(value: str, expected: str | None) -> None:
    found = template(body("Hi"), buttons(SHOP))
    filled = resolve_parameters(people(path=[value, "plain"]), found, {"button.0.url": Binding.of("@path")})
    assert filled["p_0"].to_list() == [expected, "plain"]


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_an_encoded_suffix_reads_back_as_the_value(value: str) -> None:
    found = template(body("Hi"), buttons(SHOP))
    bindings = {"button.0.url": Binding.of("@path")}
    suffix = resolve_parameters(people(path=[value]), found, bindings)["p_0"].item()
    clean = fill(people(name=[value]), "@name")[0]
    if suffix is not None and "%" not in value:
        assert unquote(suffix) == clean
        assert suffix.isascii()


@pytest.mark.parametrize(
    ("value", "is_taken"),
    [
        ("https://cdn.example/a.png", True),
        ("media:" + "0f" * 32, True),
        ("http://cdn.example/a.png", False),
        ("javascript:alert(1)", False),
        ("media:short", False),
        ("https://", False),
    ],
)
def test_an_image_is_a_secure_link_or_an_uploaded_file(value: str, is_taken: bool) -> None:
    found = template(IMAGE, body("Hi"))
    filled = resolve_parameters(people(photo=[value]), found, {"header.image": Binding.of("@photo")})
    assert filled["p_0"].to_list() == [value if is_taken else None]


def test_too_long_names_the_first_slot_of_the_part_that_would_be_too_long() -> None:
    found = template(header("For {{1}}"), body("Hello {{1}}, {{2}}"))
    frame = people(name=["a", "n" * 57, "b"], text=["x", "y", "z" * 1100])
    bindings = {
        "header.text:1": Binding.of("@name"),
        "body:1": Binding.of("constant"),
        "body:2": Binding.of("@text"),
    }
    assert resolve_parameters(frame, found, bindings)["too_long"].to_list() == [None, 0, 1]


def test_a_body_that_stands_alone_may_be_longer() -> None:
    filled = resolve_parameters(people(text=["z" * 1100]), template(body("{{1}}")), {"body:1": Binding.of("@text")})
    assert filled["too_long"].to_list() == [None]
