"""The values of every slot for every recipient, in one vectorised pass, cleaned as the provider demands.

Called in web only: polars must not run in a worker. Source of the value rules: whatsapp.md §10.
"""

from __future__ import annotations

from urllib.parse import quote

import polars as pl

from engine.templates.bindings import Binding, Bindings
from engine.templates.components import Slot, Template
from engine.templates.values import (
    CONTROL_CHARACTERS,
    WHITE_SPACE,
    date_text_expr,
    number_text_expr,
)

UNSAFE_IN_URL = r"[^A-Za-z0-9\-._~/?&=%+,;:!$'()*@]"


def resolve_parameters(frame: pl.DataFrame, template: Template, bindings: Bindings) -> pl.DataFrame:
    """Fill every slot for every row.

    Args:
        frame: **Shape**: one row per contact, with a column per field that a binding reads.

    Returns:
        **Shape**: as many rows in the same order; p_0 .. p_{k-1} String in slot order (null where empty), and
        `missing` UInt32: the first slot with no value, null if none.
    """
    columns = [
        slot_expr(slot, bindings.get(slot.key, Binding()), frame.schema, template.language).alias(f"p_{index}")
        for index, slot in enumerate(template.slots)
    ]
    filled = frame.select(*columns) if columns else pl.DataFrame(height=frame.height)
    first = pl.coalesce(
        *(pl.when(pl.col(f"p_{index}").is_null()).then(pl.lit(index, pl.UInt32)) for index in range(len(columns))),
        pl.lit(None, pl.UInt32),
    )
    if not columns:
        return pl.DataFrame({"missing": pl.Series([None] * frame.height, dtype=pl.UInt32)})
    return filled.with_columns(first.alias("missing"))


def slot_expr(slot: Slot, binding: Binding, schema: pl.Schema, language: str) -> pl.Expr:
    """The value of one slot: pieces joined, cleaned; the fallback where a field is empty; null where nothing is."""
    if binding.is_empty:
        return pl.lit(None, pl.String)
    texts = [
        _field_expr(piece.field, schema, language) if piece.field else pl.lit(piece.text) for piece in binding.pieces
    ]
    whole = pl.concat_str(texts, ignore_nulls=False) if len(texts) > 1 else texts[0]
    value = _clean_expr(whole)
    if binding.fallback.strip():
        value = value.fill_null(_clean_expr(pl.lit(binding.fallback)))
    if slot.kind == "url_suffix":
        value = _url_suffix_expr(value, slot.prefix)
    return value


def _field_expr(name: str, schema: pl.Schema, language: str) -> pl.Expr:
    column, kind = pl.col(name), schema.get(name)
    if kind is None:
        return pl.lit(None, pl.String)
    if kind == pl.Date or isinstance(kind, pl.Datetime):
        return date_text_expr(column, language)
    if kind.is_float():
        return number_text_expr(column, language)
    text = column.cast(pl.String)
    return pl.when(text.str.strip_chars() == "").then(None).otherwise(text)


def _clean_expr(text: pl.Expr) -> pl.Expr:
    """NFC, no control or zero-width characters, white space collapsed; empty becomes null."""
    cleaned = (
        text.str.normalize("NFC")
        .str.replace_all(CONTROL_CHARACTERS, "")
        .str.replace_all(WHITE_SPACE, " ")
        .str.strip_chars(" ")
    )
    return pl.when(cleaned == "").then(None).otherwise(cleaned)


def _url_suffix_expr(value: pl.Expr, prefix: str) -> pl.Expr:
    """Cut the template's own prefix off a full URL; percent-encode what a URL can't hold."""
    suffix = value.str.strip_prefix(prefix) if prefix else value
    encoded = (
        pl.when(suffix.str.contains(UNSAFE_IN_URL))
        .then(suffix.map_elements(lambda text: quote(text, safe="-._~/?&=%+,;:!$'()*@"), return_dtype=pl.String))
        .otherwise(suffix)
    )
    return pl.when(encoded == "").then(None).otherwise(encoded)
