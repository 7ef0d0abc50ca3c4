"""What an import does to consent, in SQL: whose word counts, and what is told of it. Aliases as in `changes`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine.clock import to_store
from engine.contacts.column import Column
from engine.contacts.fields import FieldType
from engine.contacts.mapping import CONSENT_CHANNEL
from engine.contacts.options import FieldPolicy, ImportOptions

KNOWN = "c.contact_id IS NOT NULL"
NO_CONSENT = "false AS is_kept_out, false AS is_in_again, false AS is_suppressed, false AS is_withdrawn"
_OPTS_IN = "coalesce(s.consent = 'opted_in', false)"
_WAS_OUT = "(coalesce(c.consent = 'opted_out', false) OR s.is_suppressed)"


def consent_columns(types: Mapping[str, FieldType], options: ImportOptions, now: datetime) -> list[Column]:
    """Consent, its source and its time go together: those of an opt-in say nothing about an opt-out.

    Args:
        now: when consent was learnt that the file gives no time for.
    """
    moment = f"TIMESTAMP '{to_store(now):%Y-%m-%d %H:%M:%S.%f}'"
    is_set, is_first = _is_set(options), _is_first(options)
    columns = [
        Column(
            "consent",
            f"CASE WHEN {is_set} THEN s.consent ELSE c.consent END",
            "c.consent",
            f"CASE WHEN {is_first} THEN s.consent END",
            f"{is_set} AND s.consent IS DISTINCT FROM c.consent",
        )
    ]
    for name, unknown in (("consent_source", "'import'"), ("consent_at", moment)):
        given = f"s.{name}" if name in types else "NULL"
        told = f"CASE WHEN s.consent IS DISTINCT FROM c.consent THEN coalesce({given}, {unknown}) "
        told += f"ELSE coalesce({given}, c.{name}) END"
        columns.append(
            Column(
                name,
                f"CASE WHEN {is_set} THEN {told} ELSE c.{name} END",
                f"c.{name}",
                f"CASE WHEN {is_first} THEN coalesce({given}, {unknown}) END",
                f"{is_set} AND ({told}) IS DISTINCT FROM c.{name}",
            )
        )
    return columns


def consent_flags(options: ImportOptions) -> str:
    """What is told of a row's consent, as columns; `NO_CONSENT` where no column says yes or no."""
    kept_out, again = f"{_OPTS_IN} AND {_WAS_OUT}", "false"
    if options.opt_in_again:
        kept_out, again = again, kept_out
    withdrawn = f"{KNOWN} AND coalesce(s.consent = 'opted_out', false) AND c.consent IS DISTINCT FROM 'opted_out'"
    return f"{kept_out} AS is_kept_out, {again} AS is_in_again, s.is_suppressed, {withdrawn} AS is_withdrawn"


def refused_values(types: Mapping[str, FieldType]) -> str:
    """What to select of rows with `refused`: an opt-out in any row about a person stays one; what an opt-in brings
    besides says nothing about it."""
    if "consent" not in types:
        return "*"
    told = [name for name in ("consent_source", "consent_at", CONSENT_CHANNEL) if name in types]
    own = [f"CASE WHEN NOT refused OR consent = 'opted_out' THEN {name} END AS {name}" for name in told]
    consent = "CASE WHEN refused THEN 'opted_out' ELSE consent END AS consent"
    return f"* REPLACE ({', '.join([consent, *own])})"


def _is_set(options: ImportOptions) -> str:
    """A known contact takes the file's consent. A policy holds back opt-ins alone."""
    policy = options.policy("consent")
    held = {FieldPolicy.FILL: "c.consent IS NOT NULL", FieldPolicy.KEEP: "true"}.get(policy, "false")
    out = "false" if options.opt_in_again else _WAS_OUT
    return f"(s.consent IS NOT NULL AND (s.consent = 'opted_out' OR NOT ({out} OR {held})))"


def _is_first(options: ImportOptions) -> str:
    """A new contact takes it."""
    out = "false" if options.opt_in_again else "s.is_suppressed"
    return f"(s.consent IS NOT NULL AND (s.consent = 'opted_out' OR NOT {out}))"
