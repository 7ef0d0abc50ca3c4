"""Which country each of many numbers belongs to, as libphonenumber has it: by calling code, and where several
countries share one (+1, +7, +44 …) by one number for each beginning. A loop over numbers would take 20 s a million.

Source: whatsapp.md §8.2 and §11: price and language follow the number's region, a user id's its two-letter prefix.
"""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
import polars as pl
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException

NOWHERE = "001"
"""What libphonenumber says of codes that belong to no country (+800, +882 …)."""
CODE_LENGTH, AREA_LENGTH, DEEP_LENGTH = 4, 5, 8
"""Characters with the plus: of the longest calling code; of +1 with its area code; of any other shared code."""


def regions_of(phones: pl.Series, user_ids: pl.Series) -> pl.Series:
    """The region of each contact: of the number, else of the user id; null where neither says one.

    Args:
        phones: E.164 with the plus, or null.
        user_ids: BSUIDs such as `TR.77`, or null.

    Returns: **Shape**: ISO country codes (String), named `@region`, as many and in the same order.
    """
    frame = pl.DataFrame({"phone": phones, "user_id": user_ids})
    frame = frame.with_columns(pl.col("phone").str.head(CODE_LENGTH).alias("code"))
    simple = {code: _region_of_code(code) for code in frame["code"].unique().drop_nulls()}
    region = pl.col("code").replace_strict(simple, default=None, return_dtype=pl.String)
    frame = frame.with_columns(region.alias("@region"))
    if frame["@region"].null_count():
        frame = frame.with_columns(_deep(frame))
    return frame["@region"]


@lru_cache(maxsize=2_000)
def _region_of_code(beginning: str) -> str | None:
    """The one country of a calling code; None where there are several, or none."""
    for length in (1, 2, 3):
        digits = beginning[1 : 1 + length]
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(digits), ()) if digits.isdecimal() else ()
        if regions:
            return regions[0] if len(regions) == 1 and regions[0] != NOWHERE else None
    return None


def _deep(frame: pl.DataFrame) -> pl.Expr:
    """The regions of those whose code says too little, by one number for each beginning."""
    phone = pl.col("phone")
    length = pl.when(phone.str.starts_with("+1")).then(AREA_LENGTH).otherwise(DEEP_LENGTH)
    open_phones = frame.filter(pl.col("@region").is_null() & phone.is_not_null())
    examples = open_phones.group_by(phone.str.head(length).alias("head")).agg(phone.min().alias("example"))
    known = {head: _region_of_number(example) for head, example in examples.iter_rows()}
    deeper = phone.str.head(length).replace_strict(known, default=None, return_dtype=pl.String)
    prefix = pl.col("user_id").str.extract(r"^([A-Z]{2})\.")
    return pl.coalesce("@region", deeper, pl.when(phone.is_null()).then(prefix)).alias("@region")


@lru_cache(maxsize=50_000)
def _region_of_number(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text, None)
    except NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    if region is None:
        region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return None if region in (NOWHERE, "ZZ") else region
