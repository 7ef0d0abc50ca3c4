"""How a field's value is written in a message: dates, numbers, money, yes/no as the template's language has it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import polars as pl
from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date
from babel.numbers import get_currency_precision, get_currency_symbol, get_territory_currencies

CONTROL_CHARACTERS = r"[\x00-\x08\x0e-\x1f\x7f\x80-\x84\x86-\x9f\u200b\u200e\u200f\u2060\u202a-\u202e\ufeff]"
"""Control and zero-width characters; joiners (U+200C, U+200D) stay, Persian and emoji are written with them."""

NOT_PLAIN = r"[\x00-\x1f\x7f-\xa0\x{300}-\x{10ffff}]|  |^ | $|^$"
"""What cleaning may change: below U+0300 every text is NFC already."""

VISIBLE = rf"[^\s{CONTROL_CHARACTERS[1:-1]}]"
EXACT = 1e15
"""Up to here every whole number is exact in a float."""

YES_NO = {
    "tr": ("Evet", "Hayır"),
    "de": ("Ja", "Nein"),
    "fr": ("Oui", "Non"),
    "es": ("Sí", "No"),
    "ar": ("نعم", "لا"),
}


@lru_cache(maxsize=256)
def locale_of(language: str) -> Locale:
    """The locale of a template's language code; English where Babel knows none."""
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


def date_text(day: date, language: str, form: str = "long") -> str:
    """One date in words or short."""
    return str(format_date(day, format=form, locale=locale_of(language)))


def date_text_expr(column: pl.Expr, language: str, form: str = "long") -> pl.Expr:
    """A date in words (30 Kasım 2026; November 30, 2026) or short (30.11.2026); each day is written once."""

    def written(dates: pl.Series) -> pl.Series:
        days = dates.drop_nulls().unique()
        texts = [date_text(day, language, form) for day in days]
        return dates.replace_strict(days, pl.Series(texts, dtype=pl.String), default=None, return_dtype=pl.String)

    return column.cast(pl.Date).map_batches(written, return_dtype=pl.String)


def bool_text_expr(column: pl.Expr, language: str) -> pl.Expr:
    """Yes or no."""
    yes, no = YES_NO.get(locale_of(language).language, ("Yes", "No"))
    return pl.when(column).then(pl.lit(yes)).when(~column).then(pl.lit(no))


def number_text_expr(column: pl.Expr, language: str) -> pl.Expr:
    """A number with the language's signs, at most two decimals, whole numbers without any: 1.299,5."""
    sign, whole, rest = _digits(column, language, places=2)
    decimals = rest.str.strip_chars_end("0")
    fraction = (
        pl.when(decimals == "").then(pl.lit("")).otherwise(pl.concat_str([pl.lit(_signs(language)[0]), decimals]))
    )
    return pl.when(_is_written(column)).then(pl.concat_str([sign, whole, fraction])).otherwise(None)


def plain_number_expr(column: pl.Expr) -> pl.Expr:
    """A number as links and codes take it: 48213, 41.0082."""
    whole = column.cast(pl.Int64, strict=False)
    is_whole = column.is_finite() & (column.abs() < EXACT) & (column == column.round(0))
    return pl.when(is_whole).then(whole.cast(pl.String)).when(column.is_finite()).then(column.cast(pl.String))


def money_text_expr(column: pl.Expr, language: str, currency: str = "") -> pl.Expr:
    """An amount as the language writes it: ₺1.250,50; without a currency, that of the language's country."""
    locale = locale_of(language)
    code = currency or currency_of(language)
    pattern, places = locale.currency_formats["standard"], get_currency_precision(code)
    symbol = get_currency_symbol(code, locale)
    before, after = (part.replace("\xa4", symbol) for part in (pattern.prefix[0], pattern.suffix[0]))
    if len(symbol) > 1 and symbol.isalpha() and before.endswith(symbol):
        before += " "
    sign, whole, rest = _digits(column, language, places)
    fraction = pl.concat_str([pl.lit(_signs(language)[0]), rest]) if places else pl.lit("")
    text = pl.concat_str([sign, pl.lit(before), whole, fraction, pl.lit(after)])
    return pl.when(_is_written(column)).then(text).otherwise(None)


@lru_cache(maxsize=256)
def currency_of(language: str) -> str:
    """The currency of the country where a language is spoken most; US dollars where nobody knows."""
    locale = locale_of(language)
    likely = str(get_global("likely_subtags").get(locale.language, ""))
    territory = locale.territory or likely.rpartition("_")[2]
    return next(iter(get_territory_currencies(territory) if territory else ()), "USD")


def letters_expr(text: pl.Expr, form: str, language: str) -> pl.Expr:
    """Upper, lower or title case; Turkish and Azerbaijani have an i with a dot and one without."""
    is_turkic = language.partition("_")[0] in {"tr", "az"}
    if form == "upper":
        return (text.str.replace_all("i", "İ", literal=True) if is_turkic else text).str.to_uppercase()
    low = text.str.replace_many(["İ", "I"], ["i", "ı"]) if is_turkic else text
    low = low.str.to_lowercase()
    if form == "lower":
        return low
    words = low.str.replace_all(r"(^|[\s\-/(.])(\p{L})", "${1}\u0001${2}").str.split("\u0001")
    element = pl.element()
    first = element.str.slice(0, 1)
    first = (first.str.replace_all("i", "İ", literal=True) if is_turkic else first).str.to_uppercase()
    return words.list.eval(pl.concat_str([first, element.str.slice(1)])).list.join("")


def _digits(column: pl.Expr, language: str, places: int) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Sign, grouped whole part and the decimals of a number, as texts.

    Written with expressions: a formatter per value would take half a minute for a million.
    """
    scale = 10**places
    parts = (column.abs() * scale).round(0).cast(pl.Int64, strict=False)
    grouped = (parts // scale).cast(pl.String).str.reverse().str.replace_all(r"(\d{3})", "$1\u0001")
    grouped = (
        grouped.str.reverse().str.strip_prefix("\u0001").str.replace_all("\u0001", _signs(language)[1], literal=True)
    )
    sign = pl.when((column < 0) & (parts > 0)).then(pl.lit("-")).otherwise(pl.lit(""))
    return sign, grouped, (parts % scale).cast(pl.String).str.zfill(places)


def _signs(language: str) -> tuple[str, str]:
    """The decimal point and the sign between thousands."""
    symbols = locale_of(language).number_symbols
    latin = symbols.get("latn", symbols)
    return str(latin.get("decimal", ".")), str(latin.get("group", ","))


def _is_written(column: pl.Expr) -> pl.Expr:
    return column.is_finite() & (column.abs() < EXACT)


def clean_expr(text: pl.Expr) -> pl.Expr:
    """NFC, no control or zero-width characters, white space collapsed; empty becomes null.

    Only what is not plain is touched: that is one search instead of four passes for most columns.
    """

    def cleaned(texts: pl.Series) -> pl.Series:
        places = texts.str.contains(NOT_PLAIN).fill_null(False).arg_true()
        if places.is_empty():
            return texts
        odd = (
            texts.gather(places)
            .str.normalize("NFC")
            .str.replace_all(CONTROL_CHARACTERS, "")
            .str.replace_all(r"\s+", " ")
            .str.strip_chars(" ")
        )
        return texts.scatter(places, odd.replace("", None))

    return text.map_batches(cleaned, return_dtype=pl.String)
