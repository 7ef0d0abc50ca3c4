"""The messages of an audience that most deserve a look before anybody gets them.

The longest and the shortest, those in which a fallback stands, those whose values hold emoji, right-to-left letters
or control characters, and one per language. Everybody is looked at: lengths and signs are worked out in one
vectorised pass over the values, no message is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import polars as pl

from engine.segments import Audience, Context, audience_frame
from engine.templates import Binding, Template, fields_of_bindings
from engine.templates.parameters import resolve_parameters
from engine.templates.parts import VARIABLE
from engine.words import N_

LONGEST, SHORTEST, FALLBACK, EMOJI, RIGHT_TO_LEFT, CONTROL, LANGUAGE = (
    "longest", "shortest", "fallback", "emoji", "right_to_left", "control", "language",
)  # fmt: skip
LABELS = {
    LONGEST: N_("Longest"),
    SHORTEST: N_("Shortest"),
    FALLBACK: N_("With a fallback: {name}"),
    EMOJI: N_("Emoji in a value"),
    RIGHT_TO_LEFT: N_("Right-to-left letters in a value"),
    CONTROL: N_("Hidden signs in a value, taken out before sending"),
    LANGUAGE: N_("Language: {name}"),
}
"""English texts to be translated; `{name}` is the slot's caption or the language."""

SIGNS = {
    EMOJI: r"[\x{1F000}-\x{1FAFF}\x{2600}-\x{27BF}\x{2B50}\x{2B55}\x{231A}-\x{23FF}]",
    RIGHT_TO_LEFT: r"[\x{590}-\x{8FF}\x{FB1D}-\x{FDFF}\x{FE70}-\x{FEFC}]",
    CONTROL: r"[\x00-\x1f\x7f-\x9f\x{200b}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2060}-\x{2069}\x{feff}]",
}
"""What is odd in a value, in the syntax of Rust's regular expressions."""

ODD = r"[^\x20-\x7e\x{a1}-\x{58f}\x{1e00}-\x{200a}\x{2010}-\x{2027}\x{20a0}-\x{20cf}]"
"""A first look: a value without one of these has none of the signs above."""
MOST_LANGUAGES = 12


@dataclass(frozen=True)
class Hard:
    """One message worth a look.

    Attributes:
        kind: a key of `LABELS`.
        contact_id: whose it is; the first by id among equals.
        count: how many of the audience are such; 1 for the longest and the shortest.
        length: characters of header, body and cards together, as they are filled.
        name: the slot's key (fallback) or the language's code; else empty.
    """

    kind: str
    contact_id: int
    count: int
    length: int
    name: str = ""


def hardest(
    cursor: duckdb.DuckDBPyConnection,
    audience: Audience,
    template: Template,
    bindings: Mapping[str, Binding],
    context: Context,
    *,
    among: np.ndarray[Any, np.dtype[np.int64]] | None = None,
) -> tuple[Hard, ...]:
    """Find them among those who would have a value in every slot.

    Args:
        among: only these contact ids, the recipients when they are known.

    Raises:
        InvalidRule: the audience names a field, list or segment that is no more.
    """
    fields = [name for name in fields_of_bindings(bindings) if name in context.registry]
    found = _contacts(cursor, audience, fields, context)
    if among is not None:
        found = found.filter(pl.Series(np.isin(found["contact_id"].to_numpy(), among)))
    filled = resolve_parameters(found, template, bindings, zone=str(context.zone))
    whole = found.hstack(filled.with_columns(_length_expr(template).alias("@length")))
    whole = whole.filter(pl.col("missing").is_null())
    if whole.is_empty():
        return ()
    return (
        *_extremes(whole),
        *_fallbacks(whole, template, bindings),
        *_odd(whole, fields),
        *_languages(whole),
    )


def _contacts(
    cursor: duckdb.DuckDBPyConnection, audience: Audience, fields: list[str], context: Context
) -> pl.DataFrame:
    columns = ["contact_id", "language", *(f'"{name}"' for name in fields if name != "language")]
    frame: pl.DataFrame = audience_frame(cursor, audience, context).to_native().project(", ".join(columns)).pl()
    return frame if frame["contact_id"].is_sorted() else frame.sort("contact_id")


def _length_expr(template: Template) -> pl.Expr:
    """Characters of header, body and cards: the template's own and those of the values."""
    texts = [part.text for part in template.components if part.kind in {"HEADER", "BODY"}]
    texts += [part.text for card in template.cards for part in card.components if part.kind == "BODY"]
    length = pl.lit(sum(len(VARIABLE.sub("", text)) for text in texts), pl.UInt32)
    for index, slot in enumerate(template.slots):
        if slot.place.startswith(("header.text:", "body:")):
            part = template.part_of(slot)
            uses = VARIABLE.findall(part.text if part else "").count(slot.name)
            length = length + pl.col(f"p_{index}").str.len_chars().fill_null(0) * uses
        elif slot.key.endswith(".otp"):
            length = length + pl.col(f"p_{index}").str.len_chars().fill_null(0)
    return length


def _extremes(whole: pl.DataFrame) -> list[Hard]:
    """The longest and the shortest; when all are equally long, neither says anything."""
    lengths = whole["@length"]
    longest, shortest = lengths.arg_max(), lengths.arg_min()
    if longest is None or shortest is None or lengths[longest] == lengths[shortest]:
        return []
    return [_hard(whole, LONGEST, longest, 1), _hard(whole, SHORTEST, shortest, 1)]


def _fallbacks(whole: pl.DataFrame, template: Template, bindings: Mapping[str, Binding]) -> list[Hard]:
    """For each slot the first person in whose message its fallback stands."""
    found = []
    for slot in template.slots:
        binding = bindings.get(slot.key)
        if binding is None or not binding.fields or not binding.fallback.strip():
            continue
        blank = [_blank_expr(whole, name) for name in binding.fields]
        mask = whole.select(pl.any_horizontal(*blank).alias("blank"), "contact_id")["blank"]
        found += _first(whole, mask, FALLBACK, slot.key)
    return found


def _blank_expr(whole: pl.DataFrame, name: str) -> pl.Expr:
    if name not in whole.columns:
        return pl.lit(value=True)
    column = pl.col(name)
    if whole.schema[name] != pl.String:
        return column.is_null()
    return column.is_null() | ~column.str.contains(r"[^\s\x00-\x1f\x7f\x{200b}\x{feff}]")


def _odd(whole: pl.DataFrame, fields: list[str]) -> list[Hard]:
    """The first person with each kind of odd sign, in the values as they are kept (sending takes some out)."""
    texts = [name for name in fields if whole.schema[name] == pl.String]
    if not texts:
        return []
    suspects = whole.filter(
        pl.any_horizontal(pl.col(name).str.contains(ODD).fill_null(value=False) for name in texts)
    )
    found = []
    for kind, pattern in SIGNS.items():
        has = [pl.col(name).str.contains(pattern).fill_null(value=False) for name in texts]
        found += _first(suspects, suspects.select(pl.any_horizontal(*has)).to_series(), kind)
    return found


def _languages(whole: pl.DataFrame) -> list[Hard]:
    """The first person of each language, the most frequent languages first; none where all speak the same."""
    groups = (
        whole.with_row_index("@row")
        .group_by("language")
        .agg(pl.len().alias("count"), pl.col("@row").first())
        .sort(["count", "language"], descending=[True, False], nulls_last=True)
        .head(MOST_LANGUAGES)
    )
    if groups.height < 2:
        return []
    return [
        _hard(whole, LANGUAGE, int(row["@row"]), int(row["count"]), row["language"] or "")
        for row in groups.iter_rows(named=True)
    ]


def _first(whole: pl.DataFrame, mask: pl.Series, kind: str, name: str = "") -> list[Hard]:
    count = int(mask.sum())
    if not count:
        return []
    place = int(np.flatnonzero(mask.to_numpy())[0])
    return [_hard(whole, kind, place, count, name)]


def _hard(whole: pl.DataFrame, kind: str, row: int, count: int, name: str = "") -> Hard:
    return Hard(kind, int(whole["contact_id"][row]), count, int(whole["@length"][row]), name)
