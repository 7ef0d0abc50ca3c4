"""Many phone numbers at once: libphonenumber's metadata as column expressions, the library itself for the rest.

The expressions decide only what is plain (digits and simple punctuation, a whole valid number of the home region or
of a calling code that one country has alone). All else goes to `parse_phone`, text by text, so results never differ:
a test compares them. Wants distinct texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import polars as pl
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from engine.contacts.phones import parse_phone
from engine.errors import InvalidPhone

SCHEMA = {
    "text": pl.String,
    "region": pl.String,
    "e164": pl.String,
    "match_key": pl.String,
    "country": pl.String,
    "is_valid": pl.Boolean,
    "code": pl.String,
}
_PLAIN = r"^\(?\+?[0-9][0-9 ()./-]*$"
_FLOAT = r"^\d{6,}\.0+$"
_ENOUGH = 500  # numbers that make a region worth compiling
_SLICE = 20_000
_TYPES = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail",
)  # fmt: skip
_CODES = "^(" + "|".join(str(code) for code in sorted(COUNTRY_CODE_TO_REGION_CODE)) + ")"


def normalise_phones(
    texts_frame: pl.DataFrame, on_progress: Callable[[float], None] = lambda share: None
) -> pl.DataFrame:
    """Read many numbers.

    Args:
        texts_frame: text, region (String), distinct pairs, no nulls.
        on_progress: told the share that is done.

    Returns: **Shape** `SCHEMA`, one row per input row, in another order. A number that can't be used has `code` (a
        key of `phones.REASONS`) and nothing else.
    """
    left, decided = texts_frame.select(pl.col("text", "region").cast(pl.String)), list[pl.DataFrame]()
    left = left.with_columns(_digits_expr().alias("digits"), _has_plus_expr().alias("has_plus"))
    for region, count in left.group_by("region").len().sort("region").iter_rows():
        if count >= _ENOUGH and _owner(region) == region:
            left = _take(left, decided, _national_expr(region), region, where=pl.col("region") == region)
    left = left.with_columns(_abroad_expr(left["region"].unique().to_list()).alias("abroad"))
    left = left.with_columns(pl.col("abroad").str.extract(_CODES, 1).alias("calling"))
    for calling, count in left.group_by("calling").len().sort("calling").iter_rows():
        regions = COUNTRY_CODE_TO_REGION_CODE[int(calling)] if calling else ()
        if count >= _ENOUGH and len(regions) == 1 and _owner(regions[0]) == regions[0]:
            e164 = _international_expr(regions[0], calling)
            left = _take(left, decided, e164, regions[0], where=pl.col("calling") == calling)
    decided.append(_by_library(left, on_progress))
    return pl.concat(decided).with_columns(match_key_expr())


def match_key_expr() -> pl.Expr:
    """`phones.match_key` of the column `e164`."""
    digits = pl.col("e164").str.slice(1)
    long = digits.str.len_chars() == 13
    brazil = long & digits.str.starts_with("55") & (digits.str.slice(4, 1) == "9")
    other = long & (digits.str.starts_with("521") | digits.str.starts_with("549"))
    without_ninth = digits.str.slice(0, 4) + digits.str.slice(5)
    without_third = digits.str.slice(0, 2) + digits.str.slice(3)
    return pl.when(brazil).then(without_ninth).when(other).then(without_third).otherwise(digits).alias("match_key")


def _digits_expr() -> pl.Expr:
    """The digits of a plain text; null for what the library must look at."""
    text = pl.col("text").str.strip_chars(" ")
    plain = text.str.contains(_PLAIN) & ~text.str.contains(_FLOAT) & (text.str.len_chars() <= 40)
    return pl.when(plain).then(text.str.replace_all("[^0-9]", ""))


def _has_plus_expr() -> pl.Expr:
    return pl.col("text").str.contains("+", literal=True)


def _abroad_expr(regions: list[str]) -> pl.Expr:
    """The digits after a plus, or after the region's own international prefix if that is 00 or 011."""
    after_prefix = pl.lit(None, pl.String)
    for region in regions:
        metadata = _metadata(region)
        prefix = metadata.international_prefix if metadata else None
        if prefix in ("00", "011"):
            dialled = (pl.col("region") == region) & pl.col("digits").str.contains(f"^{prefix}[1-9]")
            after_prefix = pl.when(dialled).then(pl.col("digits").str.slice(len(prefix))).otherwise(after_prefix)
    return pl.when(pl.col("has_plus")).then(pl.col("digits")).otherwise(after_prefix)


def _metadata(region: str) -> Any:
    return PhoneMetadata.metadata_for_region(region, None)


def _owner(region: str) -> str | None:
    """The region itself if it has its calling code alone and its rules can be told in columns."""
    metadata = _metadata(region)
    if metadata is None or len(COUNTRY_CODE_TO_REGION_CODE[metadata.country_code]) != 1:
        return None
    prefix = metadata.national_prefix_for_parsing
    return None if prefix and re.match(prefix, "") else region


def _national_expr(region: str) -> pl.Expr:
    """E.164 of a number written as at home (whole, with the national prefix, or with the code but no plus)."""
    metadata = _metadata(region)
    digits, calling = pl.col("digits"), str(metadata.country_code)
    starts_abroad = digits.str.contains(f"^(?:{metadata.international_prefix or 'x'})")
    at_home = ~pl.col("has_plus") & ~starts_abroad
    bare = _is_whole(metadata, digits)
    after_code = digits.str.slice(len(calling))
    general = digits.str.contains(f"^(?:{metadata.general_desc.national_number_pattern})$")
    with_code = digits.str.starts_with(calling) & ~general & _is_whole(metadata, after_code)
    chosen = pl.when(at_home & bare).then(calling + digits).when(at_home & with_code).then(digits)
    prefix = metadata.national_prefix
    if prefix and prefix == metadata.national_prefix_for_parsing and not metadata.national_prefix_transform_rule:
        after_prefix = digits.str.slice(len(prefix))
        prefixed = digits.str.starts_with(prefix) & ~digits.str.starts_with(calling)
        chosen = chosen.when(at_home & prefixed & _is_whole(metadata, after_prefix)).then(calling + after_prefix)
    return pl.lit("+") + chosen


def _international_expr(region: str, calling: str) -> pl.Expr:
    metadata = _metadata(region)
    whole = _is_whole(metadata, pl.col("abroad").str.slice(len(calling)))
    return pl.when(whole).then("+" + pl.col("abroad"))


@lru_cache(maxsize=256)
def _descriptions(region: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    metadata = _metadata(region)
    described = [getattr(metadata, name) for name in _TYPES]
    return tuple(
        (each.national_number_pattern, tuple(each.possible_length))
        for each in described
        if each is not None and each.national_number_pattern
    )


def _is_whole(metadata: Any, number: pl.Expr) -> pl.Expr:
    """Whether these digits are a valid national number that the library would not shorten."""
    length = number.str.len_chars()
    general = metadata.general_desc
    valid = pl.lit(False)
    for pattern, lengths in _descriptions(metadata.id):
        fits = length.is_in(lengths) if lengths else pl.lit(True)
        valid = valid | (fits & number.str.contains(f"^(?:{pattern})$"))
    whole = length.is_in(list(general.possible_length)) & number.str.contains(
        f"^(?:{general.national_number_pattern})$"
    )
    prefix = metadata.national_prefix_for_parsing
    return whole & valid & ~number.str.contains(f"^(?:{prefix})") if prefix else whole & valid


def _take(
    left: pl.DataFrame, decided: list[pl.DataFrame], e164: pl.Expr, country: str, *, where: pl.Expr
) -> pl.DataFrame:
    """Move the rows that the expression decides from `left` to `decided`."""
    judged = left.with_columns(pl.when(where).then(e164).alias("e164"))
    taken = judged.filter(pl.col("e164").is_not_null())
    extra = {"match_key": None, "country": country, "is_valid": True, "code": None}
    columns = [pl.lit(value, SCHEMA[name]).alias(name) for name, value in extra.items()]
    decided.append(taken.with_columns(columns).select(SCHEMA.keys()))
    return judged.filter(pl.col("e164").is_null()).drop("e164")


def _by_library(left: pl.DataFrame, on_progress: Callable[[float], None]) -> pl.DataFrame:
    rows: list[tuple[str | bool | None, ...]] = []
    for number, (text, region) in enumerate(left.select("text", "region").iter_rows()):
        if number % _SLICE == 0:
            on_progress(number / len(left))
        try:
            phone = parse_phone(text, region)
        except InvalidPhone as problem:
            rows.append((text, region, None, None, None, None, problem.code))
        else:
            rows.append((text, region, phone.e164, None, phone.country, phone.is_valid, None))
    on_progress(1.0)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
