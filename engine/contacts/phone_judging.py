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

KINDS = (
    ("e164", "VARCHAR"),
    ("match_key", "VARCHAR"),
    ("country", "VARCHAR"),
    ("is_valid", "BOOLEAN"),
    ("code", "VARCHAR"),
)
VERDICT = "n, " + ", ".join(name for name, _ in KINDS)
_MOST_LETTERS, _FEWEST_DIGITS = 60, 3
_DIGITS = "[0-9]+"
_PLAIN = r"\(?\+?[0-9][0-9 ()./-]*"
_FLOAT = r"[0-9]{6,}[.,]0+ *"
_SPREADSHEET = r"[+-]?[0-9]+(?:[.,][0-9]+)? *[eE] *[+-]?[0-9]+"
_UNSEEN = r"[\x{feff}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{ad}]"
_DRESSED = rf'^\s*[\'’`="]*\s*({_PLAIN}|{_FLOAT}|{_SPREADSHEET})\s*"*\s*$'.replace("'", "''")


def asked_sql(texts: str) -> str:
    """n, region, digits and has_plus of a plain text, told (the code of what a spreadsheet ruined)."""
    return f"SELECT n, region, digits, has_plus, told FROM ({_layered(texts, _ASKED)})"


def _asked_steps() -> list[str]:
    seen = f"replace(regexp_replace(text, '{_UNSEEN}', '', 'g'), chr(160), ' ')"
    bare = "plain"
    for mark in " ()-./+":
        bare = f"replace({bare}, '{mark}', '')"
    return [
        f"CASE WHEN regexp_full_match(text, '{_PLAIN}') THEN text "
        f"ELSE regexp_extract({seen}, '{_DRESSED}', 1) END AS plain",
        f"CASE WHEN regexp_full_match(plain, '{_DIGITS}') THEN plain "
        f"WHEN regexp_full_match(plain, '{_FLOAT}') THEN regexp_extract(plain, '^[0-9]+') "
        f"WHEN regexp_full_match(plain, '{_PLAIN}') AND length(plain) <= {_MOST_LETTERS} THEN {bare} END AS bare",
        f"CASE WHEN length(bare) >= {_FEWEST_DIGITS} THEN bare END AS digits",
        "contains(plain, '+') AS has_plus",
        f"CASE WHEN bare IS NULL AND regexp_full_match(plain, '{_SPREADSHEET}') THEN 'spreadsheet' END AS told",
    ]


_ASKED = _asked_steps()


def judged_sql(texts: str, home: str, kept: str) -> str:
    """The verdicts of the home region on all rows, beside the columns that are kept.

    Args:
        texts: a query for text (NULL: no verdict) and the kept columns.
    """
    if not can_compile(home):
        return f"SELECT {kept}, {', '.join(f'CAST(NULL AS {kind}) AS {name}' for name, kind in KINDS)} FROM ({texts})"
    verdict = ", ".join(name for name, _ in KINDS)
    return f"SELECT {kept}, {verdict} FROM ({_at_home(_layered(texts, _ASKED), home)})"


def can_compile(region: str) -> bool:
    """Whether a region's rules can be told in expressions."""
    metadata = metadata_of(region)
    return metadata is not None and main_region(metadata.country_code) is not None


def at_home_sql(region: str) -> str:
    """`VERDICT` and abroad of a region's rows in the table `asked`, decided if they are of its own calling code."""
    rows = f"SELECT * FROM asked WHERE region = '{region}'"
    return f"SELECT {VERDICT}, abroad FROM ({_at_home(rows, region)})"


def _at_home(source: str, region: str) -> str:
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
    return _with_verdict(_layered(source, steps), calling)


def _by_rules_of(main: str, region: str, build: Callable[[str], str]) -> str:
    """A number with its calling code follows the rules of the code's main region, another those of its own."""
    return build(main) if main == region else f"CASE WHEN has_code THEN {build(main)} ELSE {build(region)} END"


def from_abroad_sql(calling: int) -> str:
    """`VERDICT` and abroad of a calling code's numbers in the table `abroad`: with a plus or international prefix."""
    main = main_region(calling) or ""
    steps = [
        f"substring(abroad, {len(str(calling)) + 1}) AS own",
        f"{stripped_expr('own', main)} AS stripped",
        f"{keeps_length_expr('stripped', main)} AS is_kept",
    ]
    source = f"SELECT n, abroad, CAST(NULL AS VARCHAR) AS told FROM abroad WHERE calling = '{calling}'"
    return f"SELECT {VERDICT}, abroad FROM ({_with_verdict(_layered(source, steps), calling)})"


def _with_verdict(source: str, calling: int) -> str:
    """The columns of a verdict on top of own, stripped, is_kept and told."""
    steps = [
        "CASE WHEN is_kept THEN stripped ELSE own END AS number",
        f"CASE WHEN number IS NULL THEN told ELSE {code_expr('number', calling)} END AS code",
        f"CASE WHEN code IS NULL THEN '+{calling}' || number END AS e164",
        f"CASE WHEN e164 IS NOT NULL THEN {_match_key_expr('number', calling)} END AS match_key",
        f"CASE WHEN e164 IS NOT NULL THEN {country_expr('number', calling)} END AS place",
        "substring(place, 1, 2) AS country",
        "ends_with(place, '+') AS is_valid",
    ]
    return _layered(source, steps)


def _layered(source: str, steps: list[str]) -> str:
    """A query that adds one column after another; each may use those before it."""
    for step in steps:
        source = f"SELECT *, {step} FROM ({source})"
    return source


def _match_key_expr(number: str, calling: int) -> str:
    """`phones.match_key` of a national number with its calling code."""
    plain, is_long = f"'{calling}' || {number}", f"length({number}) = 11"
    if calling == 55:
        short = f"'55' || substring({number}, 1, 2) || substring({number}, 4)"
        return f"CASE WHEN {is_long} AND substring({number}, 3, 1) = '9' THEN {short} ELSE {plain} END"
    extra = {52: "1", 54: "9"}.get(calling)
    if extra is None:
        return plain
    short = f"'{calling}' || substring({number}, 2)"
    return f"CASE WHEN {is_long} AND starts_with({number}, '{extra}') THEN {short} ELSE {plain} END"
