"""Many suppressions at once: a pasted list or a file of numbers and user ids, read, judged, then decided as a whole.

Nothing is written before a person has seen the plan. Numbers are normalised as columns; the plan counts every line.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from engine.clock import to_store
from engine.contacts.encodings import spool_text
from engine.contacts.person import person_numbers
from engine.contacts.phones import REASONS
from engine.contacts.phones_bulk import normalise_phones
from engine.errors import InputError
from engine.operations.suppression_people import IDENTITY_SCHEMA, STANDING, USER_ID, all_names
from engine.operations.suppressions import check_words
from engine.warehouse import Warehouse, audit
from engine.words import N_

MOST_LINES = 5_000_000
SAMPLE = 500
DELIMITERS = ";\t|,"
SHOWN_REJECTS = 5


@dataclass(frozen=True, slots=True)
class SuppressionPlan:
    """What a list of numbers would do. Each line is counted once: usable, a duplicate or rejected.

    `people` has the columns of `IDENTITY_SCHEMA` for the usable ones and every name they have; `rejects` has line,
    text and code (a key of `phones.REASONS`).
    """

    line_count: int
    usable_count: int
    duplicate_count: int
    rejected_count: int
    contact_count: int
    standing_count: int
    new_count: int
    people: pl.DataFrame
    rejects: pl.DataFrame


def read_lines(path: Path, work: Path) -> pl.DataFrame:
    """The column of a file that holds numbers or user ids: of all columns the one with most of them.

    Args:
        work: a folder for a copy of the file in one encoding; the copy is deleted.

    Returns: Shape: line (Int64, as in the file), text (String); empty cells left out, a header line too.

    Raises:
        UnreadableFile: it is no text.
        InputError: it is too long.
    """
    copy = work / "suppressions.txt"
    try:
        spool_text(path, copy)
        return lines_of(copy.read_text("utf-8"))
    finally:
        copy.unlink(missing_ok=True)


def lines_of(text: str) -> pl.DataFrame:
    """The same of a text, pasted or read: one a line, or several in columns."""
    mark = _delimiter([line for line in text[:20_000].splitlines() if line.strip()])
    rows = list(csv.reader(io.StringIO(text), delimiter=mark)) if mark else [[line] for line in text.split("\n")]
    if len(rows) > MOST_LINES:
        raise InputError(reason=N_("these are too many lines for one list"))
    if mark and sum(1 for row in rows if row) <= 1 and rows:
        rows = [[cell] for cell in next(row for row in rows if row)]  # one line: a list with commas
    column = _column(rows)
    cells = [(number, row[column].strip()) for number, row in enumerate(rows, 1) if len(row) > column]
    frame = pl.DataFrame(cells, schema={"line": pl.Int64, "text": pl.String}, orient="row")
    frame = frame.filter(pl.col("text") != "")
    return frame[1:] if len(frame) and not any(map(str.isdigit, frame["text"][0])) else frame


def _delimiter(lines: list[str]) -> str:
    """What stands between the cells of most lines; nothing when they hold one cell each."""
    found = {mark: sum(mark in line for line in lines) for mark in DELIMITERS}
    mark = max(DELIMITERS, key=lambda each: found[each])
    return mark if lines and found[mark] > len(lines) / 2 else ""


def _column(rows: list[list[str]]) -> int:
    """Where most cells look like numbers or user ids."""
    found: Counter[int] = Counter()
    for row in rows[:SAMPLE]:
        found.update(at for at, cell in enumerate(row) if _looks_right(cell.strip()))
    return max(found, key=lambda at: (found[at], -at)) if found else 0


def _looks_right(cell: str) -> bool:
    digits = sum(map(str.isdigit, cell))
    letters = sum(map(str.isalpha, cell))
    return bool(USER_ID.fullmatch(cell)) or (7 <= digits <= 15 and not letters and "@" not in cell)


def plan_suppressions(
    cursor: duckdb.DuckDBPyConnection, salt: bytes, lines: pl.DataFrame, *, region: str, scope: str
) -> SuppressionPlan:
    """Say what a list would do, and write nothing.

    Args:
        lines: as `read_lines` returns them.
        region: of numbers without a country code.
        scope: marketing or all; who is suppressed for everything is so for marketing too.
    """
    judged = lines.join(_identities(lines, region), on="text", how="left", maintain_order="left")
    rejects = judged.filter(pl.col("identity").is_null()).select("line", "text", "code")
    usable = judged.filter(pl.col("identity").is_not_null())
    distinct = usable["identity"].unique(maintain_order=True)
    named = pl.DataFrame(
        {"identity": distinct, "person_key": person_numbers(salt, distinct.to_list())}, schema=IDENTITY_SCHEMA
    )
    people = all_names(cursor, named)
    contacts, standing = _known(cursor, people, scope)
    return SuppressionPlan(
        line_count=len(lines),
        usable_count=len(distinct),
        duplicate_count=len(usable) - len(distinct),
        rejected_count=len(rejects),
        contact_count=contacts,
        standing_count=standing,
        new_count=len(distinct) - standing,
        people=people,
        rejects=rejects,
    )


def _identities(lines: pl.DataFrame, region: str) -> pl.DataFrame:
    """Shape: text, identity, code; one row per distinct text."""
    texts = lines.select("text").unique(maintain_order=True)
    is_user_id = pl.col("text").str.contains(f"^{USER_ID.pattern}$")
    ids = texts.filter(is_user_id).select(
        "text", pl.col("text").alias("identity"), pl.lit(None, pl.String).alias("code")
    )
    phones = normalise_phones(texts.filter(~is_user_id).with_columns(pl.lit(region).alias("region")))
    return pl.concat([ids, phones.select("text", pl.col("match_key").alias("identity"), "code")])


_KNOWN = f"""
    WITH standing AS (SELECT DISTINCT person_key FROM ({STANDING}) WHERE scope = 'all' OR scope = $scope)
    SELECT count(DISTINCT l.identity) FILTER (WHERE l.person_key IN (SELECT person_key FROM contacts)),
        (SELECT count(*) FROM (SELECT identity FROM listed GROUP BY identity
            HAVING bool_and(person_key IN (SELECT person_key FROM standing))))
    FROM listed AS l
"""


def _known(cursor: duckdb.DuckDBPyConnection, people: pl.DataFrame, scope: str) -> tuple[int, int]:
    """(identities of contacts, identities that are suppressed already)."""
    cursor.register("listed", people)
    try:
        contacts, standing = cursor.execute(_KNOWN, {"scope": scope}).fetchall()[0]
    finally:
        cursor.unregister("listed")
    return int(contacts), int(standing)


_DECIDE = f"""
    INSERT INTO pending_suppressions
    SELECT DISTINCT person_key, $scope, $reason, $who, $moment::TIMESTAMP FROM listed
    WHERE person_key NOT IN (SELECT person_key FROM ({STANDING}) WHERE scope = $scope AND reason = $reason)
"""


def suppress_many(
    warehouse: Warehouse, people: pl.DataFrame, *, scope: str, reason: str, who: str, now: datetime
) -> int:
    """Decide about many people in one transaction, audited; `apply_pending` then tells Redis.

    Args:
        people: has the column person_key.

    Returns: how many entries are new.
    """
    check_words(scope, reason)
    with warehouse.writing() as cursor:
        cursor.register("listed", people.select("person_key"))
        bound = {"scope": scope, "reason": reason, "who": who, "moment": to_store(now)}
        try:
            count = int(cursor.execute(_DECIDE, bound).fetchall()[0][0])
        finally:
            cursor.unregister("listed")
        if count:
            detail = {"count": count, "reason": reason}
            audit(cursor, who=who, verb="suppressed", subject=("people", scope), now=now, **detail)
    return count


def reject_reason(code: str | None) -> str:
    """Why a line can't be used, as a text of the catalogues."""
    return REASONS.get(code or "", REASONS["not_a_number"])
