from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.contacts.fields import FieldType, add_field, load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.headers import fold_header
from engine.contacts.importing import begin_import
from engine.contacts.mapping import Mapping
from engine.settings import Settings
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def guess(warehouse: Warehouse, settings: Settings, folder: Path, *lines: str) -> Mapping:
    path = folder / "file.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return guess_mapping(begin_import(settings, path, now=NOW), load_registry(warehouse.cursor()))


@pytest.mark.parametrize(
    ("headers", "targets"),
    [
        ("Ad;Soyad;Cep Telefonu;E-Posta", ["name", "surname", "phone", "email"]),
        ("ADI;SOYADI;GSM NO;ŞEHİR", ["name", "surname", "phone", "city"]),
        ("Adı Soyadı;Telefon Numarası;İl;Ülke", ["name", "phone", "city", "country"]),
        ("First Name;Last Name;Mobile Phone;Language", ["name", "surname", "phone", "language"]),
        ("first_name;last_name;phone_number;owner", ["name", "surname", "phone", "assignee"]),
        ("İzin Durumu;İzin Tarihi;İzin Kaynağı;Telefon", ["consent", "consent_at", "consent_source", "phone"]),
        ("Vorname;Nachname;Handynummer;Sprache", ["name", "surname", "phone", "language"]),
        ("الاسم;رقم الجوال;المدينة;اللغة", ["name", "phone", "city", "language"]),
    ],
)
def test_headers_are_known_in_our_languages(
    warehouse: Warehouse, settings: Settings, tmp_path: Path, headers: str, targets: list[str]
) -> None:
    mapping = guess(warehouse, settings, tmp_path, headers, "05321234501;05321234501;05321234501;x")
    assert [each.target for each in mapping.columns] == targets


def test_a_number_column_is_found_by_its_values(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> None:
    mapping = guess(warehouse, settings, tmp_path, "Kime;Puan", "0532 123 45 01;12", "5321234502;13")
    assert [each.target for each in mapping.columns] == ["phone", "puan"]


def test_of_two_columns_for_one_field_the_second_is_a_new_field(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    mapping = guess(warehouse, settings, tmp_path, "Telefon;Cep", "05321234501;05321234502")
    assert [each.target for each in mapping.columns] == ["phone", "cep"]


def test_an_own_field_is_found_by_its_label(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> None:
    add_field(warehouse, "dogum_tarihi", "Doğum tarihi", FieldType.DATE, who="Elif", now=NOW)
    mapping = guess(warehouse, settings, tmp_path, "Telefon;DOĞUM TARİHİ", "05321234501;01.02.1990")
    assert (mapping.columns[1].target, mapping.columns[1].new) == ("dogum_tarihi", None)


@pytest.mark.parametrize(
    ("header", "values", "type"),
    [
        ("Puan", ["1", "2", "3.5"], FieldType.NUMBER),
        ("Tutar", ["1.250,50", "12,00", "7"], FieldType.NUMBER),
        ("Doğum", ["01.02.1990", "13.11.1985", "2.3.2001"], FieldType.DATE),
        ("VIP", ["evet", "hayır", "evet"], FieldType.BOOL),
        ("Paket", ["gold", "free", "free", "gold", "free", "free"], FieldType.CHOICE),
        ("Not", ["bir", "iki", "üç", "dört"], FieldType.TEXT),
        ("Sipariş no", ["1001", "1002", "1003"], FieldType.TEXT),
        ("Posta kodu", ["34000", "06000", "35000"], FieldType.TEXT),
        ("Kart", ["0012", "0034", "0156"], FieldType.TEXT),
        ("Boş", ["", "", ""], None),
    ],
)
def test_the_type_of_a_new_field_follows_from_the_values(
    warehouse: Warehouse, settings: Settings, tmp_path: Path, header: str, values: list[str], type: FieldType | None
) -> None:
    lines = [f"0532123450{number};{value}" for number, value in enumerate(values)]
    mapping = guess(warehouse, settings, tmp_path, f"Telefon;{header}", *lines)
    new = mapping.columns[1].new
    assert (new.type if new else None) == type


def test_consent_details_without_consent_become_fields_of_their_own(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    mapping = guess(warehouse, settings, tmp_path, "Telefon;İzin tarihi", "05321234501;01.02.2026")
    assert mapping.columns[1].target == "izin_tarihi"


def test_a_mapping_survives_being_json(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> None:
    mapping = guess(warehouse, settings, tmp_path, "Telefon;Puan", "05321234501;1")
    assert Mapping.model_validate_json(mapping.model_dump_json()) == mapping


def test_headers_fold_alike() -> None:
    assert fold_header("CEP TELEFONU (GSM)") == fold_header("Cep Telefonu gsm") == "ceptelefonugsm"
    assert fold_header("İZİN") == fold_header("ızın") == "izin"
