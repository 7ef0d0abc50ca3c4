"""What the house decided for all its messages: is consent asked for, how often at most, which countries never.

Kept as JSON by key in the table `policies`, with who changed it and when; each change is an audit row. Preflight asks
them anew each time, at the launch too. Templates of a category that no policy names are only asked about consent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
from pydantic import BaseModel, ConfigDict, ValidationError, field_serializer, field_validator

from engine.clock import from_store, to_store
from engine.errors import InputError, StoreError
from engine.warehouse import Warehouse, audit
from engine.words import N_

CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
MOST_CAP_DAYS = 365
_ISO_CODE = re.compile(r"[A-Z]{2}")
SANCTIONED = ("CU", "IR", "KP", "SY")
"""Where the provider delivers nothing at all (Meta, countries the platform isn't available in; 2026-09)."""


class Policies(BaseModel):
    """The rules that preflight asks; frozen.

    Attributes:
        needs_consent: categories that only go to people with a recorded opt-in. Nobody by default: most stores begin
            without a column of consent, and a default that silently leaves everybody out teaches to switch it off.
        cap_days: by category, for how many days somebody who got one gets no other. None by default.
        blocked_countries: by category, ISO codes. US for marketing (not delivered since 2025-04-01, see
            whatsapp.md §2.8), sanctioned countries for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    needs_consent: frozenset[str] = frozenset()
    cap_days: Mapping[str, int] = {}
    blocked_countries: Mapping[str, tuple[str, ...]] = {
        "MARKETING": (*SANCTIONED, "US"),
        "UTILITY": SANCTIONED,
        "AUTHENTICATION": SANCTIONED,
    }

    @field_serializer("needs_consent")
    def _sorted(self, categories: frozenset[str]) -> list[str]:
        return sorted(categories)

    @field_validator("cap_days")
    @classmethod
    def _whole_days(cls, caps: Mapping[str, int]) -> dict[str, int]:
        if any(not 0 <= days <= MOST_CAP_DAYS for days in caps.values()):
            raise ValueError("days out of range")
        return {category: days for category, days in caps.items() if days}

    @field_validator("blocked_countries")
    @classmethod
    def _iso_codes(cls, blocked: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        tidy = {
            category: tuple(sorted({code.strip().upper() for code in codes})) for category, codes in blocked.items()
        }
        if any(
            len(code) != 2 or not code.isascii() or not code.isalpha() for codes in tidy.values() for code in codes
        ):
            raise ValueError("not an ISO code")
        return tidy

    def asks_consent(self, category: str) -> bool:
        """Whether a template of that category needs a recorded opt-in."""
        return category.upper() in self.needs_consent

    def cap(self, category: str) -> int:
        """Days between two messages of that category to one person; 0: no cap."""
        return self.cap_days.get(category.upper(), 0)

    def blocked(self, category: str) -> tuple[str, ...]:
        """The countries that get no template of that category."""
        return self.blocked_countries.get(category.upper(), ())


@dataclass(frozen=True)
class PolicyChange:
    """Who changed the policies last, and when."""

    who: str
    changed_at: datetime


def parse_policies(values: Mapping[str, Any]) -> Policies:
    """Policies from what a person chose.

    Raises:
        InputError: a number of days or a country code that can't be.
    """
    try:
        return Policies.model_validate(dict(values))
    except ValidationError as problem:
        reason = N_("days are whole numbers from 0 to 365, countries have two letters, such as US")
        raise InputError(reason=reason) from problem


def load_policies(cursor: duckdb.DuckDBPyConnection) -> Policies:
    """The policies as they are now; what was never decided has its default.

    Raises:
        StoreError: what is stored isn't a policy of this version.
    """
    rows = dict(cursor.execute("SELECT key, value FROM policies").fetchall())
    texts = {key: rows[key] for key in Policies.model_fields if key in rows}
    try:
        return Policies.model_validate_json("{" + ", ".join(f'"{key}": {text}' for key, text in texts.items()) + "}")
    except ValidationError as problem:
        raise StoreError(reason="the stored policies can't be read by this version") from problem


def save_policies(warehouse: Warehouse, policies: Policies, who: str, now: datetime) -> None:
    """Keep the policies; only what changed is written and noted."""
    with warehouse.writing() as cursor:
        before = load_policies(cursor).model_dump(mode="json")
        after = policies.model_dump(mode="json")
        for key in [key for key in after if after[key] != before[key]]:
            text = policies.model_dump_json(include={key}).removeprefix(f'{{"{key}":').removesuffix("}")
            cursor.execute("DELETE FROM policies WHERE key = ?", [key])
            cursor.execute("INSERT INTO policies VALUES (?, ?, ?, ?)", [key, text, who, to_store(now)])
            audit(
                cursor,
                who=who,
                verb="changed_policy",
                subject=("policy", key),
                now=now,
                before=before[key],
                after=after[key],
            )


def last_change(cursor: duckdb.DuckDBPyConnection) -> PolicyChange | None:
    """Who changed them last; None while all are as Ulak came."""
    rows = cursor.execute(
        "SELECT changed_by, changed_at FROM policies ORDER BY changed_at DESC, key LIMIT 1"
    ).fetchall()
    return PolicyChange(rows[0][0], from_store(rows[0][1])) if rows else None
