"""What an import changes in the store: one query for the dry run and for the merge, so that they agree.

A filled cell does what its field's policy says, an empty one keeps what is there. A number once stored is never
rewritten by a variant of itself, and by another number only where that was chosen. Whoever opted out, or is
suppressed, is opted in again only where that was chosen; an opt-out is always taken.

Aliases: `s` staged, `c` contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.clock import to_store
from engine.contacts.fields import FieldType
from engine.contacts.mapping import CONSENT_CHANNEL, USER_ID
from engine.contacts.options import FieldPolicy, ImportOptions

_WAS_OUT = "(s.consent = 'opted_in' AND (c.consent IS NOT DISTINCT FROM 'opted_out' OR s.is_suppressed))"
_KNOWN = "c.contact_id IS NOT NULL"
_SUPPRESSED = (
    "SELECT person_key FROM suppressions WHERE lifted_at IS NULL "
    "UNION ALL SELECT person_key FROM pending_suppressions"
)
_OTHER_NUMBER = f"({_KNOWN} AND s.phone IS NOT NULL AND s.person_key <> c.person_key)"
NUMBER_COLUMNS = ("phone", "match_key", "person_key", "phone_valid")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of contacts that the import may change: what it becomes, and what it is (NULL for a new contact)."""

    name: str
    value: str
    old: str
    is_of_known: bool = False  # a new contact gets it anyway


@dataclass(frozen=True, slots=True)
class Met:
    """The columns an import changes, and the query that says how: see `Incoming.sql`.

    Args:
        channel: SQL of where consent was given, unless a column says so (`has_channel`).
    """

    columns: tuple[Column, ...]
    query: str
    is_resolved: bool
    has_consent: bool
    has_channel: bool
    channel: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """How the staged people meet the store.

    Args:
        types: of each target but the phone.
        new: those among them that the store has no column for yet.
        now: when consent was learnt that the file gives no time for.
    """

    staged: Path
    types: dict[str, FieldType]
    new: frozenset[str]
    options: ImportOptions
    now: datetime

    @property
    def is_resolved(self) -> bool:
        """Rows bring ids, so `identity.resolve_people` says whom each is about; else the number alone does."""
        return USER_ID in self.types or bool(self.options.identity)

    @property
    def has_consent(self) -> bool:
        """A column says yes or no."""
        return "consent" in self.types

    def columns(self) -> list[Column]:
        """The columns these targets change."""
        special = ("country", USER_ID, CONSENT_CHANNEL)
        plain = [name for name in self.types if name not in special and not name.startswith("consent")]
        columns = [self._column(name, f's."{name}"') for name in plain]
        if USER_ID in self.types:
            columns.append(self._user_id())
        if "country" in self.types:
            columns.append(self._column("country", "s.country", "s.phone_country"))
        else:
            columns.append(Column("country", "coalesce(c.country, s.phone_country)", "c.country"))
        columns += self._consent_columns() if self.has_consent else []
        return columns + (self._number_columns() if self.is_resolved else [])

    def met(self) -> Met:
        """The columns, and the query over them."""
        columns = self.columns()
        has_channel = CONSENT_CHANNEL in self.types
        return Met(
            tuple(columns), self.sql(columns), self.is_resolved, self.has_consent, has_channel, self._one_channel()
        )

    def sql(self, columns: list[Column]) -> str:
        """The query: one row a staged person.

        Shape: n, person_key, phone, match_key, phone_valid, found (contact_id or NULL), found_updated_at, channel,
        `new_<column>`, `old_<column>`, `is_changed`, `is_kept_out` (an opt-in not taken), `is_in_again` (one that is
        taken though the person opted out), `is_suppressed`, `is_withdrawn` (a contact we knew opts out),
        `is_number_kept` (the row has another number, which is not taken).
        """
        values = "".join(f', {each.value} AS "new_{each.name}", {each.old} AS "old_{each.name}"' for each in columns)
        changed = " OR ".join(f"({each.value}) IS DISTINCT FROM {each.old}" for each in columns)
        channel = self._one_channel()
        channel = f"coalesce(s.{CONSENT_CHANNEL}, {channel})" if CONSENT_CHANNEL in self.types else channel
        return (
            f"SELECT s.n, s.person_key, s.phone, s.match_key, s.phone_valid, c.contact_id AS found, "
            f"c.updated_at AS found_updated_at, {channel} AS channel{values}, ({changed}) AS is_changed, "
            f"{self._flags()} FROM {self._people()}"
        )

    def _one_channel(self) -> str:
        said = (self.options.consent_channel or "").replace("'", "''")
        return f"'{said}'" if said else "CAST(NULL AS VARCHAR)"

    def _flags(self) -> str:
        kept = f"{_OTHER_NUMBER} AND NOT {self._takes_number()}" if self.is_resolved else "false"
        if not self.has_consent:
            return (
                f"false AS is_kept_out, false AS is_in_again, false AS is_suppressed, false AS is_withdrawn, "
                f"{kept} AS is_number_kept"
            )
        withdrawn = f"{_KNOWN} AND c.consent IS DISTINCT FROM 'opted_out' AND {self._new_consent()} = 'opted_out'"
        kept_out, again = ("false", _WAS_OUT) if self.options.opt_in_again else (_WAS_OUT, "false")
        return (
            f"coalesce({kept_out}, false) AS is_kept_out, coalesce({again}, false) AS is_in_again, s.is_suppressed, "
            f"coalesce({withdrawn}, false) AS is_withdrawn, {kept} AS is_number_kept"
        )

    def _people(self) -> str:
        path = str(self.staged).replace("'", "''")
        rows, join = f"read_parquet('{path}')", "c.person_key = s.person_key"
        if self.is_resolved:
            rows = f"(SELECT {self._refused()} FROM {rows} JOIN resolved USING (n) WHERE code IS NULL AND n = kept_n)"
            join = "c.contact_id = s.found"
        if not self.has_consent:
            return f"{rows} s LEFT JOIN contacts c ON {join}"
        suppressed = f"person_key IN ({_SUPPRESSED})"
        if self.is_resolved:
            theirs = f"SELECT contact_id FROM contacts WHERE person_key IN ({_SUPPRESSED})"
            suppressed = f"(coalesce({suppressed}, false) OR coalesce(found IN ({theirs}), false))"
        return f"(SELECT *, {suppressed} AS is_suppressed FROM {rows}) s LEFT JOIN contacts c ON {join}"

    def _refused(self) -> str:
        """An opt-out in any row about a person stays one; source and time of an opt-in say nothing about it."""
        if not self.has_consent:
            return "*"
        told = [name for name in ("consent_source", "consent_at", CONSENT_CHANNEL) if name in self.types]
        own = [f"CASE WHEN NOT refused OR consent = 'opted_out' THEN {name} END AS {name}" for name in told]
        consent = "CASE WHEN refused THEN 'opted_out' ELSE consent END AS consent"
        return f"* REPLACE ({', '.join([consent, *own])})"

    def _column(self, name: str, given: str, otherwise: str = "NULL") -> Column:
        """A field by its policy; `otherwise` only fills what is empty."""
        if name in self.new:
            removes = self.options.policy(name, is_list=self._is_list(name)) is FieldPolicy.REMOVE
            return Column(name, "NULL" if removes else given, "NULL")
        old, policy = f'c."{name}"', self.options.policy(name, is_list=self._is_list(name))
        values = {
            FieldPolicy.FILL: f"coalesce({old}, {given}, {otherwise})",
            FieldPolicy.KEEP: f"CASE WHEN {_KNOWN} THEN {old} ELSE coalesce({given}, {otherwise}) END",
            FieldPolicy.ADD: f"CASE WHEN {old} IS NULL THEN {given} WHEN {given} IS NULL THEN {old} "
            f"ELSE list_concat({old}, list_filter({given}, lambda v: NOT list_contains({old}, v))) END",
            FieldPolicy.REMOVE: f"CASE WHEN {given} IS NULL THEN {old} "
            f"ELSE nullif(list_filter({old}, lambda v: NOT list_contains({given}, v)), []) END",
        }
        return Column(name, values.get(policy, f"coalesce({given}, {old}, {otherwise})"), old)

    def _is_list(self, name: str) -> bool:
        return self.types.get(name) is FieldType.LIST

    def _user_id(self) -> Column:
        """The id of a contact without a number is who the contact is: it stays, unless a number is taken."""
        plain = self._column(USER_ID, f"s.{USER_ID}")
        stays = f"{_KNOWN} AND c.phone IS NULL AND NOT {self._takes_number()}"
        return Column(USER_ID, f"CASE WHEN {stays} THEN c.{USER_ID} ELSE {plain.value} END", plain.old)

    def _takes_number(self) -> str:
        policy = self.options.policy("phone")
        if policy is FieldPolicy.KEEP:
            return "false"
        return f"({_OTHER_NUMBER} AND c.phone IS NULL)" if policy is FieldPolicy.FILL else _OTHER_NUMBER

    def _number_columns(self) -> list[Column]:
        takes = self._takes_number()
        if takes == "false":
            return []
        return [
            Column(name, f"CASE WHEN {takes} THEN s.{name} ELSE c.{name} END", f"c.{name}", is_of_known=True)
            for name in NUMBER_COLUMNS
        ]

    def _is_set(self) -> str:
        """The file's consent is taken. A policy holds back opt-ins alone."""
        policy = self.options.policy("consent")
        held = {FieldPolicy.FILL: "c.consent IS NOT NULL", FieldPolicy.KEEP: _KNOWN}.get(policy, "false")
        out = "" if self.options.opt_in_again else f" AND NOT {_WAS_OUT}"
        return f"(s.consent IS NOT NULL{out} AND (s.consent = 'opted_out' OR NOT ({held})))"

    def _new_consent(self) -> str:
        return f"CASE WHEN {self._is_set()} THEN s.consent ELSE c.consent END"

    def _consent_columns(self) -> list[Column]:
        """Consent, its source and its time go together: those of an opt-in say nothing about an opt-out."""
        moment = f"TIMESTAMP '{to_store(self.now):%Y-%m-%d %H:%M:%S.%f}'"
        columns = [Column("consent", self._new_consent(), "c.consent")]
        for name, unknown in (("consent_source", "'import'"), ("consent_at", moment)):
            given = f"s.{name}" if name in self.types else "NULL"
            value = (
                f"CASE WHEN NOT {self._is_set()} THEN c.{name} WHEN s.consent IS DISTINCT FROM c.consent "
                f"THEN coalesce({given}, {unknown}) ELSE coalesce({given}, c.{name}) END"
            )
            columns.append(Column(name, value, f"c.{name}"))
        return columns


def counts_sql(met: Met) -> str:
    """One row: the counts of `Counts` in its order, then per column the known contacts it changes."""
    known = "found IS NOT NULL"
    each_column = "".join(
        f', count(*) FILTER ({known} AND "new_{each.name}" IS DISTINCT FROM "old_{each.name}")'
        for each in met.columns
    )
    return (
        f"SELECT count(*) FILTER (found IS NULL), count(*) FILTER ({known} AND is_changed), "
        f"count(*) FILTER ({known} AND NOT is_changed), count(*) FILTER (is_kept_out), "
        f"count(*) FILTER (is_withdrawn), count(*) FILTER (is_in_again), "
        f"count(*) FILTER (is_in_again AND is_suppressed), count(*) FILTER (is_number_kept)"
        f"{each_column} FROM ({met.query})"
    )
