"""The values of every slot for every recipient, in one vectorised pass, cleaned as the provider demands.

Called in web only: polars must not run in a worker. Source of the value rules: whatsapp.md §10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from zoneinfo import ZoneInfo

import polars as pl

from engine.clock import utc_now
from engine.templates.bindings import CHANNEL, OF_NO_CONTACT, Binding, Bindings, Piece
from engine.templates.components import CARD_BODY_LIMIT, HEADER_TEXT_LIMIT, VARIABLE, Slot, Template
from engine.templates.fitting import fit_constant, fit_expr
from engine.templates.values import (
    VISIBLE,
    bool_text_expr,
    clean_expr,
    date_text,
    date_text_expr,
    letters_expr,
    money_text_expr,
    number_text_expr,
    plain_number_expr,
)


@dataclass(frozen=True)
class Manner:
    """How values are written: the template's language, where moments become days, and what time it is."""

    language: str
    zone: str
    now: datetime
    channel_name: str = ""

    @property
    def today(self) -> str:
        """The day it is there, as ISO."""
        return self.now.astimezone(ZoneInfo(self.zone)).date().isoformat()


@dataclass(frozen=True)
class Filling:
    """How one slot is filled: with the same text for all (None: with nothing), or with a text a row that it takes."""

    slot: Slot
    constant: str | None = None
    text: pl.Expr | None = None
    fallback: str | None = None
    is_wrong: bool = False
    """The constant is there and can't be used."""

    @property
    def is_strict(self) -> bool:
        """Whether there are texts that the slot doesn't take."""
        return self.slot.kind != "text"


def resolve_parameters(
    frame: pl.DataFrame, template: Template, bindings: Bindings, *, zone: str = "UTC", now: datetime | None = None
) -> pl.DataFrame:
    """Fill every slot for every row.

    Args:
        frame: **Shape**: one row per contact, with a column per field that a binding reads (a missing one is empty).
        zone: where moments become days.
        now: what `@today` and the end of an offer are measured by; without it, the present moment.

    Returns:
        **Shape**: as many rows in the same order; p_0 .. p_{k-1} String in slot order (null where empty), then
        UInt32, null if none: `missing`: the first slot with no usable value; `too_long`: the first slot that is too
        long, or whose part would be; `invalid`: the first slot whose value is there and can't be used (it is
        missing, too). Slots that may stay empty are never missing.
    """
    manner = Manner(template.language, zone, now or utc_now(), template.channel_name)
    fillings = [_filling(slot, bindings.get(slot.key, Binding()), frame.schema, manner) for slot in template.slots]
    if not fillings:
        none = pl.Series(dtype=pl.UInt32).extend_constant(None, frame.height)
        return pl.DataFrame({"missing": none, "too_long": none, "invalid": none})
    texts = frame.with_columns(_first_expr(filling).alias(f"p_{index}") for index, filling in enumerate(fillings))
    texts = texts.select(f"p_{index}" for index in range(len(fillings)))
    strict = [index for index, each in enumerate(fillings) if each.is_strict and each.text is not None]
    filled = texts.with_columns(_last_expr(fillings[index], index, manner) for index in strict)
    if strict:
        filled = filled.with_columns(texts[f"p_{index}"].is_not_null().alias(f"@{index}") for index in strict)
    nothing = pl.lit(None, pl.UInt32)
    return filled.with_columns(
        pl.coalesce(*_missing_exprs(fillings), nothing).alias("missing"),
        pl.coalesce(*_too_long_exprs(template, fillings), nothing).alias("too_long"),
        pl.coalesce(*_invalid_exprs(fillings), nothing).alias("invalid"),
    ).drop(f"@{index}" for index in strict)


def _filling(slot: Slot, binding: Binding, schema: pl.Schema, manner: Manner) -> Filling:
    """What fills a slot, constants worked out once."""
    if binding.is_empty:
        return Filling(slot)
    pieces = [_the_same_for_all(piece, slot, manner) for piece in binding.pieces]
    if not binding.fields:
        text = "".join(piece.text for piece in pieces)
        value = fit_constant(slot, text, zone=manner.zone, now=manner.now)
        return Filling(slot, constant=value, is_wrong=value is None)
    fallback = fit_constant(slot, binding.fallback, zone=manner.zone, now=manner.now)
    if any(field not in schema for field in binding.fields):
        return Filling(slot, constant=fallback)
    texts = [
        _piece_expr(piece, schema[piece.field], slot, manner) if piece.field else pl.lit(piece.text)
        for piece in pieces
    ]
    text_expr = pl.concat_str(texts, ignore_nulls=False) if len(texts) > 1 else texts[0]
    return Filling(slot, text=clean_expr(text_expr), fallback=fallback)


def _first_expr(filling: Filling) -> pl.Expr:
    """A text slot's values; for another kind the texts that it may take or not."""
    if filling.text is None:
        return pl.lit(filling.constant, pl.String)
    if filling.is_strict or filling.fallback is None:
        return filling.text
    return filling.text.fill_null(pl.lit(filling.fallback))


def _last_expr(filling: Filling, index: int, manner: Manner) -> pl.Expr:
    value = fit_expr(filling.slot, pl.col(f"p_{index}"), zone=manner.zone, now=manner.now)
    value = value if filling.fallback is None else value.fill_null(pl.lit(filling.fallback))
    return value.alias(f"p_{index}")


def _the_same_for_all(piece: Piece, slot: Slot, manner: Manner) -> Piece:
    """`@today` and `@channel` are text."""
    if piece.field not in OF_NO_CONTACT:
        return piece
    if piece.field == CHANNEL:
        return Piece(text=manner.channel_name)
    form = piece.format if piece.format in {"short", "long"} else "long"
    day = datetime.fromisoformat(manner.today).date()
    return Piece(text=date_text(day, manner.language, form) if slot.kind == "text" else manner.today)


def _piece_expr(piece: Piece, kind: pl.DataType, slot: Slot, manner: Manner) -> pl.Expr:
    """A field's value as text; null where the contact has none."""
    column, is_words = pl.col(piece.field), slot.kind == "text"
    if isinstance(kind, pl.Datetime):
        moment = column if kind.time_zone else column.dt.replace_time_zone("UTC")
        if slot.kind == "moment":
            return moment.dt.epoch("ms").cast(pl.String)
        column, kind = moment.dt.convert_time_zone(manner.zone).dt.date(), pl.Date()
    if kind == pl.Date:
        form = piece.format if piece.format == "short" else "long"
        return date_text_expr(column, manner.language, form) if is_words else column.cast(pl.String)
    if kind.is_numeric():
        return _number_expr(column.cast(pl.Float64), piece.format if is_words else "plain", manner.language)
    if kind == pl.Boolean:
        return bool_text_expr(column, manner.language)
    text = column.cast(pl.String)
    text = pl.when(text.str.contains(VISIBLE)).then(text)
    if piece.format in {"upper", "lower", "title"}:
        return letters_expr(text, piece.format, manner.language)
    if piece.format.startswith(("money", "number")):
        return pl.coalesce(_number_expr(text.cast(pl.Float64, strict=False), piece.format, manner.language), text)
    return text


def _number_expr(column: pl.Expr, form: str, language: str) -> pl.Expr:
    if form.startswith("money"):
        return money_text_expr(column, language, form.removeprefix("money").removeprefix("_"))
    return plain_number_expr(column) if form == "plain" else number_text_expr(column, language)


def _missing_exprs(fillings: Sequence[Filling]) -> list[pl.Expr]:
    found: list[pl.Expr] = []
    for index, filling in enumerate(fillings):
        can_be_empty = filling.text is not None and filling.fallback is None
        if filling.slot.is_optional or not (can_be_empty or (filling.text is None and filling.constant is None)):
            continue
        found.append(pl.when(pl.col(f"p_{index}").is_null()).then(pl.lit(index, pl.UInt32)))
    return found


def _invalid_exprs(fillings: Sequence[Filling]) -> list[pl.Expr]:
    found: list[pl.Expr] = []
    for index, filling in enumerate(fillings):
        if filling.text is None:
            found += [pl.lit(index, pl.UInt32)] if filling.is_wrong else []
        elif filling.is_strict and filling.fallback is None:
            unusable = pl.col(f"@{index}") & pl.col(f"p_{index}").is_null()
            found.append(pl.when(unusable).then(pl.lit(index, pl.UInt32)))
    return found


def _too_long_exprs(template: Template, fillings: Sequence[Filling]) -> list[pl.Expr]:
    """Per part with variables and per slot with a limit: the index of its first slot where it is too long."""
    found = [
        (index, _longer_expr([(index, 1)], fillings, filling.slot.limit))
        for index, filling in enumerate(fillings)
        if filling.slot.limit
    ]
    for indices in _text_parts(template).values():
        first = template.slots[indices[0]]
        part = template.part_of(first)
        text = part.text if part else ""
        names = VARIABLE.findall(text)
        uses = [(index, names.count(template.slots[index].name)) for index in indices]
        room = _limit_of(template, first) - len(VARIABLE.sub("", text))
        found.append((indices[0], _longer_expr(uses, fillings, room)))
    ordered = sorted(found, key=lambda pair: pair[0])
    return [pl.when(longer).then(pl.lit(index, pl.UInt32)) for index, longer in ordered]


def _text_parts(template: Template) -> Mapping[str, list[int]]:
    """The slots of each header and body, by what their keys begin with."""
    parts: dict[str, list[int]] = {}
    for index, slot in enumerate(template.slots):
        if slot.place.startswith(("header.text:", "body:")):
            parts.setdefault(slot.key.rpartition(":")[0], []).append(index)
    return parts


def _limit_of(template: Template, slot: Slot) -> int:
    if slot.place.startswith("header"):
        return HEADER_TEXT_LIMIT
    return template.body_limit if slot.card is None else CARD_BODY_LIMIT


def _longer_expr(uses: Sequence[tuple[int, int]], fillings: Sequence[Filling], room: int) -> pl.Expr:
    """Whether the values of some slots, each used so often, need more characters than there is room for."""
    fixed = sum(len(fillings[index].constant or "") * count for index, count in uses)
    lengths = [
        pl.col(f"p_{index}").str.len_chars().fill_null(0) * count
        for index, count in uses
        if fillings[index].text is not None
    ]
    if not lengths:
        return pl.lit(fixed > room)
    return reduce(lambda left, right: left + right, lengths) > max(room - fixed, -1)
