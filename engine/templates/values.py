"""How a field's value is written in a message: dates and numbers as the template's language writes them."""

from __future__ import annotations

import polars as pl
from babel import Locale, UnknownLocaleError
from babel.dates import get_month_names

WHITE_SPACE = r"[\s\u00a0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
CONTROL_CHARACTERS = "[\u0000-\u0008\u000e-\u001f\u007f\u0080-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060\ufeff]"


def locale_of(language: str) -> Locale:
    """The locale of a template's language code; English where Babel knows none."""
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


def date_text_expr(column: pl.Expr, language: str) -> pl.Expr:
    """A date in words: 30 Kasım 2026, 30 November 2026."""
    names = get_month_names("wide", locale=locale_of(language))
    month = column.dt.month().cast(pl.Int32).replace_strict(
        {number: str(name) for number, name in names.items()}, default=None, return_dtype=pl.String
    )  # fmt: skip
    return pl.concat_str([column.dt.day().cast(pl.String), month, column.dt.year().cast(pl.String)], separator=" ")


def number_text_expr(column: pl.Expr, language: str) -> pl.Expr:
    """A number with the language's decimal sign, at most two decimals, whole numbers without any: 1.299,5."""
    symbols = locale_of(language).number_symbols
    latin = symbols.get("latn", symbols)
    point, group = str(latin.get("decimal", ".")), str(latin.get("group", ","))
    cents = (column.abs() * 100).round(0).cast(pl.Int64)
    whole, rest = cents // 100, cents % 100
    digits = whole.cast(pl.String)
    grouped = digits.str.reverse().str.replace_all(r"(\d{3})(\d)", "$1\u0001$2")
    for _ in range(5):
        grouped = grouped.str.replace_all(r"\u0001(\d{3})(\d)", "\u0001$1\u0001$2")
    grouped = grouped.str.reverse().str.replace_all("\u0001", group, literal=True)
    decimals = rest.cast(pl.String).str.zfill(2).str.strip_chars_end("0")
    fraction = pl.when(rest == 0).then(pl.lit("")).otherwise(pl.concat_str([pl.lit(point), decimals]))
    sign = pl.when((column < 0) & (cents > 0)).then(pl.lit("-")).otherwise(pl.lit(""))
    usable = column.is_finite() & (column.abs() < 1e15)
    return pl.when(usable).then(pl.concat_str([sign, grouped, fraction])).otherwise(None)
