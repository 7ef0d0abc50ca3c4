from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.contacts import child, load_registry, person_key
from engine.contacts.fields import FieldType, add_field
from engine.contacts.guessing import guess_mapping
from engine.contacts.import_history import past_imports
from engine.contacts.importing import (
    begin_import,
    count_contacts,
    discard_import,
    forget_unfinished,
    import_contacts,
    load_plan,
    load_source,
    plan_import,
    sample_path,
)
from engine.contacts.mapping import ColumnTarget, Mapping, NewField
from engine.contacts.merging import ImportResult, finish_import
from engine.contacts.options import ImportOptions
from engine.contacts.person import bucket_of, key_to_int
from engine.contacts.planning import DryRun
from engine.errors import InputError, InvalidField, NotFound, UnknownName
from engine.settings import Settings
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Desk:
    """Where a test imports lines from."""

    def __init__(self, warehouse: Warehouse, settings: Settings, folder: Path) -> None:
        self.warehouse, self.settings, self.folder = warehouse, settings, folder

    def file(self, *lines: str) -> Path:
        path = self.folder / "file.csv"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    def run(self, *lines: str, now: datetime = NOW) -> ImportResult:
        return import_contacts(self.warehouse, self.settings, self.file(*lines), who="Elif", now=now)

    def plan(self, *lines: str, mapping: Mapping | None = None) -> DryRun:
        source = begin_import(self.settings, self.file(*lines), now=NOW)
        chosen = mapping or guess_mapping(source, load_registry(self.warehouse.cursor()))
        return plan_import(self.warehouse, self.settings, source, chosen, ImportOptions(region="TR"), now=NOW)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.warehouse.cursor().execute(query, list(parameters)).fetchall()


@pytest.fixture
def desk(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> Desk:
    return Desk(warehouse, settings, tmp_path)


def test_a_new_contact_has_what_the_file_says_and_what_follows_from_it(desk: Desk) -> None:
    desk.run("Ad;Telefon;Şehir;Dil", "Ömer;0532 123 45 01;İzmir;Türkçe")
    ((number, phone, key, person, valid, bucket, origin, country, language, name, created),) = desk.rows(
        "SELECT contact_id, phone, match_key, person_key, phone_valid, bucket, origin, country, language, name, "
        "created_at FROM contacts"
    )
    expected = key_to_int(person_key(desk.warehouse.salt, "905321234501", None))
    assert (phone, key, person, valid) == ("+905321234501", "905321234501", expected, True)
    assert (number, bucket, origin, country, language, name) == (1, bucket_of(expected), "import", "TR", "tr", "Ömer")
    assert created == datetime(2026, 11, 22, 12)


def test_a_filled_cell_overwrites_and_an_empty_one_keeps(desk: Desk) -> None:
    desk.run("Ad;Telefon;Şehir", "Ali;05321234501;Ankara", "Veli;05321234502;Bursa", "Can;05321234503;Bursa")
    result = desk.run(
        "Ad;Telefon;Şehir", "Ali Can;05321234501;", "Veli;05321234502;", "Can;05321234503;İzmir", now=LATER
    )
    assert (result.counts.new_count, result.counts.updated_count, result.counts.unchanged_count) == (0, 2, 1)
    assert result.counts.changed == {"name": 1, "city": 1}
    assert desk.rows("SELECT name, city, updated_at > created_at FROM contacts ORDER BY phone") == [
        ("Ali Can", "Ankara", True),
        ("Veli", "Bursa", False),
        ("Can", "İzmir", True),
    ]


def test_the_dry_run_writes_nothing_and_says_what_the_merge_then_does(desk: Desk) -> None:
    desk.run("Ad;Telefon;Şehir", "Ali;05321234501;Ankara", "Veli;05321234502;Bursa")
    before = desk.rows("FROM contacts ORDER BY contact_id")
    plan = desk.plan(
        "Ad;Telefon;Şehir",
        "Ali;05321234501;İzmir",
        "Veli;05321234502;",
        "Can;05321234503;x",
        "Yok;12;",
        "Can;05321234503;y",
    )
    assert desk.rows("FROM contacts ORDER BY contact_id") == before
    assert (plan.counts.new_count, plan.counts.updated_count, plan.counts.unchanged_count) == (1, 1, 1)
    assert (plan.staged.duplicate_count, plan.staged.rejected_count, plan.row_count) == (1, 1, 5)
    assert plan.staged.duplicates == ((4, 6),)
    (sample,) = plan.updated_samples
    assert (sample.line, sample.phone) == (2, "+905321234501")
    assert [(each.field, each.old, each.new) for each in sample.changes] == [("city", "Ankara", "İzmir")]
    result = finish_import(desk.warehouse, plan, who="Elif", now=LATER)
    assert result.counts == plan.counts


def test_a_new_field_is_made_with_the_import_and_not_before(desk: Desk) -> None:
    plan = desk.plan("Telefon;Doğum tarihi;Puan;VIP", "05321234501;01.02.1990;1.250,5;evet", "05321234502;;;hayır")
    assert "dogum_tarihi" not in load_registry(desk.warehouse.cursor())
    finish_import(desk.warehouse, plan, who="Elif", now=NOW)
    registry = load_registry(desk.warehouse.cursor())
    assert [registry.get(name).type for name in ("dogum_tarihi", "puan", "vip")] == ["date", "number", "bool"]
    assert desk.rows("SELECT dogum_tarihi, puan, vip FROM contacts ORDER BY phone") == [
        (date(1990, 2, 1), 1250.5, True),
        (None, None, False),
    ]


def test_a_cell_that_does_not_fit_is_left_out_and_told_and_its_row_is_taken(desk: Desk) -> None:
    desk.run("Telefon;Puan", "05321234501;5", "05321234502;7")
    plan = desk.plan("Telefon;Puan", "05321234501;beş", "05321234502;8")
    (unfit,) = plan.staged.unfit
    assert (unfit.header, unfit.target, unfit.count, unfit.examples) == ("Puan", "puan", 1, ((2, "beş"),))
    finish_import(desk.warehouse, plan, who="Elif", now=NOW)
    assert desk.rows("SELECT puan FROM contacts ORDER BY phone") == [(5.0,), (8.0,)]


def test_whoever_opted_out_is_not_opted_in_by_an_import(desk: Desk) -> None:
    desk.run(
        "Telefon;İzin;İzin kaynağı;İzin tarihi", "05321234501;Hayır;Mağaza;01.02.2026 10:00", "05321234502;Evet;Web;"
    )
    result = desk.run("Telefon;İzin;İzin kaynağı", "05321234501;Evet;Web", "05321234502;Evet;", now=LATER)
    assert (result.counts.kept_out_count, result.counts.unchanged_count) == (1, 2)
    assert desk.rows("SELECT consent, consent_source, consent_at FROM contacts ORDER BY phone") == [
        ("opted_out", "Mağaza", datetime(2026, 2, 1, 7)),
        ("opted_in", "Web", datetime(2026, 11, 22, 12)),
    ]


def test_an_import_can_withdraw_consent(desk: Desk) -> None:
    desk.run("Telefon;İzin;İzin kaynağı", "05321234501;Evet;Web")
    result = desk.run("Telefon;İzin", "05321234501;RET", now=LATER)
    assert result.counts.withdrawn_count == 1
    assert desk.rows("SELECT consent, consent_source, consent_at FROM contacts") == [
        ("opted_out", "import", datetime(2026, 11, 23, 12))
    ]


def test_a_suppressed_person_who_comes_back_is_not_opted_in(desk: Desk) -> None:
    person = key_to_int(person_key(desk.warehouse.salt, "905321234501", None))
    with desk.warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO suppressions VALUES (?, 'marketing', 'keyword', NULL, 'ulak', ?, NULL, NULL)", [person, NOW]
        )
    result = desk.run("Telefon;İzin", "05321234501;Evet", "05321234502;Evet")
    assert result.counts.kept_out_count == 1
    assert desk.rows("SELECT consent FROM contacts ORDER BY phone") == [(None,), ("opted_in",)]


def test_a_variant_of_a_number_finds_its_person_and_rewrites_nothing(desk: Desk) -> None:
    desk.run("Ad;Telefon", "Ana;+55 11 98765-4321", "Luz;+52 55 1234 5678")
    result = desk.run("Ad;Telefon", "Ana B;+55 11 8765-4321", "Luz M;+52 55 1234 5678", now=LATER)
    assert result.counts.updated_count == 2
    assert desk.rows("SELECT name, phone FROM contacts ORDER BY name") == [
        ("Ana B", "+5511987654321"),
        ("Luz M", "+525512345678"),
    ]


def test_people_without_a_number_are_known_by_their_user_id(desk: Desk) -> None:
    lines = ("user_id;Telefon;Ad", "TR.123abc;;Ali", "TR.456;05321234501;Veli", "x;;Can", "TR.789;12;Ece")
    result = desk.run(*lines)
    assert (result.counts.new_count, result.rejected_count) == (3, 1)
    assert desk.rows("SELECT user_id, phone FROM contacts ORDER BY user_id") == [
        ("TR.123abc", None),
        ("TR.456", "+905321234501"),
        ("TR.789", None),
    ]
    assert desk.run(*lines, now=LATER).counts.unchanged_count == 3


def test_each_import_is_listed_and_audited_without_a_phone_number(desk: Desk) -> None:
    result = desk.run("Telefon;Ad", "05321234501;Ali", "12;Veli")
    (listed,) = past_imports(desk.warehouse.cursor())
    assert (listed.import_id, listed.who, listed.happened_at) == (result.import_id, "Elif", NOW)
    assert (listed.new_count, listed.rejected_count, listed.rejects_file) == (1, 1, "rejects.csv")
    ((verb, detail),) = desk.rows("SELECT verb, detail FROM audit WHERE subject_kind = 'import'")
    assert (verb, json.loads(detail)["new"]) == ("imported", 1)
    assert "532" not in detail


def test_after_the_import_what_tells_of_it_and_undoes_it_stays_on_disk(desk: Desk) -> None:
    result = desk.run("Telefon", "05321234501", "12", "5321234501")
    kept = sorted(path.name for path in (desk.settings.home / "imports").rglob("*") if path.is_file())
    assert kept == ["duplicates.csv", "rejects.csv", "undo.parquet"]
    assert result.duplicates_path is not None
    assert result.duplicates_path.read_text("utf-8-sig").split() == [
        "line,line",
        "that",
        "counts,phone",
        "2,4,+905321234501",
    ]
    assert result.rejects_path is not None
    assert result.rejects_path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_reasons_are_written_in_the_readers_language(desk: Desk) -> None:
    plan = desk.plan("Telefon", "12")
    result = finish_import(desk.warehouse, plan, who="Elif", now=NOW, translate=lambda text: f"<{text}>")
    assert result.rejects_path is not None
    assert result.rejects_path.read_text("utf-8-sig").splitlines()[0] == "<line>,<reason>,Telefon"
    assert "<it has too few digits>" in result.rejects_path.read_text("utf-8-sig")


def test_a_plan_is_carried_out_once_however_often_it_is_asked_for(desk: Desk) -> None:
    plan = desk.plan("Telefon", "05321234501")
    done, refused = [], []

    def carry_out() -> None:
        try:
            done.append(finish_import(desk.warehouse, plan, who="Elif", now=NOW))
        except NotFound:
            refused.append(True)

    threads = [threading.Thread(target=carry_out) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, 3)
    assert count_contacts(desk.warehouse.cursor()) == 1
    assert len(past_imports(desk.warehouse.cursor())) == 1


def test_a_merge_that_fails_leaves_nothing_behind(desk: Desk) -> None:
    plan = desk.plan("Telefon;Puan", "05321234501;5")
    add_field(desk.warehouse, "puan", "Puan", FieldType.TEXT, who="Can", now=NOW)
    before = (desk.rows("FROM fields"), desk.rows("FROM audit"))
    with pytest.raises(InvalidField):
        finish_import(desk.warehouse, plan, who="Elif", now=NOW)
    assert (desk.rows("FROM fields"), desk.rows("FROM audit")) == before
    assert count_contacts(desk.warehouse.cursor()) == 0
    assert load_plan(desk.settings, plan.import_id) == plan


def test_the_dry_run_counts_again_at_the_merge(desk: Desk) -> None:
    plan = desk.plan("Telefon;Ad", "05321234501;Ali", "05321234502;Veli")
    desk.run("Telefon;Ad", "05321234501;Ali", now=LATER)
    result = finish_import(desk.warehouse, plan, who="Elif", now=LATER)
    assert (result.counts.new_count, result.counts.unchanged_count) == (1, 1)
    assert count_contacts(desk.warehouse.cursor()) == 2


def test_planning_and_reading_hold_no_lock(desk: Desk) -> None:
    with desk.warehouse.writing():
        worker = threading.Thread(target=desk.plan, args=("Telefon", "05321234501"))
        worker.start()
        worker.join(20)
        assert not worker.is_alive()


def test_an_import_given_up_leaves_no_file(desk: Desk) -> None:
    plan = desk.plan("Telefon", "05321234501")
    discard_import(desk.settings, plan.import_id)
    assert not (desk.settings.home / "imports" / plan.import_id).exists()
    with pytest.raises(NotFound):
        load_source(desk.settings, plan.import_id)
    with pytest.raises(NotFound):
        finish_import(desk.warehouse, plan, who="Elif", now=NOW)


def test_giving_up_what_was_carried_out_keeps_its_rejects(desk: Desk) -> None:
    result = desk.run("Telefon", "05321234501", "12")
    discard_import(desk.settings, result.import_id)
    assert result.rejects_path is not None
    assert result.rejects_path.exists()


def test_what_nobody_carried_out_for_a_day_is_forgotten(desk: Desk) -> None:
    plan = desk.plan("Telefon", "05321234501")
    forget_unfinished(desk.settings, datetime.now(UTC))
    assert plan.folder.exists()
    cut_short = plan.folder.parent / "upload-1.csv"
    cut_short.write_text("x")
    half_read = plan.folder.parent / "imp-cut"
    half_read.mkdir()
    (half_read / "text.csv").write_text("x")
    carried_out = desk.run("Telefon", "05321234501", "12")
    forget_unfinished(desk.settings, datetime(2100, 1, 1, tzinfo=UTC))
    assert [path.name for path in plan.folder.parent.iterdir()] == [carried_out.import_id]
    assert carried_out.rejects_path is not None
    assert carried_out.rejects_path.exists()
    assert (carried_out.rejects_path.parent / "undo.parquet").exists()


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ([("Telefon", "phone", None), ("Ad", "phone", None)], InputError),
        ([("Telefon", None, None), ("Ad", "name", None)], InputError),
        ([("Telefon", "phone", None), ("Ad", "consent_at", None)], InputError),
        ([("Telefon", "phone", None), ("Ad", "created_at", None)], UnknownName),
        ([("Telefon", "phone", None), ("Ad", "nothing", None)], UnknownName),
        ([("Telefon", "phone", None), ("Ad", "x", NewField(label="City", type=FieldType.TEXT))], InvalidField),
        ([("Telefon", "phone", None), ("Ad", 'x"; DROP', NewField(label="X", type=FieldType.TEXT))], InvalidField),
        ([("Telefon", "phone", None)], InputError),
    ],
)
def test_a_mapping_that_cant_be_is_refused(
    desk: Desk, columns: list[tuple[str, str | None, NewField | None]], problem: type[Exception]
) -> None:
    mapping = Mapping(columns=tuple(ColumnTarget(header=each[0], target=each[1], new=each[2]) for each in columns))
    with pytest.raises(problem):
        desk.plan("Telefon;Ad", "05321234501;Ali", mapping=mapping)


def test_a_column_without_a_target_is_left_out(desk: Desk) -> None:
    columns = (ColumnTarget(header="Telefon", target="phone"), ColumnTarget(header="Ad"))
    finish_import(
        desk.warehouse,
        desk.plan("Telefon;Ad", "05321234501;Ali", mapping=Mapping(columns=columns)),
        who="Elif",
        now=NOW,
    )
    assert desk.rows("SELECT name FROM contacts") == [(None,)]


def test_a_big_file_is_read_in_a_process_of_its_own_with_the_same_outcome(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = desk.plan("Telefon;Ad", "05321234501;Ali", "5,32E+09;Veli")
    monkeypatch.setattr(child, "SMALL_BYTES", 0)
    steps: list[str] = []
    source = begin_import(
        desk.settings,
        desk.file("Telefon;Ad", "05321234501;Ali", "5,32E+09;Veli"),
        now=NOW,
        on_progress=lambda step, share: steps.append(step),
    )
    mapping = guess_mapping(source, load_registry(desk.warehouse.cursor()))
    apart = plan_import(
        desk.warehouse,
        desk.settings,
        source,
        mapping,
        ImportOptions(region="TR"),
        now=NOW,
        on_progress=lambda step, share: steps.append(step),
    )
    assert (apart.staged, apart.counts) == (here.staged, here.counts)
    assert {"copying", "scanning", "splitting", "reading", "phones", "values", "comparing"} <= set(steps)


def test_what_the_reading_process_refuses_is_refused_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "SMALL_BYTES", 0)
    with pytest.raises(InputError) as caught:
        begin_import(desk.settings, desk.file("Telefon"), now=NOW)
    assert "no rows" in caught.value.reason


def test_the_sample_has_something_to_say(desk: Desk) -> None:
    source = begin_import(desk.settings, sample_path(), now=NOW)
    mapping = guess_mapping(source, load_registry(desk.warehouse.cursor()))
    plan = plan_import(desk.warehouse, desk.settings, source, mapping, ImportOptions(region="TR"), now=NOW)
    assert plan.row_count == 1_200
    assert plan.staged.duplicate_count > 0
    assert {"spreadsheet", "too_short", "empty", "too_few_cells", "too_many_cells"} <= set(plan.staged.reasons)
    assert plan.staged.invalid_phone_count == 1
    assert {each.target for each in plan.staged.unfit} == {"dogum_tarihi", "son_siparis_tutari", "consent"}
    result = finish_import(desk.warehouse, plan, who="Elif", now=NOW)
    assert result.counts.new_count + result.duplicate_count + result.rejected_count == 1_200
    ((people, out),) = desk.rows(
        "SELECT count(DISTINCT person_key), count(*) FILTER (consent = 'opted_out') FROM contacts"
    )
    assert people == result.counts.new_count
    assert out > 30
