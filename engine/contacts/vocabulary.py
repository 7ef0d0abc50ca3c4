"""The words that files hold for yes and no, consent, languages and countries: a table that cells are joined with.

Names of languages and countries come from Babel (CLDR) in the languages our users' files are in.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import duckdb
import polars as pl
from babel import Locale
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from engine.contacts.cells import BY_WORDS, Kind, fold_sql
from engine.contacts.model import Consent

_FILE_LANGUAGES = ("en", "tr", "de", "ar", "fr")
_YES = "yes, y, true, 1, evet, e, doğru, var, x, ✓, ja, wahr, oui, si, نعم, on"
_NO = "no, n, false, 0, hayır, h, yanlış, yok, nein, falsch, non, لا, off"
_CONSENTING = """opted_in,
    opted in, opt in, opt-in, subscribed, abone, onay, onaylı, onayladı, onay verdi, izinli, izin var,
    izin verdi, kabul, kabul etti, verildi, granted, accepted, agreed, consented, active, aktif"""
_REFUSING = """opted_out,
    opted out, opt out, opt-out, unsubscribed, abone değil, ret, red, reddetti, izinsiz, izin yok,
    izin vermedi, onaysız, onay yok, onay vermedi, kabul etmedi, istemiyor, iptal, çıktı, denied, declined, withdrawn,
    revoked, stop, pasif, inactive, never"""
_OTHER_COUNTRY_NAMES = {
    "Turkey": "TR",
    "USA": "US",
    "UK": "GB",
    "ABD": "US",
    "İngiltere": "GB",
    "BAE": "AE",
    "KKTC": "CY",
}


def create_words(cursor: duckdb.DuckDBPyConnection, *kinds: Kind) -> None:
    """Make the table `words` (kind, word folded, value) in a connection; for kinds given, `words_<kind>` each."""
    for kind in kinds:
        _create(cursor, f"words_{kind}", words_of(kind))
    if not kinds:
        _create(cursor, "words", pl.concat(words_of(kind) for kind in BY_WORDS))


def _create(cursor: duckdb.DuckDBPyConnection, table: str, words_frame: pl.DataFrame) -> None:
    cursor.register("words_frame", words_frame)
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT kind, {fold_sql('word')} AS word, min(value) AS value "
        f"FROM words_frame GROUP BY ALL"
    )
    cursor.unregister("words_frame")


@lru_cache(maxsize=len(BY_WORDS))
def words_of(kind: Kind) -> pl.DataFrame:
    """The words of a kind as they are written. **Shape**: kind, word, value (String)."""
    rows: list[tuple[str, str, str]] = []
    if kind is Kind.BOOL:
        rows = [(kind.value, word, "true") for word in _split(_YES)]
        rows += [(kind.value, word, "false") for word in _split(_NO)]
    elif kind is Kind.CONSENT:
        rows = [(kind.value, word, Consent.OPTED_IN.value) for word in _split(_YES) + _split(_CONSENTING)]
        rows += [(kind.value, word, Consent.OPTED_OUT.value) for word in _split(_NO) + _split(_REFUSING)]
    elif kind is Kind.COUNTRY:
        rows = [(kind.value, name, code) for name, code in _OTHER_COUNTRY_NAMES.items()] + _calling_codes()
    for language in _FILE_LANGUAGES if kind in (Kind.LANGUAGE, Kind.COUNTRY) else ():
        locale = Locale(language)
        rows += _codes_and_names(kind, locale.languages if kind is Kind.LANGUAGE else locale.territories)
    if kind is Kind.LANGUAGE:
        rows += [(kind.value, str(Locale(code).language_name), code) for code in ("ru", "es", "it", "fa", "az")]
    return pl.DataFrame(rows, schema={"kind": pl.String, "word": pl.String, "value": pl.String}, orient="row")


def _split(words: str) -> list[str]:
    return [word.strip() for word in words.split(",")]


def _calling_codes() -> list[tuple[str, str, str]]:
    """Other programs keep a number's country as its calling code, beside the number without it."""
    main = {code: regions[0] for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions[0].isalpha()}
    return [
        (Kind.COUNTRY.value, f"{sign}{code}", region) for code, region in main.items() for sign in ("", "+", "00")
    ]


def _codes_and_names(kind: Kind, names: Mapping[Any, Any]) -> list[tuple[str, str, str]]:
    known = [(str(code), str(name)) for code, name in names.items() if len(str(code)) == 2 and str(code).isalpha()]
    return [(kind.value, word, code) for code, name in known for word in (code, name)]
