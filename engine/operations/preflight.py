"""Preflight: everyone of an audience gets exactly one verdict, recipient or left out for one reason. No sample.

One DuckDB query brings what the verdicts and the slots need; the rest is polars, vectorised. The reasons, and their
order, are the table of `left_out`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from engine.operations.left_out import DUPLICATE, MISSING, TOO_LONG, count_reasons, first_reason_expr
from engine.segments import Audience, Context, audience_frame
from engine.templates import Binding, Template
from engine.templates import fields_of_bindings as fields_of
from engine.templates.parameters import resolve_parameters

IDENTITY_COLUMNS = ("contact_id", "person_key", "phone", "user_id", "country", "language")


@dataclass(frozen=True)
class Preflight:
    """The verdicts of a whole audience; `audience_count = recipient_count + everyone left out`.

    Attributes:
        recipients: **Shape**: one row per recipient, by contact_id: recipient_no UInt32 (0..n-1), contact_id Int64,
            person_key UInt64, phone, user_id, country, language, variant (String), p_0 .. p_{k-1} (String).
        left_out: **Shape**: one row per contact left out, by contact_id: contact_id Int64, reason String.
        doubtful_phone_count: recipients whose number is possible but not valid by the numbering plan; they are kept.
    """

    audience_count: int
    recipients: pl.DataFrame
    left_out: pl.DataFrame
    doubtful_phone_count: int

    @property
    def recipient_count(self) -> int:
        """How many get the message."""
        return self.recipients.height

    @property
    def reasons(self) -> dict[str, int]:
        """Contacts left out by reason, in the order in which the reasons are asked."""
        return count_reasons(self.left_out)


def preflight(
    cursor: duckdb.DuckDBPyConnection,
    audience: Audience,
    template: Template,
    bindings: Mapping[str, Binding],
    context: Context,
) -> Preflight:
    """Judge everyone of the audience and fill the slots of those who remain.

    Raises:
        InvalidRule: the audience names a field, list or segment that is no more.
    """
    found = _contacts(cursor, audience, template, fields_of(bindings), context)
    judged = found.with_columns(first_reason_expr().alias("@reason"))
    remaining = judged.filter(pl.col("@reason").is_null())
    remaining = remaining.hstack(_parameters(remaining, template, bindings, context))
    remaining = _judge_parameters(remaining, [slot.key for slot in template.slots])
    kept = remaining.filter(pl.col("@reason").is_null())
    left_out = pl.concat(
        [
            part.filter(pl.col("@reason").is_not_null()).select("contact_id", pl.col("@reason").alias("reason"))
            for part in (judged, remaining)
        ]
    ).sort("contact_id")
    return Preflight(
        audience_count=found.height,
        recipients=_recipients(kept, len(template.slots)),
        left_out=left_out,
        doubtful_phone_count=int((~kept["@phone_valid"]).sum()),
    )


def _contacts(
    cursor: duckdb.DuckDBPyConnection,
    audience: Audience,
    template: Template,
    fields: Sequence[str],
    context: Context,
) -> pl.DataFrame:
    """The audience with what the verdicts read, by contact_id. `@` names are ours: no field can have one."""
    members = audience_frame(cursor, audience, context).to_native()  # noqa: F841 - named in the query below
    extra = "".join(f', "{context.known_field(name).name}"' for name in fields if name not in IDENTITY_COLUMNS)
    scopes = "('all', 'marketing')" if template.category.upper() == "MARKETING" else "('all')"
    frame: pl.DataFrame = cursor.sql(
        f"""SELECT {", ".join(IDENTITY_COLUMNS)}{extra}, coalesce(phone_valid, true) AS "@phone_valid",
            person_key IN (SELECT person_key FROM contacts WHERE consent = 'opted_out') AS "@opted_out",
            person_key IN (SELECT person_key FROM suppressions
                           WHERE lifted_at IS NULL AND scope IN {scopes}
                           UNION ALL SELECT person_key FROM pending_suppressions WHERE scope IN {scopes})
                AS "@suppressed"
        FROM members"""
    ).pl()
    return frame if frame["contact_id"].is_sorted() else frame.sort("contact_id")


def _parameters(
    frame: pl.DataFrame, template: Template, bindings: Mapping[str, Binding], context: Context
) -> pl.DataFrame:
    """p_0 .. and what is wrong with them, under our names."""
    if not template.slots:
        return pl.DataFrame()
    filled = resolve_parameters(frame, template, bindings, zone=str(context.zone))
    return filled.rename({name: f"@{name}" for name in filled.columns})


def _judge_parameters(frame: pl.DataFrame, slot_keys: Sequence[str]) -> pl.DataFrame:
    """Who lacks a value or has too long a one (in which slot), then who is there twice among the others."""
    if slot_keys:
        frame = frame.with_columns(
            pl.coalesce(
                _slot_expr("@missing", MISSING, slot_keys), _slot_expr("@too_long", TOO_LONG, slot_keys)
            ).alias("@reason")
        )
    if frame["person_key"].n_unique() == frame.height:
        return frame
    complete = pl.col("@reason").is_null()
    again = complete & (complete.cast(pl.UInt32).cum_sum().over("person_key") > 1)
    return frame.with_columns(pl.when(again).then(pl.lit(DUPLICATE)).otherwise("@reason").alias("@reason"))


def _slot_expr(column: str, kind: str, slot_keys: Sequence[str]) -> pl.Expr:
    """The reason that a slot's number stands for, or null."""
    names = {number: kind + key for number, key in enumerate(slot_keys)}
    return pl.col(column).replace_strict(names, default=None, return_dtype=pl.String)


def _recipients(kept: pl.DataFrame, slot_count: int) -> pl.DataFrame:
    return kept.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("recipient_no"),
        *IDENTITY_COLUMNS,
        pl.lit(None, dtype=pl.String).alias("variant"),
        *(pl.col(f"@p_{index}").alias(f"p_{index}") for index in range(slot_count)),
    )
