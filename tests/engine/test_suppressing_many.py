"""Lists of numbers to suppress: what is read out of them, what is said before, who is meant, what is found again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.clock import to_store
from engine.contacts.person import key_to_int, person_key
from engine.operations.suppression_import import (
    SuppressionPlan,
    lines_of,
    plan_suppressions,
    read_lines,
    reject_reason,
    suppress_many,
)
from engine.operations.suppression_people import Standing, entries_of, identity_of, people_of
from engine.segments import load_context
from engine.warehouse import Warehouse
from tests.engine.operations_world import add_contacts

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)


@pytest.fixture
def people(warehouse: Warehouse) -> Warehouse:
    """Contacts 1 to 5; the fourth has a user id too, the fifth nothing else."""
    rows: list[dict[str, Any]] = [{"name": "Ayşe", "surname": "Demir"}, {}, {}]
    add_contacts(warehouse, [*rows, {"user_id": "TR.4444"}, {"phone": None, "user_id": "TR.5555"}])
    return warehouse


def plan(warehouse: Warehouse, text: str, scope: str = "marketing", region: str = "TR") -> SuppressionPlan:
    return plan_suppressions(warehouse.cursor(), warehouse.salt, lines_of(text), region=region, scope=scope)


def decide(warehouse: Warehouse, found: SuppressionPlan, scope: str = "marketing", reason: str = "asked") -> int:
    return suppress_many(warehouse, found.people, scope=scope, reason=reason, who="Elif", now=NOW)


def standing(warehouse: Warehouse) -> Standing:
    context = load_context(warehouse.cursor(), now=NOW, zone=UTC)
    return Standing(warehouse.cursor(), context, warehouse.salt, "TR")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0532 111 11 01\n+90 532 111 11 02\n", [(1, "0532 111 11 01"), (2, "+90 532 111 11 02")]),
        ("05321111101, 05321111102,05321111103", [(1, "05321111101"), (2, "05321111102"), (3, "05321111103")]),
        ("Telefon\n05321111101\n\n\n05321111102", [(2, "05321111101"), (5, "05321111102")]),
        ("Ad;Telefon;Not\nAyşe;05321111101;2026\nCan;05321111102;12", [(2, "05321111101"), (3, "05321111102")]),
        ('name,phone\n"Kaya, Ali",+905321111101\n', [(2, "+905321111101")]),
        ("TR.4444\nTR.5555", [(1, "TR.4444"), (2, "TR.5555")]),
        ("", []),
        ("Telefon\n", []),
    ],
    ids=["one a line", "with commas", "a header and empty lines", "the column of a file", "quoted", "user ids",
         "nothing", "a header alone"],
)  # fmt: skip
def test_the_numbers_are_found_wherever_they_are(text: str, expected: list[tuple[int, str]]) -> None:
    assert lines_of(text).rows() == expected


def test_a_file_of_an_old_spreadsheet_is_read_in_its_encoding_and_no_copy_stays(tmp_path: Path) -> None:
    path = tmp_path / "liste.csv"
    path.write_bytes("İsim;Telefon\r\nŞule;0532 111 11 01\r\n".encode("cp1254"))
    assert read_lines(path, tmp_path).rows() == [(2, "0532 111 11 01")]
    assert [each.name for each in tmp_path.iterdir()] == ["liste.csv"]


def test_each_line_is_counted_once_and_the_counts_add_up(people: Warehouse) -> None:
    found = plan(people, "05320000001\n+90 532 000 00 01\n0532 999 99 99\n5,32E+09\nnobody 1\nTR.5555\n")
    assert (found.line_count, found.usable_count, found.duplicate_count, found.rejected_count) == (6, 3, 1, 2)
    assert found.usable_count + found.duplicate_count + found.rejected_count == found.line_count
    assert (found.contact_count, found.standing_count, found.new_count) == (2, 0, 3)
    assert [(line, text) for line, text, _ in found.rejects.rows()] == [(4, "5,32E+09"), (5, "nobody 1")]
    assert "rounded number" in reject_reason(found.rejects["code"][0])


def test_who_stands_already_is_not_new_and_everything_covers_marketing(people: Warehouse) -> None:
    decide(people, plan(people, "05320000001", "all"), "all")
    assert plan(people, "05320000001\n05320000002").standing_count == 1
    assert plan(people, "05320000001", "all").standing_count == 1
    decide(people, plan(people, "05320000002"))
    assert plan(people, "05320000002", "all").new_count == 1


def test_deciding_is_one_audited_change_and_twice_changes_nothing(people: Warehouse) -> None:
    found = plan(people, "05320000001\n05329999999")
    assert (decide(people, found), decide(people, found)) == (2, 0)
    audited = people.cursor().execute("SELECT who, verb, subject_kind, detail FROM audit").fetchall()
    assert [row[:3] for row in audited] == [("Elif", "suppressed", "people")]
    assert "532" not in audited[0][3]
    assert standing(people).counts().people == 2


def test_a_user_id_means_the_contact_who_is_known_by_a_number(people: Warehouse) -> None:
    by_phone = person_key(people.salt, "905320000004", None)
    by_id = person_key(people.salt, None, "TR.4444")
    assert set(people_of(people.cursor(), people.salt, "TR.4444")) == {by_phone, by_id}
    decide(people, plan(people, "TR.4444"))
    assert entries_of(people.cursor(), by_phone)[0].contact_id == 4


def test_a_learned_name_means_its_person(people: Warehouse) -> None:
    person = person_key(people.salt, "905320000001", None)
    people.cursor().execute("INSERT INTO identities VALUES (?, NULL, 'TR.1111', NULL)", [key_to_int(person)])
    assert person in people_of(people.cursor(), people.salt, "TR.1111")


def test_the_variants_of_one_brazilian_number_are_one_person() -> None:
    assert identity_of("+55 11 91234-5678", "TR") == identity_of("+55 11 1234-5678", "TR")


def test_entries_are_found_by_name_part_of_a_contacts_number_or_anybodys_whole_number(people: Warehouse) -> None:
    decide(people, plan(people, "05320000001\n05320000002\n05329999999"))
    found = standing(people)
    assert [each.full_name for each in found.page("ayşe")] == ["Ayşe Demir"]
    assert [each.phone for each in found.page("5320000002")] == ["+905320000002"]
    assert [each.contact_id for each in found.page("0532 999 99 99")] == [None]
    assert found.counts("0532 999 99 99").people == 1
    assert found.counts("0532 999").people == 0
    assert found.counts("nobody").entries == 0


def test_pages_follow_one_another_in_one_order(people: Warehouse) -> None:
    decide(people, plan(people, "\n".join(f"0532{number:07d}" for number in range(1, 121))))
    found = standing(people)
    pages = [found.page(sort="name", descending=False, limit=50, offset=offset) for offset in (0, 50, 100)]
    assert [len(page) for page in pages] == [50, 50, 20]
    assert len({each.person for page in pages for each in page}) == 120
    assert pages[0][0].full_name == "Ayşe Demir"


def test_what_redis_was_not_told_yet_is_shown_and_marked(people: Warehouse) -> None:
    decide(people, plan(people, "05320000001"))
    (entry,) = standing(people).page()
    assert (entry.is_pending, entry.reason, entry.by_whom) == (True, "asked", "Elif")
    people.cursor().execute(
        "INSERT INTO suppressions VALUES (?, 'marketing', 'asked', NULL, 'Elif', ?, NULL, NULL)",
        [key_to_int(entry.person), to_store(NOW)],
    )
    assert [each.is_pending for each in standing(people).page()] == [False]


def test_an_unknown_scope_or_reason_is_refused_before_anything_is_written(people: Warehouse) -> None:
    found = plan(people, "05320000001")
    for words in ({"scope": "some", "reason": "asked"}, {"scope": "all", "reason": "a;m:b"}):
        with pytest.raises(ValueError, match="no such"):
            suppress_many(people, found.people, who="Elif", now=NOW, **words)
    assert standing(people).counts().entries == 0


def test_a_hundred_thousand_numbers_are_read_and_decided_at_once(people: Warehouse) -> None:
    numbers = pl.Series(range(100_000)).cast(pl.String).str.zfill(7)
    lines = pl.DataFrame(
        {"line": range(1, 100_001), "text": "0532" + numbers}, schema={"line": pl.Int64, "text": pl.String}
    )
    found = plan_suppressions(people.cursor(), people.salt, lines, region="TR", scope="all")
    assert (found.usable_count, found.contact_count) == (100_000, 4)
    assert decide(people, found, "all") == 100_000


def test_a_person_who_stands_under_two_names_is_one_person_and_one_entry(people: Warehouse) -> None:
    fourth = people.cursor().execute("SELECT person_key FROM contacts WHERE user_id = 'TR.4444'").fetchall()[0][0]
    other = key_to_int(person_key(people.salt, None, "TR.4444"))
    for key in (fourth, other):
        people.cursor().execute(
            "INSERT INTO suppressions VALUES (?, 'marketing', 'keyword', NULL, 'ulak', now()::TIMESTAMP, NULL, NULL)",
            [key],
        )
    counts = standing(people).counts()
    assert (counts.people, counts.entries) == (1, 1)
    assert [each.user_id for each in standing(people).page()] == ["TR.4444"]
    people.cursor().execute("DELETE FROM suppressions WHERE person_key = ?", [fourth])
    assert standing(people).counts().people == 1  # the other name alone is somebody who is suppressed
