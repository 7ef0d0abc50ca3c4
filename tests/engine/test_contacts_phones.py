from __future__ import annotations

import pytest

from engine.contacts import match_key, parse_phone
from engine.contacts.phones import REASONS
from engine.errors import InvalidPhone

TURKISH_FORMS = [
    "05321234567",
    "5321234567",
    "905321234567",
    "00905321234567",
    "+90 (532) 123 45 67",
    "+905321234567",
    "0 532 123 45 67",
    "0(532)1234567",
    "(0532) 123-45-67",
    "'05321234567",
    "’+905321234567",
    "5321234567.0",
    '="05321234567"',
    "\u202a+90 532 123 45 67\u202c",
    "0532\u00a0123\u00a045\u00a067",
    "  0532.123.45.67\t",
    "tel: 0532 123 45 67",
    "٠٥٣٢١٢٣٤٥٦٧",
]


@pytest.mark.parametrize("text", TURKISH_FORMS)
def test_each_way_to_write_a_turkish_mobile_is_one_number(text: str) -> None:
    phone = parse_phone(text, "TR")
    assert (phone.e164, phone.match_key, phone.country, phone.is_valid) == (
        "+905321234567",
        "905321234567",
        "TR",
        True,
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5,32E+09", "spreadsheet"),
        ("5.32123E+09", "spreadsheet"),
        ("9,05321E+11", "spreadsheet"),
        ("5E9", "spreadsheet"),
        ("", "empty"),
        ("   ", "empty"),
        ("'", "empty"),
        ("yok", "not_a_number"),
        ("12345", "too_short"),
        ("053212345", "length"),
        ("053212", "too_short"),
        ("0532123456789012", "too_long"),
        ("0532 123 45 67 / 0533 123 45 67", "too_long"),
        ("+999 123 456 789", "no_country"),
        ("ahmet@ornek.com", "not_a_number"),
    ],
)
def test_what_is_nobodys_number_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(InvalidPhone) as caught:
        parse_phone(text, "TR")
    assert caught.value.code == code
    assert caught.value.reason == REASONS[code]


def test_a_landline_is_kept() -> None:
    assert parse_phone("0212 555 00 00", "TR").e164 == "+902125550000"


def test_a_possible_number_that_is_not_valid_is_kept_and_marked() -> None:
    phone = parse_phone("0999 123 45 67", "TR")
    assert (phone.e164, phone.is_valid, phone.country) == ("+909991234567", False, "TR")


def test_the_region_applies_only_without_a_country_code() -> None:
    assert parse_phone("+49 1512 3456789", "TR").country == "DE"
    assert parse_phone("01512 3456789", "DE").e164 == "+4915123456789"


def test_a_number_of_several_countries_has_its_own() -> None:
    assert parse_phone("+7 701 234 56 78", "TR").country == "KZ"
    assert parse_phone("+39 06 698 12345", "TR").e164 == "+390669812345"


@pytest.mark.parametrize(
    ("variants", "key"),
    [
        (["5511987654321", "551187654321"], "551187654321"),
        (["551133334444"], "551133334444"),
        (["5215512345678", "525512345678"], "525512345678"),
        (["5492954123456", "542954123456"], "542954123456"),
        (["905321234567"], "905321234567"),
        (["4915123456789"], "4915123456789"),
    ],
    ids=["brazil", "brazil-landline", "mexico", "argentina", "turkey", "germany"],
)
def test_the_variants_of_one_person_have_one_match_key(variants: list[str], key: str) -> None:
    assert {match_key(each) for each in variants} == {key}


def test_argentinas_national_15_is_the_international_9() -> None:
    assert parse_phone("02954 15 123456", "AR").e164 == "+5492954123456"


def test_an_error_about_a_phone_does_not_hold_the_phone() -> None:
    with pytest.raises(InvalidPhone) as caught:
        parse_phone("0532123456789012", "TR")
    assert "0532" not in f"{caught.value} {caught.value.fields}"


def test_a_number_without_its_area_code_is_refused() -> None:
    with pytest.raises(InvalidPhone) as caught:
        parse_phone("253 0000", "US")
    assert caught.value.code == "no_area"
