"""Why preflight leaves a contact out: one ordered table. The first reason that holds is the one.

A duplicate comes last of all, so that it is only ever said of somebody who gets the message as another contact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from engine.words import N_

MISSING, TOO_LONG = "missing:", "too_long:"
"""What the reason begins with when a slot has no value, or too long a one; the slot's key follows."""
DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Reason:
    """One reason that a contact's own columns decide. `holds` is true of the contacts it takes."""

    key: str
    label: str
    holds: Callable[[], pl.Expr]


def _blank(name: str) -> pl.Expr:
    return pl.col(name).is_null() | (pl.col(name) == "")


REASONS: tuple[Reason, ...] = (
    Reason("no_address", N_("no phone number"), lambda: _blank("phone") & _blank("user_id")),
    Reason("opted_out", N_("opted out (consent)"), lambda: pl.col("@opted_out")),
    Reason("suppressed", N_("suppressed: wants no such messages"), lambda: pl.col("@suppressed")),
)
LABELS: dict[str, str] = {
    **{reason.key: reason.label for reason in REASONS},
    MISSING: N_("no value for {slot}"),
    TOO_LONG: N_("too long with the value for {slot}"),
    DUPLICATE: N_("reached already as another contact"),
}
ORDER = tuple(LABELS)


def first_reason_expr() -> pl.Expr:
    """The key of the first reason that holds, or null."""
    return pl.coalesce(*(pl.when(reason.holds()).then(pl.lit(reason.key)) for reason in REASONS))


def reason_rank(key: str) -> tuple[int, str]:
    """Where a reason stands in the order; one that this version doesn't know comes last."""
    kind, _ = _split(key)
    return (ORDER.index(kind) if kind in ORDER else len(ORDER), key)


def reason_label(key: str) -> tuple[str, str]:
    """(label for the catalogue, slot key or ""): the label has `{slot}` where the slot's name belongs."""
    kind, slot = _split(key)
    return LABELS.get(kind, key), slot


def count_reasons(left_out: pl.DataFrame) -> dict[str, int]:
    """Contacts by reason, in order; **Shape** of the argument: one row per contact with a column `reason`."""
    counted = dict(left_out.group_by("reason").len().iter_rows())
    return {key: counted[key] for key in sorted(counted, key=reason_rank)}


def _split(key: str) -> tuple[str, str]:
    """(kind, slot key or "")."""
    for kind in (MISSING, TOO_LONG):
        if key.startswith(kind):
            return kind, key.removeprefix(kind)
    return key, ""
