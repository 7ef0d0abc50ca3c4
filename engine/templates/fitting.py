"""What each kind of slot takes: a link's end, a file, a number in its range, a moment to come, a code.

Each expression takes cleaned text and gives null where it can't be used. Source of the rules: whatsapp.md §1.4, §10.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from urllib.parse import quote
from zoneinfo import ZoneInfo

import polars as pl

from engine.clock import to_ms
from engine.templates.slots import Slot
from engine.templates.values import clean_expr

UNSAFE_IN_URL = r"[^A-Za-z0-9\-._~/?&=+,;:!$'()*@]"
COUPON, ONE_TIME_CODE = r"^[A-Za-z0-9]+$", r"^[A-Za-z0-9-]+$"
DECIMAL = r"^[+-]?\d{1,3}(?:[.,]\d{1,15})?$"
HIGHEST = {"latitude": 90.0, "longitude": 180.0}
EPOCH_MS = r"^\d{13}$"


def fit_expr(slot: Slot, text: pl.Expr, *, zone: str, now: datetime) -> pl.Expr:
    """A cleaned text as the slot takes it, in the form in which it travels; null where it can't be used."""
    if slot.kind == "url_suffix":
        return url_suffix_expr(text, slot.prefix)
    if slot.is_media:
        return media_expr(text)
    if slot.kind == "number":
        return coordinate_expr(text, HIGHEST[slot.key.rpartition(".")[2]])
    if slot.kind == "moment":
        return moment_expr(text, ZoneInfo(zone), now)
    if slot.kind == "code":
        return pl.when(text.str.contains(ONE_TIME_CODE if slot.key.endswith(".otp") else COUPON)).then(text)
    return text


def fit_constant(slot: Slot, text: str, *, zone: str, now: datetime) -> str | None:
    """One text as the slot takes it."""
    cleaned = clean_expr(pl.col("text"))
    fitted = fit_expr(slot, cleaned, zone=zone, now=now)
    value: str | None = pl.DataFrame({"text": [text]}, schema={"text": pl.String}).select(fitted).item()
    return value


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


def media_expr(value: pl.Expr) -> pl.Expr:
    """An uploaded file's mark or an HTTPS link; anything else is no file, so null."""
    link = value.str.contains(r"^https://[^/\s]+/\S*$") | value.str.contains(r"^media:[0-9a-f]{64}$")
    return pl.when(link).then(value)


def coordinate_expr(value: pl.Expr, highest: float) -> pl.Expr:
    """A latitude or longitude with a decimal point; null beyond the range."""
    written = value.str.replace(",", ".", literal=True).str.strip_prefix("+")
    number: pl.Expr = pl.when(value.str.contains(DECIMAL)).then(written)
    return pl.when(number.cast(pl.Float64, strict=False).abs() <= highest).then(number)


def moment_expr(value: pl.Expr, zone: ZoneInfo, now: datetime) -> pl.Expr:
    """A moment to come as the milliseconds since 1970; a day stands for its end; null where it is over.

    Each text is read once: people share the end of an offer.
    """
    now_ms = to_ms(now)

    def read(texts: pl.Series) -> pl.Series:
        known = texts.drop_nulls().unique()
        written = [_future_ms(text, zone, now_ms) for text in known]
        return _replaced(texts, known, written)

    return value.map_batches(read, return_dtype=pl.String)


def _future_ms(text: str, zone: ZoneInfo, now_ms: int) -> str | None:
    moment_ms = _read_ms(text, zone)
    return str(moment_ms) if moment_ms is not None and moment_ms > now_ms else None


def _read_ms(text: str, zone: ZoneInfo) -> int | None:
    if len(text) == 13 and text.isascii() and text.isdigit():
        return int(text)
    try:
        if len(text) == 10:
            return to_ms(datetime.combine(date.fromisoformat(text), time(23, 59, 59), zone))
        moment = datetime.fromisoformat(text)
        return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return None


def _replaced(texts: pl.Series, known: pl.Series, written: Sequence[str | None]) -> pl.Series:
    if known.is_empty():
        return texts
    return texts.replace_strict(known, pl.Series(written, dtype=pl.String), default=None, return_dtype=pl.String)
