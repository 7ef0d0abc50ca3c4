"""A small world for segments: random contacts, the same in DuckDB, polars and plain Python, and an oracle."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import strategies as st

from engine.contacts.fields import FieldRegistry, FieldType, add_field, load_registry
from engine.segments.context import Context, ImportedFile, Named
from engine.segments.operands import NO_FIELD, read_operand
from engine.segments.operators import find_operator
from engine.segments.rules import AllOf, AnyOf, Comparison, FacetChoice, Not, Segment
from engine.warehouse import Warehouse
from tests.engine.segments_beside import NOW, TODAY, Beside

ISTANBUL = ZoneInfo("Europe/Istanbul")
LETTERS = "iıİIşŞaAzZßéÉςσΣжЖ😀 .*+([\\^$|-'\"%_0@\u0307"
FIELDS: dict[str, FieldType] = {
    "name": FieldType.TEXT, "surname": FieldType.TEXT, "email": FieldType.TEXT, "phone": FieldType.TEXT,
    "city": FieldType.CHOICE, "age": FieldType.NUMBER, "birthday": FieldType.DATE, "created_at": FieldType.DATE,
    "vip": FieldType.BOOL, "tags": FieldType.LIST,
}  # fmt: skip
BESIDE: dict[str, FieldType] = {
    "@began": FieldType.CHOICE, "@last_message": FieldType.DATE, "@last_answer": FieldType.DATE,
    "@window": FieldType.BOOL,
}  # fmt: skip
SCHEMA = {
    "contact_id": pl.Int64, "bucket": pl.UInt16, "name": pl.String, "surname": pl.String, "email": pl.String,
    "phone": pl.String, "city": pl.String, "age": pl.Float64, "birthday": pl.Date, "created_at": pl.Datetime("us"),
    "vip": pl.Boolean, "tags": pl.List(pl.String), "origin": pl.String,
}  # fmt: skip
Row = dict[str, Any]
PATTERNS = {  # as a person writes it, and what Python calls the same
    "^[Aa]": "^[Aa]", "\\d{2}$": "[0-9]{2}\\Z", "(?i)ş|z": "[şŞzZ]", "\\.": "\\.",
    "\\s\\S": "[\t\n\v\f\r ][^\t\n\v\f\r ]", "[^\\d@]": "[^0-9@]",
}  # fmt: skip

texts = st.text(LETTERS, max_size=4)
filled_texts = texts.filter(lambda text: bool(text.strip()) and not text.startswith("\u0307"))
numbers = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([0.5, -0.0, 1e9]))
days = st.dates(TODAY - timedelta(days=6), TODAY + timedelta(days=3)) | st.just(date(2024, 2, 29))
moments = st.datetimes(datetime(2026, 11, 19), datetime(2026, 11, 24))
entries = st.sampled_from(["VIP", "vip", "İndirim", "indirim 2", "ağaç", "😀", "a|b"])
contacts = st.fixed_dictionaries(
    {
        "bucket": st.integers(0, 9999),
        "name": st.none() | texts, "surname": st.none() | texts, "email": st.none() | texts,
        "phone": st.none() | st.sampled_from(["+905321112233", "+4915112345678", "+905"]),
        "city": st.none() | st.sampled_from(["İzmir", "izmir", "IZMIR", "Ankara", "", "Iğdır", "i\u0307zmir"]),
        "age": st.none() | numbers, "birthday": st.none() | days, "created_at": moments,
        "vip": st.none() | st.booleans(),
        "tags": st.none() | st.lists(entries, max_size=3, unique=True),
        "origin": st.sampled_from(["customer", "import", "ad"]),
    }
)  # fmt: skip


def prepare(warehouse: Warehouse) -> None:
    """Add the fields that are not built in, and empty lists A and B."""
    for name in ("age", "birthday", "vip", "tags"):
        add_field(warehouse, name, name.capitalize(), FIELDS[name], who="test", now=NOW)


def context_of(
    warehouse: Warehouse,
    segments: Mapping[str, Segment] | None = None,
    beside: Beside | None = None,
) -> Context:
    """The context of the tests: late on the 22nd by UTC, the 23rd in Istanbul."""
    named = {key: Named(key.title(), segment) for key, segment in (segments or {}).items()}
    registry = load_registry(warehouse.cursor())
    return Context(
        registry, NOW, ISTANBUL, named, {"lst-a": "List A", "lst-b": "List B"},
        imports={"imp-a": ImportedFile("a.csv", NOW), "imp-b": ImportedFile("b.csv", NOW)},
        operations={} if beside is None else beside.operations,
    )  # fmt: skip


def fill(warehouse: Warehouse, rows: list[Row], beside: Beside | None = None) -> pl.DataFrame:
    """Put the rows into the store (contact_id = person_key = position), and return them as a polars frame too."""
    numbered = [{"contact_id": number, **row} for number, row in enumerate(rows)]
    frame = pl.DataFrame(numbered, schema=SCHEMA).with_columns(pl.col("origin").fill_null("import"))
    with warehouse.writing() as cursor:
        cursor.execute("DELETE FROM contacts")
        cursor.register("frame", frame)
        names = ", ".join(SCHEMA)
        cursor.execute(
            f"INSERT INTO contacts ({names}, person_key, updated_at, phone_valid) "
            f"SELECT {names}, contact_id, created_at, phone IS NOT NULL FROM frame"
        )
        cursor.unregister("frame")
        (beside or Beside()).put(cursor)
    return frame.with_columns(pl.col("contact_id").alias("person_key"))


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


def _comes_round(value: date | datetime | None, first: int, last: int) -> bool:
    """The day comes round between so many days from today: day by day, as nobody would compute it."""
    day = _day(value)
    if day is None:
        return False
    for ahead in range(first, last + 1):
        that = TODAY + timedelta(days=ahead)
        leap_day_moves = (day.month, day.day) == (2, 29) and (that + timedelta(days=1)).month == 3 and that.day == 28
        if (that.month, that.day) == (day.month, day.day) or (leap_day_moves and that.month == 2):
            return True
    return False


def _folded(entries: list[str] | tuple[str, ...] | None) -> set[str]:
    return {fold(each) for each in entries or ()}


def _iso(text: Any) -> date:
    return date.fromisoformat(text)


def read_share(value: Any) -> Any:
    """The share as the product reads it."""
    comparison = Comparison(field="@share", operator="random", value=value)
    context = Context(FieldRegistry(()), NOW)
    return read_operand(comparison, find_operator("random", "@share", None), NO_FIELD, context)


RANGES: dict[str, Callable[[Any], bool]] = {
    "-1..2": lambda x: -1 <= x < 2, "2..": lambda x: x >= 2, "..=0": lambda x: x <= 0, "3": lambda x: x == 3,
    "2026-11-21": lambda x: x == date(2026, 11, 21), "2026-11": lambda x: (x.year, x.month) == (2026, 11),
    "2024": lambda x: x.year == 2024, "..=2026-11-20": lambda x: x <= date(2026, 11, 20),
    "2026-11-22..=2026-11-23": lambda x: date(2026, 11, 22) <= x <= TODAY,
    "next:2": lambda x: 0 <= (x - TODAY).days < 2, "last:2": lambda x: 0 <= (TODAY - x).days < 2,
    "2026-11-24..=": lambda x: x >= date(2026, 11, 24),
}  # fmt: skip
NUMBER_TOKENS = tuple(each for each in RANGES if each in ("-1..2", "2..", "..=0", "3"))
DAY_TOKENS = tuple(each for each in RANGES if each not in NUMBER_TOKENS)
ORACLE: dict[tuple[str, str], Callable[[Any, Any], bool]] = {
    ("text", "equals"): _same,
    ("text", "is_not"): lambda x, v: not _same(x, v),
    ("text", "one_of"): lambda x, v: any(_same(x, each) for each in v),
    ("text", "none_of"): lambda x, v: not any(_same(x, each) for each in v),
    ("text", "contains"): _found,
    ("text", "lacks"): lambda x, v: not _found(x, v),
    ("text", "starts_with"): lambda x, v: x is not None and fold(x).startswith(fold(v)),
    ("text", "ends_with"): lambda x, v: x is not None and fold(x).endswith(fold(v)),
    ("text", "matches"): lambda x, v: x is not None and re.search(PATTERNS[v], x) is not None,
    ("text", "empty"): lambda x, v: not x,
    ("text", "not_empty"): lambda x, v: bool(x),
    ("number", "equals"): lambda x, v: x == v,
    ("number", "is_not"): lambda x, v: x != v,
    ("number", "greater"): lambda x, v: x is not None and x > v,
    ("number", "at_least"): lambda x, v: x is not None and x >= v,
    ("number", "less"): lambda x, v: x is not None and x < v,
    ("number", "at_most"): lambda x, v: x is not None and x <= v,
    ("number", "between"): lambda x, v: x is not None and v[0] <= x <= v[1],
    ("number", "not_between"): lambda x, v: x is None or not v[0] <= x <= v[1],
    ("date", "equals"): lambda x, v: _day(x) == _iso(v),
    ("date", "before"): lambda x, v: x is not None and _day(x) < _iso(v),
    ("date", "after"): lambda x, v: x is not None and _day(x) > _iso(v),
    ("date", "between"): lambda x, v: x is not None and _iso(v[0]) <= _day(x) <= _iso(v[1]),
    ("date", "in_last"): _recent,
    ("date", "not_in_last"): lambda x, v: not _recent(x, v),
    ("date", "today"): lambda x, v: _day(x) == TODAY,
    ("date", "in_next"): lambda x, v: x is not None and TODAY <= _day(x) < TODAY + timedelta(days=v),
    ("date", "anniversary_in"): lambda x, v: _comes_round(x, v, v),
    ("date", "anniversary_in_next"): lambda x, v: _comes_round(x, 0, v - 1),
    ("list", "has_any"): lambda x, v: bool(_folded(x) & _folded(v)),
    ("list", "has_all"): lambda x, v: _folded(v) <= _folded(x),
    ("list", "has_none"): lambda x, v: not _folded(x) & _folded(v),
    ("list", "has_at_least"): lambda x, v: x is not None and len(x) >= v,
    ("list", "has_at_most"): lambda x, v: len(x or ()) <= v,
    ("list", "empty"): lambda x, v: not x,
    ("list", "not_empty"): lambda x, v: bool(x),
    ("bool", "is_yes"): lambda x, v: x is True,
    ("bool", "is_no"): lambda x, v: x is False,
    ("value", "empty"): lambda x, v: x is None,
    ("value", "not_empty"): lambda x, v: x is not None,
}


class Oracle:
    """Decides in plain Python whether a row is in a segment."""

    def __init__(self, segments: Mapping[str, Segment], beside: Beside) -> None:
        self.segments = segments
        self.beside = beside

    def holds(self, segment: Segment, row: Row) -> bool:
        facets = all(self._facet(name, choice, row) for name, choice in segment.facets.items())
        return facets and (segment.rule is None or self._rule(segment.rule, row))

    def value(self, field: str, row: Row) -> Any:
        """The value of a field, those beside the contact's own included."""
        return self.beside.value(field, row) if field in BESIDE else row[field]

    def tokens(self, field: str, row: Row, choice: FacetChoice) -> set[str | None]:
        """Which of the chosen values the row has; {None}: no value."""
        if field.startswith("@") and field not in BESIDE:
            has = {each for each in choice.include | choice.exclude if each and self.beside.is_in(field, each, row)}
            return has or ({None} if not self.beside.is_in(field, "", row) else set())
        value = self.value(field, row)
        kind = {**FIELDS, **BESIDE}[field]
        if value is None or value == "" or value == []:
            return {None}
        if kind is FieldType.BOOL:
            return {str(value).lower()}
        if kind is FieldType.LIST:
            return set(value)
        if kind in (FieldType.NUMBER, FieldType.DATE):
            return {each for each in choice.include | choice.exclude if each and RANGES[each](_day(value))}
        return {value}

    def _facet(self, name: str, choice: FacetChoice, row: Row) -> bool:
        has = self.tokens(name, row, choice)
        return (not choice.include or bool(has & choice.include)) and not has & choice.exclude

    def _rule(self, rule: AllOf | AnyOf | Not | Comparison, row: Row) -> bool:
        if isinstance(rule, Comparison):
            return self._comparison(rule, row)
        if isinstance(rule, Not):
            return not self._rule(rule.rule, row)
        return (all if isinstance(rule, AllOf) else any)(self._rule(each, row) for each in rule.rules)

    def _comparison(self, comparison: Comparison, row: Row) -> bool:
        field, key, value = comparison.field, comparison.operator, comparison.value
        if field == "@share":
            return _drawn(row["bucket"], value)
        if field in ("@list", "@import"):
            return self.beside.is_in(field, str(value), row) is (key == "in")
        if field == "@operation":
            return self.beside.had_outcome(row, key, value)
        if field == "@messaged":
            return self.beside.got_message(row, value) is (key == "in_last")
        if field == "@segment":
            return self.holds(self.segments[value], row) is (key == "in")
        if field == "@person":
            return _is_person(row, value)
        kind = {**FIELDS, **BESIDE}[field]
        name = "text" if kind in ("text", "choice") else str(kind)
        if key in ("empty", "not_empty") and name not in ("text", "list"):
            name = "value"
        return bool(ORACLE[name, key](self.value(field, row), value))


def _drawn(bucket: int, value: Any) -> bool:
    percent, seed = value if isinstance(value, tuple) else (value, None)
    if (
        seed is not None
    ):  # dealt anew: bucket -> bucket * factor + shift, whatever they are (a test says it is a share)
        share = read_share(value)
        bucket = (bucket * share.factor + share.shift) % 10_000
    return bool(bucket < round(percent * 100))


def _is_person(row: Row, value: str) -> bool:
    digits = re.sub(r"[ +\-()./]", "", value).lstrip("0")
    if digits.isascii() and digits.isdigit() and len(digits) >= 3:
        return digits in (row["phone"] or "")
    needle = _loose(" ".join(value.split()))
    if " " in value.strip():
        texts = [" ".join(part for part in (row["name"], row["surname"]) if part is not None)]
    else:
        texts = [row["email"], *(() if "@" in value else (row["name"], row["surname"]))]
    return any(text is not None and needle in _loose(text) for text in texts)
