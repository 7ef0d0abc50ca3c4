"""A small world for segments: random contacts, the same in DuckDB, polars and plain Python, and an oracle."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import strategies as st

from engine.contacts.fields import FieldType, add_field, load_registry
from engine.segments.context import Context, Named
from engine.segments.rules import AllOf, AnyOf, Comparison, FacetChoice, Not, Segment
from engine.warehouse import Warehouse

ISTANBUL = ZoneInfo("Europe/Istanbul")
NOW = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)  # the 23rd already in Istanbul
TODAY = date(2026, 11, 23)
LETTERS = "iıİIşŞaAzZßéÉςσΣжЖ😀 .*+([\\^$|-'\"%_0@\u0307"
FIELDS: dict[str, FieldType] = {
    "name": FieldType.TEXT, "surname": FieldType.TEXT, "email": FieldType.TEXT, "phone": FieldType.TEXT,
    "city": FieldType.CHOICE, "age": FieldType.NUMBER, "birthday": FieldType.DATE, "created_at": FieldType.DATE,
    "vip": FieldType.BOOL,
}  # fmt: skip
SCHEMA = {
    "contact_id": pl.Int64, "bucket": pl.UInt16, "name": pl.String, "surname": pl.String, "email": pl.String,
    "phone": pl.String, "city": pl.String, "age": pl.Float64, "birthday": pl.Date, "created_at": pl.Datetime("us"),
    "vip": pl.Boolean,
}  # fmt: skip
Row = dict[str, Any]

texts = st.text(LETTERS, max_size=4)
filled_texts = texts.filter(lambda text: bool(text.strip()))
numbers = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([0.5, -0.0, 1e9]))
days = st.dates(TODAY - timedelta(days=6), TODAY + timedelta(days=3)) | st.just(date(2024, 2, 29))
moments = st.datetimes(datetime(2026, 11, 19), datetime(2026, 11, 24))
contacts = st.fixed_dictionaries(
    {
        "bucket": st.integers(0, 9999),
        "name": st.none() | texts, "surname": st.none() | texts, "email": st.none() | texts,
        "phone": st.none() | st.sampled_from(["+905321112233", "+4915112345678", "+905"]),
        "city": st.none() | st.sampled_from(["İzmir", "izmir", "IZMIR", "Ankara", "", "Iğdır", "i\u0307zmir"]),
        "age": st.none() | numbers, "birthday": st.none() | days, "created_at": moments,
        "vip": st.none() | st.booleans(),
    }
)  # fmt: skip


def prepare(warehouse: Warehouse) -> None:
    """Add the fields that are not built in, and empty lists A and B."""
    for name in ("age", "birthday", "vip"):
        add_field(warehouse, name, name.capitalize(), FIELDS[name], who="test", now=NOW)


def context_of(warehouse: Warehouse, segments: Mapping[str, Segment] | None = None) -> Context:
    """The context of the tests: late on the 22nd by UTC, the 23rd in Istanbul."""
    named = {key: Named(key.title(), segment) for key, segment in (segments or {}).items()}
    registry = load_registry(warehouse.cursor())
    return Context(registry, NOW, ISTANBUL, named, {"lst-a": "List A", "lst-b": "List B"})


def fill(warehouse: Warehouse, rows: list[Row], lists: Mapping[str, set[int]] | None = None) -> pl.DataFrame:
    """Put the rows into the store (contact_id = position), and return them as a polars frame too."""
    numbered = [{"contact_id": number, **row} for number, row in enumerate(rows)]
    frame = pl.DataFrame(numbered, schema=SCHEMA)
    members = pl.DataFrame(
        [(key, each) for key, ids in (lists or {}).items() for each in ids],
        schema={"list_id": pl.String, "contact_id": pl.Int64}, orient="row",
    )  # fmt: skip
    with warehouse.writing() as cursor:
        cursor.execute("DELETE FROM contacts")
        cursor.execute("DELETE FROM list_members")
        cursor.register("frame", frame)
        cursor.register("members", members)
        names = ", ".join(SCHEMA)
        cursor.execute(
            f"INSERT INTO contacts ({names}, person_key, origin, updated_at, phone_valid) "
            f"SELECT {names}, contact_id, 'import', created_at, phone IS NOT NULL FROM frame"
        )
        cursor.execute("INSERT INTO list_members SELECT list_id, contact_id, TIMESTAMP '2026-01-01' FROM members")
        cursor.unregister("frame")
        cursor.unregister("members")
    return frame


def fold(text: str) -> str:
    """Written apart from the product: every i is one letter, case doesn't count."""
    text = re.sub("[İIıi]\u0307*", "i", text)
    return "".join(each.casefold() if len(each.casefold()) == 1 else each.lower() for each in text)


def _loose(text: str) -> str:
    return fold(text).translate(str.maketrans("çğöşü", "cgosu"))


def _same(one: str | None, other: str) -> bool:
    return one is not None and fold(one) == fold(other)


def _found(text: str | None, needle: str) -> bool:
    return text is not None and fold(needle) in fold(text)


def _day(value: date | datetime | None) -> date | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).astimezone(ISTANBUL).date()
    return value


def _recent(value: date | datetime | None, count: int) -> bool:
    day = _day(value)
    return day is not None and TODAY - timedelta(days=count - 1) <= day <= TODAY


def _iso(text: Any) -> date:
    return date.fromisoformat(text)


ORACLE: dict[tuple[str, str], Callable[[Any, Any], bool]] = {
    ("text", "equals"): _same,
    ("text", "is_not"): lambda x, v: not _same(x, v),
    ("text", "one_of"): lambda x, v: any(_same(x, each) for each in v),
    ("text", "none_of"): lambda x, v: not any(_same(x, each) for each in v),
    ("text", "contains"): _found,
    ("text", "lacks"): lambda x, v: not _found(x, v),
    ("text", "starts_with"): lambda x, v: x is not None and fold(x).startswith(fold(v)),
    ("text", "empty"): lambda x, v: not x,
    ("text", "not_empty"): lambda x, v: bool(x),
    ("number", "equals"): lambda x, v: x == v,
    ("number", "is_not"): lambda x, v: x != v,
    ("number", "greater"): lambda x, v: x is not None and x > v,
    ("number", "at_least"): lambda x, v: x is not None and x >= v,
    ("number", "less"): lambda x, v: x is not None and x < v,
    ("number", "at_most"): lambda x, v: x is not None and x <= v,
    ("number", "between"): lambda x, v: x is not None and v[0] <= x <= v[1],
    ("date", "equals"): lambda x, v: _day(x) == _iso(v),
    ("date", "before"): lambda x, v: x is not None and _day(x) < _iso(v),
    ("date", "after"): lambda x, v: x is not None and _day(x) > _iso(v),
    ("date", "between"): lambda x, v: x is not None and _iso(v[0]) <= _day(x) <= _iso(v[1]),
    ("date", "in_last"): _recent,
    ("date", "not_in_last"): lambda x, v: not _recent(x, v),
    ("bool", "is_yes"): lambda x, v: x is True,
    ("bool", "is_no"): lambda x, v: x is False,
    ("value", "empty"): lambda x, v: x is None,
    ("value", "not_empty"): lambda x, v: x is not None,
}


class Oracle:
    """Decides in plain Python whether a row is in a segment."""

    def __init__(self, segments: Mapping[str, Segment], lists: Mapping[str, set[int]]) -> None:
        self.segments = segments
        self.lists = lists

    def holds(self, segment: Segment, row: Row) -> bool:
        facets = all(self._facet(choice, row[name]) for name, choice in segment.facets.items())
        return facets and (segment.rule is None or self._rule(segment.rule, row))

    def _facet(self, choice: FacetChoice, value: Any) -> bool:
        word = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value or None
        return (not choice.include or word in choice.include) and word not in choice.exclude

    def _rule(self, rule: AllOf | AnyOf | Not | Comparison, row: Row) -> bool:
        if isinstance(rule, Comparison):
            return self._comparison(rule, row)
        if isinstance(rule, Not):
            return not self._rule(rule.rule, row)
        return (all if isinstance(rule, AllOf) else any)(self._rule(each, row) for each in rule.rules)

    def _comparison(self, comparison: Comparison, row: Row) -> bool:
        field, key, value = comparison.field, comparison.operator, comparison.value
        if field == "@share":
            return bool(row["bucket"] < round(value * 100))
        if field == "@list":
            return (row["contact_id"] in self.lists[value]) is (key == "in")
        if field == "@segment":
            return self.holds(self.segments[value], row) is (key == "in")
        if field == "@person":
            digits = re.sub(r"[ +\-()./]", "", value).lstrip("0")
            if digits.isascii() and digits.isdigit() and len(digits) >= 3:
                return digits in (row["phone"] or "")
            needle = _loose(" ".join(value.split()))
            if " " in value.strip():
                texts = [" ".join(part for part in (row["name"], row["surname"]) if part is not None)]
            else:
                texts = [row["email"], *(() if "@" in value else (row["name"], row["surname"]))]
            return any(text is not None and needle in _loose(text) for text in texts)
        kind = "text" if FIELDS[field] in ("text", "choice") else str(FIELDS[field])
        if key in ("empty", "not_empty") and kind != "text":
            kind = "value"
        return bool(ORACLE[kind, key](row[field], value))
