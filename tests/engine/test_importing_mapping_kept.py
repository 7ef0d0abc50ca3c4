from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.contacts.fields import FieldType, add_field, load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.importing import begin_import, import_contacts
from engine.contacts.mapping import ColumnTarget, Mapping
from engine.contacts.mapping_file import mapping_from_json, mapping_to_json
from engine.contacts.mappings import (
    delete_mapping,
    find_mapping,
    get_mapping,
    list_mappings,
    own_columns,
    remember_mapping,
    save_mapping,
    signature_of,
)
from engine.contacts.options import FieldPolicy, ImportOptions, check_options
from engine.contacts.source import SourceFile
from engine.errors import InputError, InvalidMapping, NotFound
from engine.settings import Settings
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPTIONS = ImportOptions(region="TR")


@pytest.fixture
def source(settings: Settings, tmp_path: Path) -> SourceFile:
    return read(settings, tmp_path, "Telefon;Ad;Puan", "05321234501;Ali;1")


def read(settings: Settings, folder: Path, *lines: str) -> SourceFile:
    path = folder / "file.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return begin_import(settings, path, now=NOW)


def guessed(warehouse: Warehouse, source: SourceFile) -> Mapping:
    return guess_mapping(source, load_registry(warehouse.cursor()))


@pytest.mark.parametrize(
    "headers",
    [("Puan", "TELEFON", "ad"), (" telefon ", "A D", "puan"), ("line", "reason", "Telefon", "Ad", "Puan"),
     ("satır", "neden", "Telefon", "Ad", "Puan", "fazla hücreler")],
    ids=["another order", "spaces and case", "a rejects file", "a rejects file in Turkish"],
)  # fmt: skip
def test_headers_are_known_again_whatever_their_form(headers: tuple[str, ...]) -> None:
    assert signature_of(headers) == signature_of(("Telefon", "Ad", "Puan"))


def test_other_headers_have_another_signature() -> None:
    assert signature_of(("Telefon", "Ad")) != signature_of(("Telefon", "Ad", "Puan"))
    assert own_columns(("Telefon", "reason")) == frozenset()


def test_a_mapping_is_remembered_for_the_next_file_with_these_headers(
    warehouse: Warehouse, settings: Settings, source: SourceFile, tmp_path: Path
) -> None:
    first = guessed(warehouse, source)
    chosen = ImportOptions(region="DE", policies={"name": FieldPolicy.KEEP}, opt_in_again=True, list_id="list-1")
    with warehouse.writing() as cursor:
        remember_mapping(cursor, source, first, chosen, who="Elif", now=NOW)
        remember_mapping(cursor, source, first, chosen, who="Can", now=NOW + timedelta(days=1))
    add_field(warehouse, "puan", "Puan", FieldType.NUMBER, who="Elif", now=NOW)
    next_file = read(settings, tmp_path, "puan;AD;Not;telefon", "1;Ali;x;05321234501")
    assert find_mapping(warehouse.cursor(), next_file) is None
    next_file = read(settings, tmp_path, "puan;AD;telefon", "1;Ali;05321234501")
    found = find_mapping(warehouse.cursor(), next_file)
    assert found is not None
    assert (found.who, found.options.region, found.options.policies) == ("Can", "DE", {"name": FieldPolicy.KEEP})
    fitted = found.fit(next_file, load_registry(warehouse.cursor()))
    assert [each.target for each in fitted.columns] == ["puan", "name", "phone"]
    assert all(each.new is None for each in fitted.columns)


def test_what_must_be_decided_each_time_is_not_remembered(warehouse: Warehouse, source: SourceFile) -> None:
    chosen = ImportOptions(region="TR", opt_in_again=True, list_id="list-1")
    with warehouse.writing() as cursor:
        remember_mapping(cursor, source, guessed(warehouse, source), chosen, who="Elif", now=NOW)
    found = find_mapping(warehouse.cursor(), source)
    assert found is not None
    assert (found.options.opt_in_again, found.options.list_id) == (False, None)


def test_a_mapping_saved_by_name_is_listed_replaced_and_deleted(warehouse: Warehouse, source: SourceFile) -> None:
    mapping = guessed(warehouse, source)
    save_mapping(warehouse, "Shop", mapping, OPTIONS, who="Elif", now=NOW)
    saved = save_mapping(warehouse, " shop ", mapping, ImportOptions(region="DE"), who="Can", now=NOW)
    (listed,) = list_mappings(warehouse.cursor())
    assert (listed.mapping_id, listed.name, listed.options.region) == (saved, "shop", "DE")
    assert get_mapping(warehouse.cursor(), "SHOP") == listed
    delete_mapping(warehouse, saved, who="Elif", now=NOW)
    with pytest.raises(NotFound):
        delete_mapping(warehouse, saved, who="Elif", now=NOW)
    with pytest.raises(NotFound):
        get_mapping(warehouse.cursor(), "shop")
    with pytest.raises(InputError):
        save_mapping(warehouse, "  ", mapping, OPTIONS, who="Elif", now=NOW)


def test_a_mapping_survives_being_a_file(warehouse: Warehouse, source: SourceFile) -> None:
    mapping = guessed(warehouse, source)
    chosen = ImportOptions(region="DE", policies={"name": FieldPolicy.FILL}, opt_in_again=True)
    text = mapping_to_json(mapping, chosen)
    assert "opt_in_again" not in text
    again, options = mapping_from_json(text, source, load_registry(warehouse.cursor()), OPTIONS)
    assert (again, options) == (mapping, chosen.model_copy(update={"opt_in_again": False}))


def test_a_mapping_file_may_name_a_field_by_its_label_and_leave_columns_out(
    warehouse: Warehouse, source: SourceFile
) -> None:
    said = {"columns": {"telefon": "Phone", "AD": None}}
    mapping, options = mapping_from_json(json.dumps(said), source, load_registry(warehouse.cursor()), OPTIONS)
    assert [(each.header, each.target) for each in mapping.columns] == [
        ("Telefon", "phone"),
        ("Ad", None),
        ("Puan", None),
    ]
    assert options == OPTIONS


@pytest.mark.parametrize(
    ("said", "column"),
    [
        ({"columns": {"Cep": "phone"}}, "Cep"),
        ({"columns": {"Ad": "nothing"}}, "Ad"),
        ({"columns": {"Ad": "created_at"}}, "Ad"),
        ({"columns": {"Puan": {"new": "colour"}}}, "Puan"),
        ({"columns": {"Puan": {"label": "Puan"}}}, "Puan"),
        ({"columns": {"Puan": 3}}, "Puan"),
        ({"columns": {}, "options": {"opt_in_again": True}}, "opt_in_again"),
        ({"columns": {}, "options": {"policies": {"city": "burn"}}}, "city"),
        ({"columns": {}, "options": {"duplicates": "all"}}, "duplicates"),
    ],
)
def test_a_mapping_file_that_cant_be_used_says_which_column(
    warehouse: Warehouse, source: SourceFile, said: object, column: str
) -> None:
    with pytest.raises(InvalidMapping) as caught:
        mapping_from_json(json.dumps(said), source, load_registry(warehouse.cursor()), OPTIONS)
    assert caught.value.column == column
    assert column in caught.value.message


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"columns": []}', '{"columns": {}, "more": 1}'])
def test_a_text_that_is_no_mapping_is_refused(warehouse: Warehouse, source: SourceFile, text: str) -> None:
    with pytest.raises(InputError):
        mapping_from_json(text, source, load_registry(warehouse.cursor()), OPTIONS)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"policies": {"city": "add"}}, InvalidMapping),
        ({"policies": {"phone": "remove"}}, InvalidMapping),
        ({"policies": {"tags": "overwrite"}}, InvalidMapping),
        ({"identity": "no"}, InputError),
        ({"identity": "consent"}, InputError),
        ({"identity": "tags"}, InputError),
    ],
)
def test_options_that_cant_be_carried_out_are_refused(options: dict[str, object], problem: type[Exception]) -> None:
    types = {"city": FieldType.CHOICE, "tags": FieldType.LIST, "consent": FieldType.CHOICE}
    with pytest.raises(problem):
        check_options(ImportOptions.model_validate({"region": "TR"} | options), types)


@pytest.mark.parametrize("words", [{}, {"line": "satır", "reason": "neden", "cells too many": "fazla hücreler"}])
def test_a_mended_rejects_file_is_mapped_at_once_and_its_own_columns_are_left_out(
    warehouse: Warehouse, settings: Settings, tmp_path: Path, words: dict[str, str]
) -> None:
    def say(text: str) -> str:
        return words.get(text, text)

    path = tmp_path / "müşteriler.csv"
    path.write_text("Kime;Ad;Açıklama\n05321234501;Ali;x\n12;Veli;y\n05321234503;Can;z;fazla\n", "utf-8")
    targets = {"Kime": "phone", "Ad": "name"}
    first = begin_import(settings, path, now=NOW)
    columns = tuple(ColumnTarget(header=each, target=targets.get(each)) for each in first.headers)
    result = import_contacts(warehouse, settings, path, Mapping(columns=columns), who="Elif", now=NOW, translate=say)
    assert (result.counts.new_count, result.rejected_count) == (1, 2)
    assert result.rejects_path is not None
    mended = tmp_path / "mended.csv"
    written = result.rejects_path.read_text("utf-8-sig")
    mended.write_text(written.replace(";12;", ";05321234502;"), "utf-8-sig")
    source = begin_import(settings, mended, now=NOW)
    found = find_mapping(warehouse.cursor(), source)
    assert found is not None
    mapping = found.fit(source, load_registry(warehouse.cursor()))
    assert [each.target for each in mapping.columns] == [None, None, "phone", "name", None, None]
    guess = guess_mapping(source, load_registry(warehouse.cursor()))
    assert [guess.columns[number].target for number in (0, 1, 5)] == [None, None, None]
    again = import_contacts(warehouse, settings, mended, mapping, who="Elif", now=NOW)
    assert (again.counts.new_count, again.rejected_count) == (2, 0)
    assert warehouse.cursor().execute("SELECT name FROM contacts ORDER BY phone").fetchall() == [
        ("Ali",), ("Veli",), ("Can",),
    ]  # fmt: skip
    assert {each.name for each in load_registry(warehouse.cursor()) if not each.built_in} == set()
