"""Why preflight leaves a contact out: one ordered table. The first reason that holds is the one.

The order: what a person or the house decided, then what nobody can mend here (address, country, cap), then the holes
of the message, which a fallback can fill: so each of their steps says how many people filling it wins. A duplicate
comes last of all, so that it is only ever said of somebody who gets the message as another contact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from engine.words import N_

MISSING, TOO_LONG, INVALID = "missing:", "too_long:", "invalid:"
"""What the reason begins with when a slot has no value, too long or a forbidden one; the slot's key follows."""
DUPLICATE = "duplicate"
BY_HAND = "by_hand"


@dataclass(frozen=True)
class Reason:
    """One reason that a contact's own columns decide. `holds` is true of the contacts it takes."""

    key: str
    label: str
    holds: Callable[[], pl.Expr]


def _blank(name: str) -> pl.Expr:
    return pl.col(name).is_null() | (pl.col(name) == "")


REASONS: tuple[Reason, ...] = (
    Reason(BY_HAND, N_("left out by hand"), lambda: pl.col("@by_hand")),
    Reason("opted_out", N_("opted out (consent)"), lambda: pl.col("@opted_out")),
    Reason("suppressed", N_("suppressed: wants no such messages"), lambda: pl.col("@suppressed")),
    Reason("no_consent", N_("no recorded consent"), lambda: pl.col("@no_consent")),
    Reason("no_address", N_("no phone number"), lambda: _blank("phone") & _blank("user_id")),
    Reason("country", N_("country not allowed for such messages"), lambda: pl.col("@blocked")),
    Reason("frequency", N_("got such a message a short time ago"), lambda: pl.col("@recent")),
)
LABELS: dict[str, str] = {
    **{reason.key: reason.label for reason in REASONS},
    MISSING: N_("no value for {slot}"),
    TOO_LONG: N_("too long with the value for {slot}"),
    INVALID: N_("a value that can't be sent for {slot}"),
    DUPLICATE: N_("reached already as another contact"),
}
ORDER = tuple(LABELS)


def first_reason_expr() -> pl.Expr:
    """The key of the first reason that holds, or null."""
    return pl.coalesce(*(pl.when(reason.holds()).then(pl.lit(reason.key)) for reason in REASONS))


def reason_rank(key: str) -> tuple[int, str]:
    """Where a reason stands in the order; one that this version doesn't know comes last."""
    kind, _ = split_reason(key)
    return (ORDER.index(kind) if kind in ORDER else len(ORDER), key)


def reason_label(key: str) -> tuple[str, str]:
    """(label for the catalogue, slot key or ""): the label has `{slot}` where the slot's name belongs."""
    kind, slot = split_reason(key)
    return LABELS.get(kind, key), slot


def count_reasons(left_out: pl.DataFrame) -> dict[str, int]:
    """Contacts by reason, in order; **Shape** of the argument: one row per contact with a column `reason`."""
    counted = dict(left_out.group_by("reason").len().iter_rows())
    return {key: counted[key] for key in sorted(counted, key=reason_rank)}


def split_reason(key: str) -> tuple[str, str]:
    """(kind as in `ORDER`, slot key or "")."""
    for kind in (MISSING, TOO_LONG, INVALID):
        if key.startswith(kind):
            return kind, key.removeprefix(kind)
    return key, ""
