from __future__ import annotations

import random

import phonenumbers
import polars as pl
import pytest

from engine.contacts import parse_phone
from engine.contacts import phones_bulk as bulk
from engine.errors import InvalidPhone


def one_by_one(text: str, region: str) -> tuple[object, ...]:
    try:
        phone = parse_phone(text, region)
    except InvalidPhone as problem:
        return (None, None, None, None, problem.code)
    return (phone.e164, phone.match_key, phone.country, phone.is_valid, None)


def forms_of(region: str) -> list[str]:
    """The library's own example numbers of a region, each in the ways people write it."""
    forms = []
    for kind in (0, 1, 3, 4, 5, 6, 7, 8, 9, 10):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        national = phonenumbers.national_significant_number(number)
        shown = [phonenumbers.format_number(number, style) for style in (0, 1, 2)]
        forms += [e164, e164[1:], "00" + e164[1:], "011" + e164[1:], national, "0" + national, "8" + national, *shown]
        forms += [national[:-1], national + "5", "(" + national + ")", e164 + " ", "+" + national, "0 " + e164[1:]]
    return forms


def compare(texts: list[tuple[str, str]]) -> None:
    asked = pl.DataFrame(sorted(set(texts)), schema=["text", "region"], orient="row")
    answered = bulk.normalise_phones(asked)
    assert len(answered) == len(asked)
    for text, region, *found in answered.select(bulk.SCHEMA.keys()).iter_rows():
        assert tuple(found) == one_by_one(text, region), (text, region)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile a region however few its numbers are."""
    monkeypatch.setattr(bulk, "_ENOUGH", 1)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("home", ["TR", "DE", "US", "BR", "AR", "MX", "IT", "SA", "RU"])
def test_many_at_once_gives_what_one_by_one_gives_for_each_regions_numbers(home: str) -> None:
    regions = sorted(phonenumbers.SUPPORTED_REGIONS)[:: 1 if home == "TR" else 3]
    everywhere = [(form, home) for region in regions for form in forms_of(region)]
    compare(everywhere)


@pytest.mark.usefixtures("compiled")
def test_many_at_once_gives_what_one_by_one_gives_for_numbers_at_home() -> None:
    compare([(form, region) for region in sorted(phonenumbers.SUPPORTED_REGIONS) for form in forms_of(region)])


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("home", ["TR", "DE"])
def test_many_at_once_gives_what_one_by_one_gives_for_chance_digits(home: str) -> None:
    chance = random.Random(7)
    starts = ["", "0", "00", "+", "+90", "90", "0090", "5", "05", "+49", "0049", "(0", "+55", "+1 ", "444", "0850"]
    texts = [
        chance.choice(starts) + "".join(chance.choice("0123456789 ") for _ in range(chance.randint(4, 13)))
        for _ in range(4_000)
    ]
    compare([(text, home) for text in texts])


DRESSES = (
    "'{}", "={}", '="{}"', '"{}"', "’{} ", "{}.0", "{},00", "\u202a{}\u202c", "\u00a0{}\u00a0", "\ufeff{}", " {} ",
    "({}", "tel: {}", "{} ext 5", "{}/", "{} / 0532", "+{}", "++{}", "0{}", "00{}", "{}0", "{}E+09", "{}-", "{}#",
    "*{}", "{}{}",
)  # fmt: skip


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("home", ["TR", "US", "CA", "AR", "GG", "KZ"])
def test_many_at_once_gives_what_one_by_one_gives_for_what_surrounds_a_number(home: str) -> None:
    chance = random.Random(11)
    numbers = [
        "05321234567",
        "5321234567",
        "+90 532 123 45 67",
        "2025550123",
        "12",
        "123",
        "1234567",
        "5,32",
        "1",
        "",
    ]
    numbers += [form for region in ("AR", "BR", "GG", "CA", "RU", "KZ") for form in forms_of(region)[::7]]
    texts = [dress.replace("{}", number) for dress in DRESSES for number in numbers]
    for text in chance.sample(texts, 600):
        place = chance.randrange(len(text) + 1)
        texts.append(text[:place] + chance.choice("0159+-() ./xE,;\u00a0\t٣") + text[place:])
    compare([(text, home) for text in texts])


@pytest.mark.usefixtures("compiled")
def test_what_is_no_region_still_has_its_international_numbers() -> None:
    numbers = ["+905321234567", "00905321234567", "0532 123 45 67", "+999 12345678", "+800 1234 5678", "+1", "+"]
    compare([(number, region) for number in numbers for region in ("AQ", "XX", "001", "TR")])


def test_a_few_numbers_go_to_the_library_alone() -> None:
    compare([("0532 123 45 67", "TR"), ("5,32E+09", "TR"), ("+1 202 555 0123", "TR"), ("x", "TR")])


@pytest.mark.usefixtures("compiled")
def test_plain_numbers_at_home_never_reach_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str, region: str) -> None:
        raise AssertionError(text)

    monkeypatch.setattr(bulk, "parse_phone", refuse)
    forms = ["05321234567", "5321234567", "905321234567", "00905321234567", "+90 (532) 123 45 67", "+49 1512 3456789"]
    answered = bulk.normalise_phones(pl.DataFrame({"text": forms, "region": ["TR"] * len(forms)}))
    assert sorted(answered["e164"].unique()) == ["+4915123456789", "+905321234567"]
