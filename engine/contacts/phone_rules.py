"""libphonenumber's rules as DuckDB expressions, compiled at run time from the library's own metadata.

Each function mirrors one of `phonenumbers.phonenumberutil` (9.0) and says which; nothing of the metadata is copied.
Patterns go to RE2, which takes all of them. A test compares the results over the example numbers of all regions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

SHORTEST, LONGEST = 2, 17  # digits of a national number
CODES = "^(" + "|".join(str(code) for code in sorted(COUNTRY_CODE_TO_REGION_CODE)) + ")"
_NO_COUNTRY = "001"  # the region of numbers that belong to none
_TYPES = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail",
)  # fmt: skip


@lru_cache(maxsize=512)
def metadata_of(region: str) -> Any:
    """The library's metadata of a region; None when it knows none."""
    return PhoneMetadata.metadata_for_region(region, None)


def main_region(calling: int) -> str | None:
    """The region whose rules a calling code's numbers follow; None when they are no country's."""
    region = COUNTRY_CODE_TO_REGION_CODE[calling][0]
    return None if region == _NO_COUNTRY or metadata_of(region) is None else region


def abroad_expr(digits: str, region: str | None) -> str:
    """What follows a region's international prefix, or NULL (`_parse_prefix_as_idd`)."""
    metadata = metadata_of(region) if region else None
    prefix = metadata.international_prefix if metadata else None
    if not prefix:
        return "NULL"
    if prefix.isdigit():
        rest = f"substring({digits}, {len(prefix) + 1})"
        return f"CASE WHEN starts_with({digits}, '{prefix}') AND NOT starts_with({rest}, '0') THEN {rest} END"
    rest = f"substring({digits}, length(regexp_extract({digits}, '^(?:{prefix})')) + 1)"
    return f"CASE WHEN regexp_matches({digits}, '^(?:{prefix})') AND NOT starts_with({rest}, '0') THEN {rest} END"


def is_general_expr(number: str, region: str) -> str:
    """Whether the general pattern takes a national number (`_match_national_number`)."""
    return f"regexp_full_match({number}, '{metadata_of(region).general_desc.national_number_pattern}')"


def is_too_long_expr(number: str, region: str) -> str:
    """`_test_number_length` is TOO_LONG."""
    general = metadata_of(region).general_desc
    return f"(length({number}) > {max(general.possible_length)}{_not_local(number, general)})"


def stripped_expr(number: str, region: str) -> str:
    """Without the national prefix (`_maybe_strip_national_prefix_carrier_code`)."""
    metadata = metadata_of(region)
    prefix, rule = metadata.national_prefix_for_parsing, metadata.national_prefix_transform_rule
    if not prefix:
        return number
    if prefix.isdigit():
        has_prefix, rest = f"starts_with({number}, '{prefix}')", f"substring({number}, {len(prefix) + 1})"
    else:
        pattern = f"'^(?:{prefix})'"
        has_prefix = f"regexp_matches({number}, {pattern})"
        rest = f"substring({number}, length(regexp_extract({number}, {pattern})) + 1)"
        if rule:
            is_transformed = f"regexp_extract({number}, {pattern}, {re.compile(prefix).groups}) <> ''"
            rest = f"CASE WHEN {is_transformed} THEN regexp_replace({number}, {pattern}, '{rule}') ELSE {rest} END"
    is_better = f"{is_general_expr(rest, region)} OR NOT {is_general_expr(number, region)}"
    return f"CASE WHEN {has_prefix} AND ({is_better}) THEN {rest} ELSE {number} END"


def keeps_length_expr(stripped: str, region: str) -> str:
    """Whether what is left without the prefix may be used (the end of `parse`)."""
    general = metadata_of(region).general_desc
    lengths = f"length({stripped}) IN ({_numbers(general.possible_length)})"
    return f"({lengths} OR {is_too_long_expr(stripped, region)})"


def code_expr(number: str, calling: int) -> str:
    """Why a national number can't be used, a key of `phones.REASONS`, or NULL (`parse`, `_test_number_length`)."""
    general = metadata_of(main_region(calling) or "").general_desc
    length, local = f"length({number})", general.possible_length_local_only
    cases = [f"WHEN {length} < {SHORTEST} THEN 'too_short' WHEN {length} > {LONGEST} THEN 'too_long'"]
    cases += [f"WHEN {length} IN ({_numbers(local)}) THEN 'no_area'"] if local else []
    cases.append(f"WHEN {length} IN ({_numbers(general.possible_length)}) THEN NULL")
    cases.append(f"WHEN {length} < {min(general.possible_length)} THEN 'too_short'")
    cases.append(f"WHEN {length} > {max(general.possible_length)} THEN 'too_long'")
    return f"CASE {' '.join(cases)} ELSE 'length' END"


def country_expr(number: str, calling: int) -> str:
    """`<country> <is valid>` of a national number, as one text (`region_code_for_number`, `is_valid_number`)."""
    regions = [region for region in COUNTRY_CODE_TO_REGION_CODE[calling] if metadata_of(region) is not None]
    if len(COUNTRY_CODE_TO_REGION_CODE[calling]) == 1:
        return f"CASE WHEN {_is_valid_expr(number, regions[0])} THEN '{regions[0]}+' ELSE '{regions[0]}-' END"
    return f"CASE {' '.join(_country_cases(number, regions))} ELSE '{regions[0]}-' END"


def _country_cases(number: str, regions: list[str]) -> Iterator[str]:
    for region in regions:
        leading, is_valid = metadata_of(region).leading_digits, _is_valid_expr(number, region)
        if leading is None:
            yield f"WHEN {is_valid} THEN '{region}+'"
        else:
            whether = f"CASE WHEN {is_valid} THEN '{region}+' ELSE '{region}-' END"
            yield f"WHEN regexp_matches({number}, '^(?:{leading})') THEN {whether}"


def _is_valid_expr(number: str, region: str) -> str:
    """`_number_type_helper` is not UNKNOWN; the types with the same lengths are one pattern."""
    metadata = metadata_of(region)
    by_length: dict[tuple[int, ...], list[str]] = {}
    for name in _TYPES:
        described = getattr(metadata, name)
        if described is not None and described.national_number_pattern:
            by_length.setdefault(tuple(described.possible_length), []).append(described.national_number_pattern)
    fits = [
        (f"length({number}) IN ({_numbers(lengths)}) AND " if lengths else "")
        + f"regexp_full_match({number}, '{'|'.join(f'(?:{pattern})' for pattern in patterns)}')"
        for lengths, patterns in by_length.items()
    ]
    general = f"length({number}) IN ({_numbers(metadata.general_desc.possible_length)})"
    any_fits = " OR ".join(f"({fit})" for fit in fits) or "false"
    return f"({general} AND {is_general_expr(number, region)} AND ({any_fits}))"


def _not_local(number: str, general: Any) -> str:
    local = general.possible_length_local_only
    return f" AND length({number}) NOT IN ({_numbers(local)})" if local else ""


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)
