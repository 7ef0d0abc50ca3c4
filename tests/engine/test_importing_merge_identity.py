from __future__ import annotations

import csv
from pathlib import Path

import pytest

from engine.contacts.fields import FieldType, add_field
from engine.contacts.person import key_to_int, person_key
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.engine.importing_desk import LATER, NOW, Desk

OWN = {"No": "musteri_no", "Telefon": "phone", "Ad": "name"}


@pytest.fixture
def desk(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> Desk:
    add_field(warehouse, "musteri_no", "Müşteri no", FieldType.TEXT, who="Elif", now=NOW)
    desk = Desk(warehouse, settings, tmp_path)
    desk.run("No;Telefon;Ad", "A1;05321234501;Ali", "A2;05321234502;Veli", targets=OWN)
    return desk


def phones(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows("SELECT musteri_no, phone, name FROM contacts ORDER BY contact_id")


def test_a_row_with_a_user_id_finds_the_contact_who_has_it_beside_a_number(desk: Desk) -> None:
    desk.run("user_id;Telefon;Ad", "TR.abc1;05321234503;Ece")
    result = desk.run("user_id;Ad", "TR.abc1;Ece Su", now=LATER)
    assert (result.counts.new_count, result.counts.updated_count) == (0, 1)
    assert desk.rows("SELECT phone, name FROM contacts WHERE user_id = 'TR.abc1'") == [("+905321234503", "Ece Su")]


def test_a_user_id_that_the_provider_told_us_finds_its_contact(desk: Desk) -> None:
    with desk.warehouse.writing() as cursor:
        cursor.execute(
            "INSERT INTO identities SELECT person_key, match_key, 'TR.abc2', NULL FROM contacts WHERE name = 'Ali'"
        )
    result = desk.run("user_id;Ad", "TR.abc2;Ali Can", now=LATER)
    assert (result.counts.new_count, result.counts.updated_count) == (0, 1)
    assert desk.rows("SELECT name, user_id FROM contacts WHERE phone = '+905321234501'") == [("Ali Can", "TR.abc2")]


def test_an_own_id_finds_its_contact_without_a_number(desk: Desk) -> None:
    result = desk.run("No;Ad", "A2;Veli Can", "A9;Yok", targets=OWN, identity="musteri_no", now=LATER)
    assert (result.counts.updated_count, result.counts.rejected) == (1, {"unknown_id": 1})
    assert phones(desk) == [("A1", "+905321234501", "Ali"), ("A2", "+905321234502", "Veli Can")]


def test_without_being_named_as_such_an_own_id_finds_nobody(desk: Desk) -> None:
    assert desk.run("No;Telefon;Ad", "A2;05321234599;Veli", targets=OWN).counts.new_count == 1


@pytest.mark.parametrize(
    ("policy", "number", "kept"), [(None, "+905321234502", 1), ("keep", "+905321234502", 1),
                                   ("fill", "+905321234502", 1), ("overwrite", "+905321234599", 0)]
)  # fmt: skip
def test_a_stored_number_is_replaced_only_where_that_was_chosen(
    desk: Desk, policy: str | None, number: str, kept: int
) -> None:
    policies = {"phone": policy} if policy else {}
    line = "A2;05321234599;Veli Can"
    result = desk.run("No;Telefon;Ad", line, targets=OWN, identity="musteri_no", policies=policies, now=LATER)
    assert (result.counts.new_count, result.counts.updated_count) == (0, 1)
    assert result.counts.number_kept_count == kept
    assert phones(desk)[1] == ("A2", number, "Veli Can")


def test_whoever_was_suppressed_is_so_at_the_new_number_too(desk: Desk) -> None:
    desk.suppress(desk.person("+905321234502"), "all")
    chosen = {"identity": "musteri_no", "policies": {"phone": "overwrite"}}
    desk.run("No;Telefon;Ad", "A2;05321234599;Veli", targets=OWN, now=LATER, **chosen)
    ((key, match, valid),) = desk.rows("SELECT person_key, match_key, phone_valid FROM contacts WHERE name = 'Veli'")
    assert (match, valid) == ("905321234599", True)
    assert desk.rows("SELECT person_key, scope, reason FROM pending_suppressions") == [(key, "all", "keyword")]


def test_a_contact_without_a_number_can_get_one_and_else_keeps_what_it_is_known_by(desk: Desk) -> None:
    targets = {"U": "user_id", "No": "musteri_no", "Telefon": "phone"}
    desk.run("U;No", "TR.abc3;A3", targets=targets)
    own = {"targets": targets, "identity": "musteri_no", "now": LATER}
    desk.run("U;No", "TR.other;A3", **own)
    assert desk.rows("SELECT user_id, phone FROM contacts WHERE musteri_no = 'A3'") == [("TR.abc3", None)]
    desk.run("U;No;Telefon", "TR.abc3;A3;05321234503", policies={"phone": "fill"}, **own)
    assert desk.rows("SELECT user_id, phone FROM contacts WHERE musteri_no = 'A3'") == [("TR.abc3", "+905321234503")]
    assert desk.run("Telefon", "05321234503").counts.unchanged_count == 1


@pytest.mark.parametrize(
    ("lines", "reasons"),
    [
        (["A2;05321234501;x"], {"two_contacts": 1}),
        (["A5;;x"], {"several_contacts": 1}),
        (["A5;05321234590;x"], {"several_contacts": 1}),
        (["A9;05321234501;x", "A9;05321234502;y"], {"id_twice": 2}),
        (["A8;;x", "A9;;y"], {"unknown_id": 2}),
        (["A9;12;x"], {"unknown_id": 1}),
    ],
    ids=[
        "phone and id disagree",
        "shared id",
        "shared id with a new number",
        "one id for two",
        "unknown",
        "no number",
    ],
)
def test_whom_a_row_is_about_is_never_guessed(desk: Desk, lines: list[str], reasons: dict[str, int]) -> None:
    desk.run("No;Telefon;Ad", "A5;05321234505;x", "A5;05321234506;y", targets=OWN)
    before = phones(desk)
    result = desk.run("No;Telefon;Ad", *lines, targets=OWN, identity="musteri_no", now=LATER)
    assert result.counts.rejected == reasons
    assert phones(desk) == before
    assert result.rejects_path is not None
    written = list(csv.reader(result.rejects_path.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert [row[2:] for row in written[1:]] == [line.split(";") for line in lines]
    assert [row[0] for row in written[1:]] == [str(number + 2) for number in range(len(lines))]
    assert all(row[1] for row in written[1:])


def test_a_shared_id_is_no_obstacle_where_the_number_decides(desk: Desk) -> None:
    desk.run("No;Telefon;Ad", "A5;05321234505;x", "A5;05321234506;y", targets=OWN)
    result = desk.run("No;Telefon;Ad", "A5;05321234505;z", targets=OWN, identity="musteri_no", now=LATER)
    assert result.counts.updated_count == 1


@pytest.mark.parametrize(("duplicates", "name"), [("last", "Veli 2"), ("first", "Veli 1")])
def test_two_rows_about_one_contact_are_one(desk: Desk, duplicates: str, name: str) -> None:
    lines = ["A2;;Veli 1", "A2;05321234502;Veli 2"]
    result = desk.run("No;Telefon;Ad", *lines, targets=OWN, identity="musteri_no", duplicates=duplicates, now=LATER)
    assert (result.counts.updated_count, result.counts.duplicate_count, result.duplicate_count) == (1, 1, 1)
    assert phones(desk)[1] == ("A2", "+905321234502", name)
    assert result.duplicates_path is not None
    counted = "2;3" if duplicates == "last" else "3;2"
    assert counted in result.duplicates_path.read_text("utf-8-sig")


def test_rows_that_share_an_own_id_are_one_new_contact(desk: Desk) -> None:
    lines = ["B1;05321234510;Can 1", "B1;05321234511;Can 2", "B1;;Can 3"]
    result = desk.run("No;Telefon;Ad", *lines, targets=OWN, identity="musteri_no", now=LATER)
    assert (result.counts.new_count, result.duplicate_count) == (1, 2)
    assert phones(desk)[2:] == [("B1", "+905321234511", "Can 2")]


def test_an_opt_out_in_any_of_the_rows_about_a_contact_stays_one(desk: Desk) -> None:
    targets = OWN | {"İzin": "consent"}
    lines = ["A2;;hayır", "A2;05321234502;evet"]
    desk.run("No;Telefon;İzin", *lines, targets=targets, identity="musteri_no", now=LATER)
    assert desk.rows("SELECT consent FROM contacts WHERE musteri_no = 'A2'") == [("opted_out",)]


def test_an_own_id_that_is_a_new_field_finds_nobody_the_first_time(desk: Desk) -> None:
    result = desk.run("Telefon;Üye no", "05321234501;0001", "05321234520;0002", identity="uye_no", now=LATER)
    assert (result.counts.new_count, result.counts.updated_count) == (1, 1)
    again = desk.run("Üye no;Ad", "0002;Naz", identity="uye_no", now=LATER)
    assert again.counts.updated_count == 1


def test_a_row_between_two_that_disagree_is_counted_once(desk: Desk) -> None:
    targets = OWN | {"U": "user_id"}
    lines = ["A9;;;x", "A9;;TR.a1;y", ";05321234501;TR.a1;z"]
    result = desk.run("No;Telefon;U;Ad", *lines, targets=targets, identity="musteri_no", now=LATER)
    assert (result.counts.updated_count, result.counts.rejected) == (1, {"id_twice": 2})
    assert desk.rows("SELECT name, user_id FROM contacts ORDER BY contact_id LIMIT 1") == [("z", "TR.a1")]


def test_who_was_suppressed_by_a_user_id_is_suppressed_by_the_number_that_a_file_gives_with_it(desk: Desk) -> None:
    suppressed = key_to_int(person_key(desk.warehouse.salt, None, "TR.out"))
    desk.warehouse.cursor().execute(
        "INSERT INTO suppressions VALUES (?, 'all', 'asked', NULL, 'Can', now()::TIMESTAMP, NULL, NULL)", [suppressed]
    )
    for _ in range(2):
        desk.run("user_id;Telefon;Ad", "TR.out;05321234503;Ece", "TR.in;05321234504;Ali")
    ((person,),) = desk.rows("SELECT person_key FROM contacts WHERE user_id = 'TR.out'")
    assert desk.rows("SELECT person_key, scope, reason, by_whom FROM pending_suppressions") == [
        (person, "all", "asked", "Can")
    ]
