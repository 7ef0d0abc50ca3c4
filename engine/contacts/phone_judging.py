"""The queries that judge phone numbers: a text's digits, then a region's rules, then those of a calling code.

Each is built of layers, a column on top of another, in the order in which the library's `parse` goes; see
`phone_rules` for the parts. A row whose e164 and code are both NULL is undecided.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.contacts.phone_rules import (
    abroad_expr,
    code_expr,
    country_expr,
    is_general_expr,
    is_too_long_expr,
    keeps_length_expr,
    main_region,
    metadata_of,
    stripped_expr,
)

VERDICT = "n, e164, match_key, country, is_valid, code"
_MOST_LETTERS, _FEWEST_DIGITS = 60, 3
_DIGITS = "[0-9]+"
_PLAIN = r"\(?\+?[0-9][0-9 ()./-]*"
_FLOAT = r"[0-9]{6,}[.,]0+ *"
_SPREADSHEET = r"[+-]?[0-9]+(?:[.,][0-9]+)? *[eE] *[+-]?[0-9]+"
_UNSEEN = r"[\x{feff}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{ad}]"
_DRESSED = rf'^\s*[\'’`="]*\s*({_PLAIN}|{_FLOAT}|{_SPREADSHEET})\s*"*\s*$'.replace("'", "''")


def asked_sql(texts: str) -> str:
    """n, region, digits and has_plus of a plain text, told (the code of what a spreadsheet ruined)."""
    seen = f"replace(regexp_replace(text, '{_UNSEEN}', '', 'g'), chr(160), ' ')"
    undressed = (
        f"SELECT n, region, CASE WHEN regexp_full_match(text, '{_PLAIN}') THEN text "
        f"ELSE regexp_extract({seen}, '{_DRESSED}', 1) END AS plain FROM ({texts})"
    )
    bare = "plain"
    for mark in " ()-./+":
        bare = f"replace({bare}, '{mark}', '')"
    digits = (
        f"CASE WHEN regexp_full_match(plain, '{_DIGITS}') THEN plain "
        f"WHEN regexp_full_match(plain, '{_FLOAT}') THEN regexp_extract(plain, '^[0-9]+') "
        f"WHEN regexp_full_match(plain, '{_PLAIN}') AND length(plain) <= {_MOST_LETTERS} THEN {bare} END"
    )
    told = f"CASE WHEN digits IS NULL AND regexp_full_match(plain, '{_SPREADSHEET}') THEN 'spreadsheet' END"
    return (
        f"SELECT n, region, CASE WHEN length(digits) >= {_FEWEST_DIGITS} THEN digits END AS digits, "
        f"contains(plain, '+') AS has_plus, {told} AS told "
        f"FROM (SELECT *, {digits} AS digits FROM ({undressed}))"
    )


def can_compile(region: str) -> bool:
    """Whether a region's rules can be told in expressions."""
    metadata = metadata_of(region)
    return metadata is not None and main_region(metadata.country_code) is not None


def at_home_sql(region: str) -> str:
    """The verdicts on a region's rows whose numbers are of its own calling code; e164 and code NULL: undecided."""
    calling = metadata_of(region).country_code
    main = main_region(calling) or region
    written = "coalesce(abroad, digits)"
    has_own_code = (
        f"abroad IS NOT NULL OR (after IS NOT NULL AND ((NOT {is_general_expr('digits', region)} "
        f"AND {is_general_expr('after', region)}) OR {is_too_long_expr('digits', region)}))"
    )
    rest = f"substring({written}, {len(str(calling)) + 1})"
    steps = [
        f"CASE WHEN has_plus THEN digits ELSE {abroad_expr('digits', region)} END AS abroad",
        f"CASE WHEN starts_with({written}, '{calling}') THEN {rest} END AS cut",
        f"CASE WHEN abroad IS NULL THEN {stripped_expr('cut', region)} ELSE cut END AS after",
        f"{has_own_code} AS has_code",
        "CASE WHEN has_code THEN after ELSE digits END AS own",
        f"{_by_rules_of(main, region, lambda rules: stripped_expr('own', rules))} AS stripped",
        f"{_by_rules_of(main, region, lambda rules: keeps_length_expr('stripped', rules))} AS is_kept",
    ]
    return _verdict_sql(_layered(f"SELECT * FROM asked WHERE region = '{region}'", steps), calling)


def _by_rules_of(main: str, region: str, build: Callable[[str], str]) -> str:
    """A number with its calling code follows the rules of the code's main region, another those of its own."""
    return build(main) if main == region else f"CASE WHEN has_code THEN {build(main)} ELSE {build(region)} END"


def from_abroad_sql(calling: int) -> str:
    """The verdicts on the numbers of a calling code that were written with a plus or an international prefix."""
    main = main_region(calling) or ""
    steps = [
        f"substring(abroad, {len(str(calling)) + 1}) AS own",
        f"{stripped_expr('own', main)} AS stripped",
        f"{keeps_length_expr('stripped', main)} AS is_kept",
    ]
    source = f"SELECT n, abroad, CAST(NULL AS VARCHAR) AS told FROM abroad WHERE calling = '{calling}'"
    return _verdict_sql(_layered(source, steps), calling)


def _verdict_sql(source: str, calling: int) -> str:
    """`VERDICT` and abroad, from own, stripped, is_kept and told."""
    steps = [
        "CASE WHEN is_kept THEN stripped ELSE own END AS number",
        f"CASE WHEN number IS NULL THEN told ELSE {code_expr('number', calling)} END AS code",
        f"CASE WHEN code IS NULL THEN '+{calling}' || number END AS e164",
        f"CASE WHEN e164 IS NOT NULL THEN {country_expr('number', calling)} END AS place",
    ]
    return (
        f"SELECT n, e164, {match_key_sql('e164')} AS match_key, place[1:2] AS country, place[3] = '+' AS is_valid, "
        f"code, abroad FROM ({_layered(source, steps)})"
    )


def _layered(source: str, steps: list[str]) -> str:
    """A query that adds one column after another; each may use those before it."""
    for step in steps:
        source = f"SELECT *, {step} FROM ({source})"
    return source


def match_key_sql(e164: str) -> str:
    """`phones.match_key` of an E.164 number."""
    digits = f"substring({e164}, 2)"
    brazil = f"starts_with({e164}, '+55') AND substring({e164}, 6, 1) = '9'"
    other = f"(starts_with({e164}, '+521') OR starts_with({e164}, '+549'))"
    return (
        f"CASE WHEN length({e164}) <> 14 OR NOT starts_with({e164}, '+5') THEN {digits} "
        f"WHEN {brazil} THEN substring({e164}, 2, 4) || substring({e164}, 7) "
        f"WHEN {other} THEN substring({e164}, 2, 2) || substring({e164}, 5) ELSE {digits} END"
    )
