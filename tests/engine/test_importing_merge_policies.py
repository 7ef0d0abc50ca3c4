from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.contacts.fields import FieldType, add_field
from engine.contacts.merging import finish_import
from engine.errors import NotFound
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.engine.importing_desk import LATER, NOW, Desk

IN = {"Telefon": "phone", "İzin": "consent", "Kaynak": "consent_source", "Kanal": "consent_channel"}


@pytest.fixture
def desk(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> Desk:
    add_field(warehouse, "etiket", "Etiket", FieldType.LIST, who="Elif", now=NOW)
    return Desk(warehouse, settings, tmp_path)


@pytest.mark.parametrize(
    ("policy", "cities", "counts"),
    [
        (None, ["İzmir", "İzmir", "Bursa"], (2, 1)),
        ("overwrite", ["İzmir", "İzmir", "Bursa"], (2, 1)),
        ("fill", ["Ankara", "İzmir", "Bursa"], (1, 2)),
        ("keep", ["Ankara", None, "Bursa"], (0, 3)),
    ],
)
def test_a_field_of_a_known_contact_changes_by_its_policy(
    desk: Desk, policy: str | None, cities: list[str | None], counts: tuple[int, int]
) -> None:
    desk.run("Telefon;Şehir", "05321234501;Ankara", "05321234502;", "05321234503;Bursa")
    lines = ["05321234501;İzmir", "05321234502;İzmir", "05321234503;", "05321234504;İzmir"]
    result = desk.run("Telefon;Şehir", *lines, policies={"city": policy} if policy else {}, now=LATER)
    assert [row[0] for row in desk.rows("SELECT city FROM contacts ORDER BY phone")] == [*cities, "İzmir"]
    assert (result.counts.updated_count, result.counts.unchanged_count) == counts
    assert result.counts.changed == ({"city": counts[0]} if counts[0] else {})


@pytest.mark.parametrize(
    ("policy", "lists"),
    [
        (None, [["a", "b", "c"], ["a"], ["b"], ["c", "b"]]),
        ("add", [["a", "b", "c"], ["a"], ["b"], ["c", "b"]]),
        ("replace", [["c", "b"], ["a"], ["b"], ["c", "b"]]),
        ("remove", [["a"], ["a"], None, None]),
        ("fill", [["a", "b"], ["a"], ["b"], ["c", "b"]]),
        ("keep", [["a", "b"], ["a"], ["b"], ["c", "b"]]),
    ],
)
def test_a_list_is_added_to_replaced_or_taken_from(
    desk: Desk, policy: str | None, lists: list[list[str] | None]
) -> None:
    desk.run("Telefon;Etiket", "05321234501;a,b", "05321234502;a", "05321234503;b")
    lines = ["05321234501;c,b", "05321234502;", "05321234503;b", "05321234504;c,b"]
    desk.run("Telefon;Etiket", *lines, policies={"etiket": policy} if policy else {}, now=LATER)
    assert [row[0] for row in desk.rows("SELECT etiket FROM contacts ORDER BY phone")] == lists


def events(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.rows(
        "SELECT phone, e.consent, e.source, e.channel, e.happened_at, e.by_whom, e.import_id FROM consent_events e "
        "JOIN contacts USING (contact_id) ORDER BY e.recorded_at, phone"
    )


def test_every_change_of_consent_is_kept_with_its_source_time_and_channel(desk: Desk) -> None:
    first = desk.run(
        "Telefon;İzin;Kaynak;Kanal", "05321234501;evet;Fuar;stand", "05321234502;evet;;", "05321234503;;;",
        targets=IN, consent_channel="form",
    )  # fmt: skip
    assert events(desk) == [
        ("+905321234501", "opted_in", "Fuar", "stand", datetime(2026, 11, 22, 12), "Elif", first.import_id),
        ("+905321234502", "opted_in", "import", "form", datetime(2026, 11, 22, 12), "Elif", first.import_id),
    ]
    again = desk.run("Telefon;İzin", "05321234501;hayır", "05321234502;evet", now=LATER, consent_channel="post")
    assert [row[1:4] for row in events(desk)[2:]] == [("opted_out", "import", "post")]
    assert events(desk)[2][6] == again.import_id


def test_who_opts_out_by_an_import_is_to_be_suppressed_new_or_known(desk: Desk) -> None:
    desk.run("Telefon;İzin", "05321234501;evet", "05321234502;hayır", "05321234503;")
    known = desk.rows("SELECT person_key, scope, reason, by_whom FROM pending_suppressions")
    assert known == [(desk.person("+905321234502"), "marketing", "import", "Elif")]
    lines = ["05321234501;hayır", "05321234502;hayır", "05321234503;hayır", "05321234504;evet"]
    result = desk.run("Telefon;İzin", *lines, now=LATER)
    assert result.counts.withdrawn_count == 2
    pending = {row[0] for row in desk.rows("SELECT person_key FROM pending_suppressions")}
    assert pending == {desk.person(f"+90532123450{number}") for number in (1, 2, 3)}
    ((withdrawn,),) = desk.rows("SELECT withdrawn_count FROM imports WHERE import_id = ?", result.import_id)
    assert withdrawn == 2


def test_opting_in_again_has_to_be_chosen_and_lifts_no_suppression(desk: Desk) -> None:
    desk.run("Telefon;İzin", "05321234501;hayır", "05321234502;evet", "05321234503;evet")
    desk.suppress(desk.person("+905321234503"))
    lines = ["05321234501;evet", "05321234502;evet", "05321234503;evet"]
    kept = desk.run("Telefon;İzin", *lines, now=LATER)
    assert (kept.counts.kept_out_count, kept.counts.in_again_count, kept.counts.updated_count) == (2, 0, 0)
    result = desk.run("Telefon;İzin", *lines, now=LATER, opt_in_again=True)
    counts = result.counts
    assert (counts.kept_out_count, counts.in_again_count, counts.still_suppressed_count) == (0, 2, 2)
    assert desk.rows("SELECT DISTINCT consent FROM contacts") == [("opted_in",)]
    assert desk.rows("SELECT count(*) FROM suppressions WHERE lifted_at IS NULL") == [(1,)]
    assert desk.rows("SELECT count(*) FROM pending_suppressions") == [(1,)]


@pytest.mark.parametrize(
    ("policy", "consents"),
    [
        ("fill", ["opted_out", "opted_in", "opted_out", "opted_in"]),
        ("keep", ["opted_out", None, "opted_out", "opted_in"]),
    ],
)
def test_a_policy_of_consent_holds_back_opt_ins_and_never_an_opt_out(
    desk: Desk, policy: str, consents: list[str | None]
) -> None:
    desk.run("Telefon;İzin", "05321234501;evet", "05321234502;", "05321234503;evet")
    lines = ["05321234501;hayır", "05321234502;evet", "05321234503;hayır", "05321234504;evet"]
    desk.run("Telefon;İzin", *lines, policies={"consent": policy}, now=LATER)
    assert [row[0] for row in desk.rows("SELECT consent FROM contacts ORDER BY phone")] == consents


def test_everybody_in_the_file_is_put_into_the_list_once(desk: Desk) -> None:
    desk.make_list("list-1")
    desk.run("Telefon;Ad", "05321234501;Ali", "05321234502;Veli", list_id="list-1")
    desk.run("Telefon;Ad", "05321234501;Ali", "05321234502;Can", "05321234503;Ece", list_id="list-1", now=LATER)
    assert desk.rows("SELECT count(*), count(DISTINCT contact_id) FROM list_members") == [(3, 3)]
    assert desk.rows("SELECT what, count(*) FROM import_contacts GROUP BY what ORDER BY what") == [
        (0, 3),
        (1, 1),
        (2, 1),
    ]


def test_a_list_that_is_gone_stops_the_import_before_anything_is_written(desk: Desk) -> None:
    plan = desk.plan("Telefon", "05321234501", list_id="list-9")
    with pytest.raises(NotFound):
        finish_import(desk.warehouse, plan, who="Elif", now=NOW)
    assert desk.rows("SELECT count(*) FROM contacts") == [(0,)]


def test_the_dry_run_shows_some_of_each_kind(desk: Desk) -> None:
    desk.run("Telefon;Ad", "05321234501;Ali", "05321234502;Veli")
    lines = ["05321234501;Ali", "05321234502;Can", "05321234503;Ece", "5321234503;Ece", "+90 999 999 9999;Naz", "x;y"]
    plan = desk.plan("Telefon;Ad", *lines)
    samples = plan.samples
    assert [(each.line, each.phone) for each in samples.unchanged] == [(2, "+905321234501")]
    assert [(each.line, [change.new for change in each.changes]) for each in samples.updated] == [(3, ["Can"])]
    assert [(each.line, each.changes[0].new) for each in samples.new] == [(5, "Ece"), (6, "Naz")]
    assert samples.duplicates == ((4, 5),)
    assert [(each.line, each.phone) for each in samples.notes] == [(6, "+909999999999")]
    assert (plan.notes_count, plan.duplicate_count, plan.rejected_count) == (1, 1, 1)


def test_what_came_with_an_opt_in_is_not_told_of_an_opt_out_in_another_row(desk: Desk) -> None:
    lines = ["05321234501;hayır;Mağaza;kasa", "05321234501;evet;Fuar;stand"]
    desk.run("Telefon;İzin;Kaynak;Kanal", *lines, targets=IN, consent_channel="form")
    assert [row[1:4] for row in events(desk)] == [("opted_out", "import", "form")]
