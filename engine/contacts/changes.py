"""What an import changes in the store: one query for the dry run and for the merge, so that they agree.

A filled cell does what its field's policy says, an empty one keeps what is there. A number once stored is never
rewritten by a variant of itself, and by another number only where that was chosen. Whoever opted out, or is
suppressed, is opted in again only where that was chosen; an opt-out is always taken (`consent_changes`).

Aliases: `s` staged, `c` contacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.contacts.column import Column
from engine.contacts.consent_changes import KNOWN, NO_CONSENT, consent_columns, consent_flags, refused_values
from engine.contacts.fields import FieldType
from engine.contacts.mapping import CONSENT_CHANNEL, USER_ID
from engine.contacts.options import FieldPolicy, ImportOptions

_SUPPRESSED = (
    "SELECT person_key FROM suppressions WHERE lifted_at IS NULL "
    "UNION ALL SELECT person_key FROM pending_suppressions"
)
_OTHER_NUMBER = f"({KNOWN} AND s.phone IS NOT NULL AND s.person_key <> c.person_key)"
NUMBER_COLUMNS = ("phone", "match_key", "person_key", "phone_valid")


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

    @property
    def has_channel(self) -> bool:
        """A column says where consent was given."""
        return CONSENT_CHANNEL in self.types

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
            value, differs = (
                "coalesce(c.country, s.phone_country)",
                "c.country IS NULL AND s.phone_country IS NOT NULL",
            )
            columns.append(Column("country", value, "c.country", "s.phone_country", differs))
        columns += consent_columns(self.types, self.options, self.now) if self.has_consent else []
        return columns + (self._number_columns() if self.is_resolved else [])

    def is_anybody_known_sql(self) -> str:
        """The query whether anybody in the file is a contact: a first import then compares nothing."""
        return f"SELECT EXISTS (SELECT 1 FROM {self._met('INNER')})"

    def decided_sql(self, columns: list[Column], *, are_all_new: bool) -> str:
        """The query that compares: one row a staged person.

        Shape: n, found (contact_id or NULL: new), `is_kept_out` (an opt-in not taken), `is_in_again` (one that is
        taken though the person opted out), `is_suppressed`, `is_withdrawn` (a contact we knew opts out),
        `is_number_kept` (the row has another number, which is not taken), `d_<column>` (a known contact changes).
        """
        known = "false" if are_all_new else KNOWN
        differs = "".join(f', {known} AND ({each.differs}) AS "d_{each.name}"' for each in columns)
        kept = f"{_OTHER_NUMBER} AND NOT {self.takes_number()}" if self.is_resolved else "false"
        flags = consent_flags(self.options) if self.has_consent else NO_CONSENT
        return (
            f"SELECT s.n, c.contact_id AS found, {flags}, {kept} AS is_number_kept{differs} FROM {self._met('LEFT')}"
        )

    def known_sql(self, columns: list[Column]) -> str:
        """The known contacts. Shape: n, phone, found, found_updated_at, channel, `new_<column>`, `old_<column>`."""
        values = "".join(f', {each.value} AS "new_{each.name}", {each.old} AS "old_{each.name}"' for each in columns)
        return (
            f"SELECT s.n, s.phone, c.contact_id AS found, c.updated_at AS found_updated_at, "
            f"{self._channel()} AS channel{values} FROM {self._met('INNER')}"
        )

    def new_sql(self, columns: list[Column], *, are_all: bool) -> str:
        """The new ones. Shape: n, person_key, phone, match_key, phone_valid, channel, `new_<column>`.

        Args:
            are_all: nobody is known, so that nobody need be looked for.
        """
        values = "".join(f', {each.first} AS "new_{each.name}"' for each in columns if not each.is_of_known)
        where = "" if are_all else " WHERE s.n IN (SELECT n FROM decided WHERE found IS NULL)"
        return (
            f"SELECT s.n, s.person_key, s.phone, s.match_key, s.phone_valid, {self._channel()} AS channel{values} "
            f"FROM {self._people()} s{where}"
        )

    def one_channel(self) -> str:
        """Where consent was given, unless a column says so."""
        said = (self.options.consent_channel or "").replace("'", "''")
        return f"'{said}'" if said else "CAST(NULL AS VARCHAR)"

    def takes_number(self) -> str:
        """The row's number goes in the place of its contact's."""
        policy = self.options.policy("phone")
        if policy is FieldPolicy.KEEP:
            return "false"
        return f"({_OTHER_NUMBER} AND c.phone IS NULL)" if policy is FieldPolicy.FILL else _OTHER_NUMBER

    def _channel(self) -> str:
        return f"coalesce(s.{CONSENT_CHANNEL}, {self.one_channel()})" if self.has_channel else self.one_channel()

    def _met(self, join: str) -> str:
        key = "c.contact_id = s.found" if self.is_resolved else "c.person_key = s.person_key"
        return f"{self._people()} s {join} JOIN contacts c ON {key}"

    def _people(self) -> str:
        path = str(self.staged).replace("'", "''")
        rows = f"read_parquet('{path}')"
        if self.is_resolved:
            refused = refused_values(self.types)
            rows = f"(SELECT {refused} FROM {rows} JOIN resolved USING (n) WHERE code IS NULL AND n = kept_n)"
        if not self.has_consent:
            return rows
        suppressed = f"person_key IN ({_SUPPRESSED})"
        if self.is_resolved:
            theirs = f"SELECT contact_id FROM contacts WHERE person_key IN ({_SUPPRESSED})"
            suppressed = f"(coalesce({suppressed}, false) OR coalesce(found IN ({theirs}), false))"
        return f"(SELECT *, {suppressed} AS is_suppressed FROM {rows})"

    def _column(self, name: str, given: str, otherwise: str = "NULL") -> Column:
        """A field by its policy; `otherwise` only fills what is empty."""
        is_list = self.types.get(name) is FieldType.LIST
        policy = self.options.policy(name, is_list=is_list)
        first = "NULL" if policy is FieldPolicy.REMOVE else given
        first = first if otherwise == "NULL" else f"coalesce({given}, {otherwise})"
        if name in self.new:
            filled = "false" if policy in (FieldPolicy.KEEP, FieldPolicy.REMOVE) else f"{given} IS NOT NULL"
            return Column(name, f"CASE WHEN {filled} THEN {given} END", "NULL", first, filled)
        old = f'c."{name}"'
        fills = f"{old} IS NULL AND coalesce({given}, {otherwise}) IS NOT NULL"
        values = {
            FieldPolicy.FILL: (f"coalesce({old}, {given}, {otherwise})", fills),
            FieldPolicy.KEEP: (old, "false"),
            FieldPolicy.ADD: (
                f"CASE WHEN {old} IS NULL THEN {given} WHEN {given} IS NULL THEN {old} "
                f"ELSE list_concat({old}, list_filter({given}, lambda v: NOT list_contains({old}, v))) END",
                f"coalesce(NOT list_has_all({old}, {given}), {fills})",
            ),
            FieldPolicy.REMOVE: (
                f"CASE WHEN {given} IS NULL THEN {old} "
                f"ELSE nullif(list_filter({old}, lambda v: NOT list_contains({given}, v)), []) END",
                f"coalesce(list_has_any({old}, {given}), false)",
            ),
        }
        overwritten = (f"coalesce({given}, {old}, {otherwise})", f"coalesce({given} <> {old}, {fills})")
        value, differs = values.get(policy, overwritten)
        return Column(name, value, old, first, differs)

    def _user_id(self) -> Column:
        """The id of a contact without a number is who the contact is: it stays, unless a number is taken."""
        plain = self._column(USER_ID, f"s.{USER_ID}")
        stays = f"(c.phone IS NULL AND NOT {self.takes_number()})"
        value = f"CASE WHEN {stays} THEN c.{USER_ID} ELSE {plain.value} END"
        return Column(USER_ID, value, plain.old, plain.first, f"NOT {stays} AND ({plain.differs})")

    def _number_columns(self) -> list[Column]:
        takes = self.takes_number()
        return [
            Column(
                name,
                f"CASE WHEN {takes} THEN s.{name} ELSE c.{name} END",
                f"c.{name}",
                f"s.{name}",
                f"{takes} AND s.{name} IS DISTINCT FROM c.{name}",
                is_of_known=True,
            )
            for name in (NUMBER_COLUMNS if takes != "false" else ())
        ]


def counts_sql(columns: list[Column]) -> str:
    """Over `decided`, one row: the counts of `Counts` in its order, then per column the known contacts it changes."""
    changed = " OR ".join(f'"d_{each.name}"' for each in columns)
    each_column = "".join(f', count(*) FILTER ("d_{each.name}")' for each in columns)
    return (
        f"SELECT count(*) FILTER (found IS NULL), count(*) FILTER ({changed}), "
        f"count(*) FILTER (found IS NOT NULL AND NOT ({changed})), count(*) FILTER (is_kept_out), "
        f"count(*) FILTER (is_withdrawn), count(*) FILTER (is_in_again), "
        f"count(*) FILTER (is_in_again AND is_suppressed), count(*) FILTER (is_number_kept)"
        f"{each_column} FROM decided"
    )
