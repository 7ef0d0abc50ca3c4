"""Numbers, shares, dates and durations as the session's language writes them (Babel)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.numbers import format_compact_decimal, format_decimal, format_percent

from engine.settings import current_settings
from pages.ui.i18n import language, t


def number(value: float | int | None) -> str:
    """1234567 as 1,234,567 or 1.234.567; nothing as a dash."""
    return "–" if value is None else format_decimal(value, locale=language())


def compact(value: float) -> str:
    """1234567 as 1.2M or 1,2 Mn."""
    return format_compact_decimal(value, locale=language(), fraction_digits=1)


def percent(ratio: float | None, digits: int = 1) -> str:
    """0.617 as 61.7% or %61,7; nothing as a dash."""
    if ratio is None:
        return "–"
    pattern = str(Locale.parse(language()).percent_formats[None].pattern).replace("0", f"0.{'#' * digits}", 1)
    return format_percent(ratio, format=pattern, locale=language())


def day(value: date | datetime | None) -> str:
    """A date in the business's zone, medium form."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        value = value.astimezone(current_settings().zone).date()
    return format_date(value, format="medium", locale=language())


def moment(value: datetime | None) -> str:
    """Date and time in the business's zone."""
    return "–" if value is None else f"{day(value)} {clock(value)}"


def clock(value: datetime | None) -> str:
    """The time of day in the business's zone, HH:MM."""
    return (
        "–"
        if value is None
        else format_time(value, format="short", tzinfo=current_settings().zone, locale=language())
    )


def ago(value: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in words; nothing as "never"."""
    if value is None:
        return t("never")
    seconds = ((now or datetime.now(UTC)) - value).total_seconds()
    if seconds < 45:
        return t("just now")
    return format_timedelta(timedelta(seconds=-seconds), add_direction=True, format="short", locale=language())


def duration(seconds: float) -> str:
    """A length of time in words, its largest unit."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1.2, format="short", locale=language())


def phone(value: str | None) -> str:
    """An E.164 number with spaces, as people read it: +90 532 123 45 67."""
    if not value:
        return "–"
    digits = value.removeprefix("+")
    if digits.startswith("90") and len(digits) == 12:
        return f"+90 {digits[2:5]} {digits[5:8]} {digits[8:10]} {digits[10:]}"
    import phonenumbers

    try:
        return phonenumbers.format_number(phonenumbers.parse(value), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return value


def country_name(code: str | None) -> str:
    """TR as Türkiye, in the session's language."""
    if not code:
        return t("none")
    return str(Locale.parse(language()).territories.get(code, code))


def language_name(code: str | None) -> str:
    """`tr` in the session's language."""
    if not code:
        return t("none")
    return str(Locale.parse(language()).languages.get(code.split("_")[0], code))
