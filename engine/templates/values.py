"""How a field's value is written in a message: dates, numbers, yes/no as the template's language writes them."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

import polars as pl
from babel import Locale, UnknownLocaleError
from babel.dates import format_date

CONTROL_CHARACTERS = r"[\x00-\x08\x0e-\x1f\x7f\x80-\x84\x86-\x9f\u200b\u200e\u200f\u2060\u202a-\u202e\ufeff]"
"""Control and zero-width characters; joiners (U+200C, U+200D) stay, Persian and emoji are written with them."""

NOT_PLAIN = r"[\x00-\x1f\x7f-\xa0\x{300}-\x{10ffff}]|  |^ | $|^$"
"""What cleaning may change: below U+0300 every text is NFC already."""

VISIBLE = rf"[^\s{CONTROL_CHARACTERS[1:-1]}]"
UNSAFE_IN_URL = r"[^A-Za-z0-9\-._~/?&=+,;:!$'()*@]"
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


def date_text_expr(column: pl.Expr, language: str, form: str = "long") -> pl.Expr:
    """A date in words (30 Kasım 2026; November 30, 2026) or short (30.11.2026); each day is written once."""

    def written(dates: pl.Series) -> pl.Series:
        days = dates.drop_nulls().unique()
        texts = [format_date(day, format=form, locale=locale_of(language)) for day in days]
        return dates.replace_strict(days, pl.Series(texts, dtype=pl.String), default=None, return_dtype=pl.String)

    return column.cast(pl.Date).map_batches(written, return_dtype=pl.String)


def bool_text_expr(column: pl.Expr, language: str) -> pl.Expr:
    """Yes or no."""
    yes, no = YES_NO.get(locale_of(language).language, ("Yes", "No"))
    return pl.when(column).then(pl.lit(yes)).when(~column).then(pl.lit(no))


def number_text_expr(column: pl.Expr, language: str) -> pl.Expr:
    """A number with the language's signs, at most two decimals, whole numbers without any: 1.299,5.

    Written with expressions: a formatter per value would take half a minute for a million.
    """
    symbols = locale_of(language).number_symbols
    latin = symbols.get("latn", symbols)
    point, group = str(latin.get("decimal", ".")), str(latin.get("group", ","))
    cents = (column.abs() * 100).round(0).cast(pl.Int64, strict=False)
    whole, rest = cents // 100, cents % 100
    grouped = whole.cast(pl.String).str.reverse().str.replace_all(r"(\d{3})", "$1\u0001")
    grouped = grouped.str.reverse().str.strip_prefix("\u0001").str.replace_all("\u0001", group, literal=True)
    decimals = rest.cast(pl.String).str.zfill(2).str.strip_chars_end("0")
    fraction = pl.when(rest == 0).then(pl.lit("")).otherwise(pl.concat_str([pl.lit(point), decimals]))
    sign = pl.when((column < 0) & (cents > 0)).then(pl.lit("-")).otherwise(pl.lit(""))
    usable = column.is_finite() & (column.abs() < 1e15)
    return pl.when(usable).then(pl.concat_str([sign, grouped, fraction])).otherwise(None)


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


def url_suffix_expr(value: pl.Expr, prefix: str) -> pl.Expr:
    """What follows the template's own part of a URL, percent-encoded; a full URL is cut, a foreign one null."""

    def encoded(texts: pl.Series) -> pl.Series:
        if not texts.str.contains(UNSAFE_IN_URL).any():
            return texts
        whole = texts.str.replace_all(r"%([0-9A-Fa-f]{2})", "\u0001$1").str.replace_all("%", "%25", literal=True)
        strange = whole.str.extract_all(UNSAFE_IN_URL).explode().drop_nulls().unique().to_list()
        codes = {character: quote(character, safe="") for character in strange if character not in "%\u0001"}
        whole = whole.str.replace_many(codes) if codes else whole
        return whole.str.replace_all("\u0001", "%", literal=True)

    suffix = value.str.strip_prefix(prefix) if prefix else value
    suffix = pl.when(suffix.str.contains(r"^(?i:https?://)") | (suffix == "")).then(None).otherwise(suffix)
    return suffix.map_batches(encoded, return_dtype=pl.String)


def image_expr(value: pl.Expr) -> pl.Expr:
    """An uploaded file's mark or an HTTPS link; anything else is no image, so null."""
    link = value.str.contains(r"^https://[^/\s]+/\S*$") | value.str.contains(r"^media:[0-9a-f]{64}$")
    return pl.when(link).then(value)
