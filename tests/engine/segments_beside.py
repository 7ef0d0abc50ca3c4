"""What stands beside the contacts of the tests' world: lists, files, a sent operation, what people did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
from hypothesis import strategies as st

from engine.segments.context import SentOperation
from engine.segments.joins import Join

NOW = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)  # the 23rd already in Istanbul
TODAY = date(2026, 11, 23)
OPERATION = "op-a"
_SENT_STATES = (3, 4, 5, 6, 7)


@dataclass(frozen=True)
class Outcome:
    """What became of one recipient."""

    contact_id: int
    state: int
    code: int
    answered: bool
    pressed: str | None
    days_ago: int


@dataclass(frozen=True)
class Deed:
    """What one person did."""

    last_message_at: datetime | None
    last_answer_at: datetime | None
    began: str | None
    window_minutes: int | None  # how long it is open still


@dataclass(frozen=True)
class Beside:
    """All of it; the frozen audience of the operation is a real file."""

    lists: Mapping[str, set[int]] = field(default_factory=dict)
    files: Mapping[str, set[int]] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    left_out: frozenset[int] = frozenset()
    deeds: Mapping[int, Deed] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def operations(self) -> dict[str, SentOperation]:
        """As a context has them."""
        return {} if self.folder is None else {OPERATION: SentOperation("Autumn", 1, str(self._path))}

    @property
    def _path(self) -> Path:
        return (self.folder or Path()) / "recipients.parquet"

    def put(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Into the store, in the place of what was there."""
        for table in ("list_members", "import_contacts", "deliveries", "left_out", "contact_facts", "windows"):
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("DELETE FROM lists WHERE list_id IN ('lst-a', 'lst-b')")
        named = [(key, key, "test", NOW) for key in self.lists]
        _insert(cursor, "lists (list_id, name, created_by, created_at)", named)
        _insert(cursor, "list_members", [(key, each, NOW) for key, ids in self.lists.items() for each in ids])
        _insert(cursor, "import_contacts", [(key, each, 0) for key, ids in self.files.items() for each in ids])
        _insert(cursor, "left_out", [(1, each, "suppressed") for each in self.left_out])
        for person, deed in self.deeds.items():
            facts = (person, deed.last_message_at, deed.last_answer_at, deed.began)
            _insert(cursor, "contact_facts", [facts])
            if deed.window_minutes is not None:
                _insert(cursor, "windows", [(person, "ch", NOW + timedelta(minutes=deed.window_minutes))])
        if self.folder is not None:
            self._put_operation(cursor)

    def _put_operation(self, cursor: duckdb.DuckDBPyConnection) -> None:
        people = [(number, each.contact_id) for number, each in enumerate(self.outcomes)]
        schema = {"recipient_no": pl.UInt32, "contact_id": pl.Int64}
        pl.DataFrame(people, schema=schema, orient="row").write_parquet(self._path)
        for number, each in enumerate(self.outcomes):
            cursor.execute(
                "INSERT INTO deliveries (operation_no, recipient_no, state, attempt, code, pricing, accepted_at,"
                " answered_at, pressed, updated_at) VALUES (1, ?, ?, 1, ?, 0, ?, ?, ?, ?)",
                [number, each.state, each.code, _moment(each.days_ago), _moment(0) if each.answered else None,
                 each.pressed, _moment(0)],
            )  # fmt: skip

    def is_in(self, field: str, member: str, row: dict[str, Any]) -> bool:
        """The row is in that list or file, or a recipient; "": in any."""
        if field == "@operation":
            return any(each.contact_id == row["contact_id"] for each in self.outcomes)
        groups = self.lists if field == "@list" else self.files
        wanted = [member] if member else list(groups)
        return any(row["contact_id"] in groups.get(each, ()) for each in wanted)

    def value(self, field: str, row: dict[str, Any]) -> Any:
        """A field that is no column of contacts."""
        deed = self.deeds.get(row["contact_id"], Deed(None, None, None, None))
        if field == "@began":
            return deed.began or row["origin"]
        if field == "@window":
            return deed.window_minutes is not None and deed.window_minutes > 0
        return deed.last_message_at if field == "@last_message" else deed.last_answer_at

    def had_outcome(self, row: dict[str, Any], outcome: str, value: Any) -> bool:
        """As the operators of operations say it."""
        detail = value[1] if isinstance(value, tuple) else None
        if outcome == "left_out":
            return row["contact_id"] in self.left_out
        own = [each for each in self.outcomes if each.contact_id == row["contact_id"]]
        tests = {
            "in": lambda each: True,
            "accepted": lambda each: each.state in _SENT_STATES,
            "delivered": lambda each: each.state in (6, 7),
            "read": lambda each: each.state == 7,
            "not_read": lambda each: each.state != 7,
            "answered": lambda each: each.answered,
            "pressed": lambda each: each.pressed is not None,
            "pressed_button": lambda each: each.pressed == detail,
            "failed": lambda each: each.state == 8,
            "failed_with": lambda each: each.state == 8 and each.code == detail,
            "unknown": lambda each: each.state == 9,
        }
        if outcome == "not_in":
            return not own
        return any(tests[outcome](each) for each in own)

    def got_message(self, row: dict[str, Any], days: int) -> bool:
        """A message of ours on one of the last days."""
        own = (each for each in self.outcomes if each.contact_id == row["contact_id"])
        return any(each.state in _SENT_STATES and each.days_ago < days for each in own)

    def values_of(self, join: Join, rows: list[dict[str, Any]]) -> pl.DataFrame:
        """What a join brings, worked out here: its key, and `@value`."""
        found = [(row["contact_id"], self._value_of(join, row)) for row in rows]
        return pl.DataFrame(found, schema={join.key: pl.Int64, "@value": _DTYPES.get(join.column, pl.Boolean)},
                            orient="row")  # fmt: skip

    def _value_of(self, join: Join, row: dict[str, Any]) -> Any:
        if join.kind == "activity":
            deed = self.deeds.get(row["contact_id"], Deed(None, None, None, None))
            return deed.began if join.column == "@began" else self.value(join.column, row)
        if join.kind == "operation":
            operation_id, outcome, detail = join.of
            return self.had_outcome(row, outcome, operation_id if detail is None else (operation_id, detail)) or None
        if join.kind == "messaged":
            return self.got_message(row, join.of[0]) or None
        return self.is_in(f"@{join.kind}", join.of[0], row) or None


_DTYPES: dict[str, Any] = {
    "@began": pl.String, "@last_message": pl.Datetime("us"), "@last_answer": pl.Datetime("us"),
}  # fmt: skip
_ids = st.sets(st.integers(0, 8))
_moments = st.none() | st.datetimes(datetime(2026, 11, 19), datetime(2026, 11, 24))
_deeds = st.builds(
    Deed, _moments, _moments, st.none() | st.sampled_from(["customer", "business", "ad"]),
    st.none() | st.integers(-9, 9),
)  # fmt: skip
_outcomes = st.builds(
    Outcome, st.integers(0, 8), st.integers(0, 12), st.sampled_from([0, 131026, 131049]), st.booleans(),
    st.sampled_from([None, "YES", "?"]), st.integers(0, 6),
)  # fmt: skip


def beside_strategy(folder: Path) -> st.SearchStrategy[Beside]:
    """Surroundings, with the operation's file in this folder."""
    return st.builds(
        Beside,
        lists=st.fixed_dictionaries({"lst-a": _ids, "lst-b": st.just({0, 1})}),
        files=st.fixed_dictionaries({"imp-a": _ids, "imp-b": st.just({2, 3})}),
        outcomes=st.lists(_outcomes, max_size=8, unique_by=lambda each: each.contact_id).map(tuple),
        left_out=st.frozensets(st.integers(0, 8)),
        deeds=st.dictionaries(st.integers(0, 8), _deeds, max_size=6),
        folder=st.just(folder),
    )


def _moment(days_ago: int) -> datetime:
    """Noon of that day in Istanbul, as the store keeps it."""
    day = TODAY - timedelta(days=days_ago)
    return datetime.combine(day, datetime.min.time(), ZoneInfo("Europe/Istanbul")).astimezone(UTC).replace(
        tzinfo=None
    ) + timedelta(hours=12)


def _insert(cursor: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]]) -> None:
    for row in rows:
        plain = [each.astimezone(UTC).replace(tzinfo=None) if isinstance(each, datetime) and each.tzinfo else each
                 for each in row]  # fmt: skip
        cursor.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", plain)
