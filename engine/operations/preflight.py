"""Preflight: everyone of an audience gets exactly one verdict, recipient or left out for one reason. No sample.

One DuckDB query brings what the verdicts and the slots need; the rest is polars, vectorised. The reasons, and their
order, are the table of `left_out`; what the house decided is asked of `policies` each time, at the launch too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from engine.contacts.regions import regions_of
from engine.operations.left_out import DUPLICATE, INVALID, MISSING, TOO_LONG, count_reasons, first_reason_expr
from engine.operations.policies import Policies, load_policies
from engine.operations.recent import note_recent_people
from engine.segments import Audience, Context, Selection, SelectionMode, audience_frame
from engine.templates import Binding, Template
from engine.templates import fields_of_bindings as fields_of
from engine.templates.parameters import resolve_parameters

IDENTITY_COLUMNS = ("contact_id", "person_key", "phone", "user_id", "country", "language")
_RECENT, _BY_HAND = "preflight_recent", "preflight_by_hand"


@dataclass(frozen=True)
class Preflight:
    """The verdicts of a whole audience; `audience_count = recipient_count + everyone left out`.

    Attributes:
        audience_count: everyone of the audience, with those who are left out of it by hand.
        recipients: **Shape**: one row per recipient, by contact_id: recipient_no UInt32 (0..n-1), contact_id Int64,
            person_key UInt64, phone, user_id, country, language, variant (String), p_0 .. p_{k-1} (String).
        left_out: **Shape**: one row per contact left out, by contact_id: contact_id Int64, reason String.
        doubtful_phone_count: recipients whose number is possible but not valid by the numbering plan; they are kept.
        regions: recipients by the country their number belongs to ("" where nothing says one), most first.
    """

    audience_count: int
    recipients: pl.DataFrame
    left_out: pl.DataFrame
    doubtful_phone_count: int
    regions: dict[str, int]

    @property
    def recipient_count(self) -> int:
        """How many get the message."""
        return self.recipients.height

    @property
    def reasons(self) -> dict[str, int]:
        """Contacts left out by reason, in the order in which the reasons are asked."""
        return count_reasons(self.left_out)

    @property
    def fingerprint(self) -> str:
        """Of who gets what: another person, number or parameter gives another one. Good within this version alone."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self.recipients.hash_rows(seed=7).to_numpy().data)
        digest.update(self.left_out.height.to_bytes(8, "big"))
        return digest.hexdigest()


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
        StoreError: the policies, or who got a message lately, can't be read.
    """
    policies, category = load_policies(cursor), template.category.upper()
    note_recent_people(cursor, _RECENT, category, policies.cap(category), context.now)
    found = _contacts(cursor, audience, template, fields_of(bindings), context, policies)
    audience_count = found.height
    regions = regions_of(found["phone"], found["user_id"])
    is_blocked = regions.is_in(list(policies.blocked(category))).fill_null(False)
    found = found.with_columns(regions, is_blocked.alias("@blocked"))
    found = found.with_columns(first_reason_expr().alias("@reason"))
    found = found.drop("@by_hand", "@opted_out", "@suppressed", "@no_consent", "@recent", "@blocked")
    gone = [_gone(found)]
    found = found.filter(pl.col("@reason").is_null())
    found = _filled(found, template, bindings, context)
    found = _judge_parameters(found, [slot.key for slot in template.slots])
    gone.append(_gone(found))
    if gone[-1].height:
        found = found.filter(pl.col("@reason").is_null())
    counted = found.group_by(pl.col("@region").fill_null("")).len().sort("len", "@region", descending=[True, False])
    return Preflight(
        audience_count=audience_count,
        recipients=_recipients(found, len(template.slots)),
        left_out=pl.concat(gone).sort("contact_id"),
        doubtful_phone_count=int((~found["@phone_valid"]).sum()),
        regions=dict(counted.iter_rows()),
    )


def _gone(frame: pl.DataFrame) -> pl.DataFrame:
    reasons = frame.lazy().filter(pl.col("@reason").is_not_null())
    return reasons.select("contact_id", pl.col("@reason").alias("reason")).collect()


def _contacts(
    cursor: duckdb.DuckDBPyConnection,
    audience: Audience,
    template: Template,
    fields: Sequence[str],
    context: Context,
    policies: Policies,
) -> pl.DataFrame:
    """The audience with what the verdicts read, by contact_id. `@` names are ours: no field can have one."""
    by_hand: list[int] = []
    if audience.selection.mode is SelectionMode.EXCEPT:
        by_hand = sorted(audience.selection.ids)
        audience = audience.model_copy(update={"selection": Selection()})
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE {_BY_HAND} AS SELECT unnest(?::BIGINT[]) AS contact_id", [by_hand])
    members = audience_frame(cursor, audience, context).to_native()
    chosen = [context.known_field(name).name for name in fields if name not in IDENTITY_COLUMNS]
    extra = "".join(f', "{name}"' for name in chosen)
    category = template.category.upper()
    scopes = "('all', 'marketing')" if category == "MARKETING" else "('all')"
    # without a policy no column is read: a constant costs nothing
    consented = "person_key NOT IN (SELECT person_key FROM contacts WHERE consent = 'opted_in')"
    recent = f"person_key IN (SELECT person_key FROM {_RECENT})"
    frame: pl.DataFrame = members.query(
        "preflight_members",
        f"""SELECT {", ".join(IDENTITY_COLUMNS)}{extra}, coalesce(phone_valid, true) AS "@phone_valid",
            contact_id IN (SELECT contact_id FROM {_BY_HAND}) AS "@by_hand",
            person_key IN (SELECT person_key FROM contacts WHERE consent = 'opted_out') AS "@opted_out",
            person_key IN (SELECT person_key FROM suppressions
                           WHERE lifted_at IS NULL AND scope IN {scopes}
                           UNION ALL SELECT person_key FROM pending_suppressions WHERE scope IN {scopes})
                AS "@suppressed",
            {consented if policies.asks_consent(category) else "false"} AS "@no_consent",
            {recent if policies.cap(category) else "false"} AS "@recent"
        FROM preflight_members""",
    ).pl()
    return frame if frame["contact_id"].is_sorted() else frame.sort("contact_id")


def _filled(
    frame: pl.DataFrame, template: Template, bindings: Mapping[str, Binding], context: Context
) -> pl.DataFrame:
    """Who remains, with @p_0 .. and what is wrong with them; the fields that filled them are let go."""
    kept = frame.select(*IDENTITY_COLUMNS, "@phone_valid", "@region", "@reason")
    if not template.slots:
        return kept
    filled = resolve_parameters(frame, template, bindings, zone=str(context.zone), now=context.now)
    return kept.hstack(filled.rename({name: f"@{name}" for name in filled.columns}))


def _judge_parameters(frame: pl.DataFrame, slot_keys: Sequence[str]) -> pl.DataFrame:
    """Whose value is missing, too long or can't be sent (in which slot), then who is there twice among the others."""
    if slot_keys:
        frame = frame.with_columns(_slot_reason_expr(frame.schema, slot_keys).alias("@reason"))
    if frame["person_key"].n_unique() == frame.height:
        return frame
    complete = pl.col("@reason").is_null()
    again = complete & (complete.cast(pl.UInt32).cum_sum().over("person_key") > 1)
    return frame.with_columns(pl.when(again).then(pl.lit(DUPLICATE)).otherwise("@reason").alias("@reason"))


def _slot_reason_expr(schema: pl.Schema, slot_keys: Sequence[str]) -> pl.Expr:
    """A value that is there and can't be sent is missing as well: then it is said which of the two it is."""
    missing = _slot_expr("@missing", MISSING, slot_keys)
    too_long = _slot_expr("@too_long", TOO_LONG, slot_keys)
    if "@invalid" not in schema:
        return pl.coalesce(missing, too_long)
    invalid = _slot_expr("@invalid", INVALID, slot_keys)
    is_there = pl.col("@invalid") == pl.col("@missing")
    return pl.coalesce(pl.when(is_there).then(invalid), missing, too_long, invalid)


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
