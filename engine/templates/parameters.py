"""The values of every slot for every recipient, in one vectorised pass, cleaned as the provider demands.

Called in web only: polars must not run in a worker. Source of the value rules: whatsapp.md §10.
"""

from __future__ import annotations

from functools import reduce

import polars as pl

from engine.templates.bindings import Binding, Bindings, Piece
from engine.templates.components import (
    BODY_LIMIT,
    BODY_ONLY_LIMIT,
    HEADER_TEXT_LIMIT,
    VARIABLE,
    Slot,
    Template,
)
from engine.templates.slots import URL_LIMIT
from engine.templates.values import (
    VISIBLE,
    bool_text_expr,
    clean_expr,
    date_text_expr,
    image_expr,
    number_text_expr,
    url_suffix_expr,
)


def resolve_parameters(
    frame: pl.DataFrame, template: Template, bindings: Bindings, *, zone: str = "UTC"
) -> pl.DataFrame:
    """Fill every slot for every row.

    Args:
        frame: **Shape**: one row per contact, with a column per field that a binding reads (a missing one is empty).
        zone: where moments become days.

    Returns:
        **Shape**: as many rows in the same order; p_0 .. p_{k-1} String in slot order (null where empty);
        `missing` UInt32: the first slot with no value, null if none; `too_long` UInt32: the first slot of a part
        that would be longer than the provider takes, null if none.
    """
    nothing = pl.lit(None, pl.UInt32)
    columns = [
        slot_expr(slot, bindings.get(slot.key, Binding()), frame.schema, template.language, zone).alias(f"p_{index}")
        for index, slot in enumerate(template.slots)
    ]
    if not columns:
        none = pl.Series(dtype=pl.UInt32).extend_constant(None, frame.height)
        return pl.DataFrame({"missing": none, "too_long": none})
    empty = [pl.when(pl.col(f"p_{index}").is_null()).then(pl.lit(index, pl.UInt32)) for index in range(len(columns))]
    filled = frame.with_columns(columns).select(f"p_{index}" for index in range(len(columns)))
    return filled.with_columns(
        pl.coalesce(*empty, nothing).alias("missing"),
        pl.coalesce(*_too_long_exprs(template), nothing).alias("too_long"),
    )


def slot_expr(slot: Slot, binding: Binding, schema: pl.Schema, language: str, zone: str = "UTC") -> pl.Expr:
    """The value of one slot: pieces joined and cleaned, the fallback where it is empty, else null."""
    if binding.is_empty:
        return pl.lit(None, pl.String)
    if not binding.fields:
        return pl.lit(_constant(slot, "".join(piece.text for piece in binding.pieces)), pl.String)
    fallback = _constant(slot, binding.fallback)
    if any(field not in schema for field in binding.fields):
        return pl.lit(fallback, pl.String)
    texts = [
        _piece_expr(piece, schema[piece.field], language, zone) if piece.field else pl.lit(piece.text)
        for piece in binding.pieces
    ]
    value = _fitting(slot, pl.concat_str(texts, ignore_nulls=False) if len(texts) > 1 else texts[0])
    return value if fallback is None else value.fill_null(pl.lit(fallback))


def _constant(slot: Slot, text: str) -> str | None:
    """A constant text as the slot takes it."""
    value: str | None = pl.DataFrame({"text": [text]}).select(_fitting(slot, pl.col("text"))).item()
    return value


def _fitting(slot: Slot, text: pl.Expr) -> pl.Expr:
    """The text as the slot's kind takes it; null where it can't be used."""
    value = clean_expr(text)
    if slot.kind == "url_suffix":
        return url_suffix_expr(value, slot.prefix)
    return image_expr(value) if slot.is_media else value


def _piece_expr(piece: Piece, kind: pl.DataType, language: str, zone: str) -> pl.Expr:
    """A field's value as text; null where the contact has none."""
    column = pl.col(piece.field)
    if isinstance(kind, pl.Datetime):
        moment = column if kind.time_zone else column.dt.replace_time_zone("UTC")
        return date_text_expr(moment.dt.convert_time_zone(zone).dt.date(), language, piece.format or "long")
    if kind == pl.Date:
        return date_text_expr(column, language, piece.format or "long")
    if kind.is_numeric():
        return number_text_expr(column.cast(pl.Float64), language)
    if kind == pl.Boolean:
        return bool_text_expr(column, language)
    text = column.cast(pl.String)
    return pl.when(text.str.contains(VISIBLE)).then(text)


def _too_long_exprs(template: Template) -> list[pl.Expr]:
    """One expression per part with slots: the index of its first slot where the filled part is too long."""
    found: list[pl.Expr] = []
    for start, limit in (
        ("header.text:", HEADER_TEXT_LIMIT),
        ("body:", _body_limit(template)),
        ("button.", URL_LIMIT),
    ):
        numbered = [(index, slot) for index, slot in enumerate(template.slots) if slot.key.startswith(start)]
        groups = [[pair] for pair in numbered] if start == "button." else [numbered] if numbered else []
        for group in groups:
            fixed = len(group[0][1].prefix) if start == "button." else _fixed_length(template, start)
            values = reduce(
                lambda left, right: left + right,
                (pl.col(f"p_{index}").str.len_chars().fill_null(0) * _uses(template, slot) for index, slot in group),
            )
            found.append(pl.when(values + fixed > limit).then(pl.lit(group[0][0], pl.UInt32)))
    return found


def _part_text(template: Template, start: str) -> str:
    part = template.component("HEADER" if start.startswith("header") else "BODY")
    return part.text if part else ""


def _fixed_length(template: Template, start: str) -> int:
    return len(VARIABLE.sub("", _part_text(template, start)))


def _uses(template: Template, slot: Slot) -> int:
    """How often a variable stands in its part."""
    return 1 if slot.kind == "url_suffix" else VARIABLE.findall(_part_text(template, slot.key)).count(slot.name)


def _body_limit(template: Template) -> int:
    return BODY_ONLY_LIMIT if len(template.components) == 1 else BODY_LIMIT
