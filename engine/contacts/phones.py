"""One phone number: what a person wrote, made E.164 by libphonenumber's rules, and its match key.

Landlines are kept (the WhatsApp Business app works on them), possible but not valid numbers too, marked; what can
be nobody's number is refused with a reason. Nothing here rewrites a stored number: the match key says which
numbers are one person. Source: reference §11 of WhatsApp's documentation, as of 2026-11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from engine.errors import InvalidPhone
from engine.words import N_

REASONS: dict[str, str] = {
    "empty": N_("there is no phone number"),
    "spreadsheet": N_("a spreadsheet turned it into a rounded number such as 5,32E+09; digits are lost"),
    "not_a_number": N_("it is no phone number"),
    "too_short": N_("it has too few digits"),
    "too_long": N_("it has too many digits; a number of another country starts with +"),
    "no_country": N_("its country code doesn't exist"),
    "no_area": N_("the area code is missing"),
    "length": N_("no number of its country has this length"),
}
_SPREADSHEET = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s*[eE]\s*[+-]?\d+")
_FLOAT_TAIL = re.compile(r"(\d{6,})[.,]0+")
# what travels unseen with a copied number: BOM, zero-width and direction marks, soft hyphen, non-breaking space
_UNSEEN: dict[int, str | None] = {
    ord(mark): None
    for mark in "\ufeff\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u00ad"
}
_UNSEEN[0xA0] = " "
_LONGEST_TEXT = 250
_BY_LENGTH = {
    ValidationResult.TOO_SHORT: "too_short",
    ValidationResult.TOO_LONG: "too_long",
    ValidationResult.INVALID_COUNTRY_CODE: "no_country",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "no_area",
    ValidationResult.INVALID_LENGTH: "length",
}
_BY_PARSER = {
    NumberParseException.INVALID_COUNTRY_CODE: "no_country",
    NumberParseException.TOO_SHORT_AFTER_IDD: "too_short",
    NumberParseException.TOO_SHORT_NSN: "too_short",
    NumberParseException.TOO_LONG: "too_long",
}


@dataclass(frozen=True, slots=True)
class Phone:
    """A number one can send to."""

    e164: str
    match_key: str
    country: str | None
    is_valid: bool


def parse_phone(text: str, region: str) -> Phone:
    """Read one number.

    Args:
        text: as a person or a spreadsheet wrote it.
        region: ISO country of numbers without a country code, such as `TR`.

    Raises:
        InvalidPhone: with `code`, a key of `REASONS`, and `reason`, its text.
    """
    cleaned = clean_phone(text)
    _refuse_ruined(cleaned)
    try:
        number = phonenumbers.parse(cleaned, region)
    except NumberParseException as problem:
        raise _invalid(_BY_PARSER.get(problem.error_type, "not_a_number")) from None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != ValidationResult.IS_POSSIBLE:
        raise _invalid(_BY_LENGTH[possible])
    e164 = str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
    country = phonenumbers.region_code_for_number(number)
    if country is None:
        country = phonenumbers.region_code_for_country_code(number.country_code or 0)
        country = None if country in ("001", "ZZ") else country
    return Phone(e164, match_key(e164[1:]), country, phonenumbers.is_valid_number(number))


def match_key(digits: str) -> str:
    """One value for the variants of one person's number (Brazil's ninth digit, Mexico's 1, Argentina's 9).

    Args:
        digits: international, without +; also a webhook's `wa_id`.
    """
    if len(digits) != 13:
        return digits
    if digits.startswith("55") and digits[4] == "9":
        return digits[:4] + digits[5:]
    if digits.startswith(("521", "549")):
        return digits[:2] + digits[3:]
    return digits


def clean_phone(text: str) -> str:
    """Without what a spreadsheet or a copy adds: unseen marks, a leading apostrophe, the `.0` of a float."""
    cleaned = text.translate(_UNSEEN).strip().lstrip("'’`=\"").rstrip('"').strip()
    float_tail = _FLOAT_TAIL.fullmatch(cleaned)
    return float_tail[1] if float_tail else cleaned


def _refuse_ruined(cleaned: str) -> None:
    if not cleaned:
        raise _invalid("empty")
    if _SPREADSHEET.fullmatch(cleaned):
        raise _invalid("spreadsheet")
    if len(cleaned) > _LONGEST_TEXT:
        raise _invalid("not_a_number")


def _invalid(code: str) -> InvalidPhone:
    return InvalidPhone(code=code, reason=REASONS[code])
