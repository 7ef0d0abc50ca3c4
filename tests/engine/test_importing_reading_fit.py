"""How well the columns of a file fit, told over its first rows, and what is guessed of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.contacts.fields import FieldType, load_registry
from engine.contacts.fitting import Fit, fit_columns
from engine.contacts.guessing import guess_mapping
from engine.contacts.importing import begin_import
from engine.contacts.mapping import build_mapping
from engine.contacts.source import SourceFile
from engine.settings import Settings
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def begin(settings: Settings, folder: Path, *lines: str) -> SourceFile:
    path = folder / "file.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return begin_import(settings, path, now=NOW)


def fit(
    warehouse: Warehouse, source: SourceFile, *choices: str | FieldType | None, month_first: bool | None = None
) -> dict[int, Fit]:
    registry = load_registry(warehouse.cursor())
    said = {} if month_first is None else {source.headers[-1]: month_first}
    mapping = build_mapping(source, registry, choices)
    return fit_columns(source, mapping, registry, region="TR", zone="Europe/Istanbul", month_first=said)


def test_each_mapped_column_says_how_much_fits_and_what_does_not(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    source = begin(
        settings, tmp_path, "Telefon;Puan;VIP;Ülke;Not", "05321234501;1,5;evet;TR;x", "yok;;belki;Atlantis;",
        "5,32E+09;beş;hayır;Türkiye;y", "", "05321234502;7;EVET;;z",
    )  # fmt: skip
    fits = fit(warehouse, source, "phone", FieldType.NUMBER, FieldType.BOOL, "country", None)
    assert list(fits) == [0, 1, 2, 3]
    assert fits[0] == Fit(filled=4, fitting=2, misfits=((3, "yok"), (4, "5,32E+09")), looked_at=4)
    assert fits[1] == Fit(filled=3, fitting=2, misfits=((4, "beş"),), looked_at=4)
    assert fits[2] == Fit(filled=4, fitting=3, misfits=((3, "belki"),), looked_at=4)
    assert fits[3] == Fit(filled=3, fitting=2, misfits=((3, "Atlantis"),), looked_at=4)


def test_no_more_than_three_examples_and_the_first_rows_are_looked_at(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    rows = [f"0532{number:07};{'x' if number % 2 else number}" for number in range(1_000_000, 1_025_000)]
    source = begin(settings, tmp_path, "Telefon;Puan", *rows)
    fits = fit(warehouse, source, "phone", FieldType.NUMBER)
    assert fits[1] == Fit(filled=20_000, fitting=10_000, misfits=((3, "x"), (5, "x"), (7, "x")), looked_at=20_000)
    assert fits[0].fitting == 20_000


def test_a_number_is_read_by_its_rows_country(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> None:
    source = begin(settings, tmp_path, "Telefon;Ülke", "01512 3456789;Almanya", "0532 123 45 01;TR", "123;TR")
    fits = fit(warehouse, source, "phone", "country")
    assert (fits[0].fitting, fits[0].misfits) == (2, ((4, "123"),))


@pytest.mark.parametrize(
    ("cells", "month_first", "is_ambiguous"),
    [
        (("03/04/2026", "05/06/2026"), False, True),
        (("03-04-2026 10:20",), False, True),
        (("03/04/2026", "25/06/2026"), False, False),
        (("03/04/2026", "06/25/2026"), True, False),
        (("03/03/2026", "04/04/2026"), None, False),
        (("03.04.2026", "05.06.2026"), False, False),
        (("2026-03-04", "2026/05/06"), None, False),
    ],
)
def test_a_date_that_can_be_read_two_ways_is_said_to_be_ambiguous(
    cells: tuple[str, ...], month_first: bool | None, is_ambiguous: bool, warehouse: Warehouse, settings: Settings,
    tmp_path: Path,
) -> None:  # fmt: skip
    rows = [f"0532123450{number};{cell}" for number, cell in enumerate(cells)]
    found = fit(warehouse, begin(settings, tmp_path, "Telefon;Tarih", *rows), "phone", FieldType.DATE)[1]
    assert (found.month_first, found.is_ambiguous) == (month_first, is_ambiguous)
    assert found.fitting == len(cells)


def test_what_a_person_said_of_a_column_of_dates_counts(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    source = begin(settings, tmp_path, "Telefon;Tarih", "05321234501;03/04/2026", "05321234502;25/06/2026")
    found = fit(warehouse, source, "phone", FieldType.DATE, month_first=True)[1]
    assert (found.month_first, found.fitting, found.misfits) == (True, 1, ((3, "25/06/2026"),))


@pytest.mark.parametrize(
    ("values", "type"),
    [
        (["kahve;çay", "çay", "kahve;müzik"], FieldType.LIST),
        (["kahve|çay", "çay|kahve", ""], FieldType.LIST),
        (["a; b", "b; c", "c"], FieldType.LIST),
        (["bir; iki", "üç", "dört", "beş", "altı", "yedi"], FieldType.TEXT),
        (["Uzun bir cümle; ve bir tane daha, noktalı virgülle ayrılmış olarak", "b", "b"], FieldType.CHOICE),
        (["1.250,50", "12,00", "7"], FieldType.NUMBER),
        (["03/04/2026", "05/06/2026", "07/08/2026"], FieldType.DATE),
    ],
)
def test_several_values_in_a_cell_make_a_list(
    values: list[str], type: FieldType, warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    rows = [f'0532123450{number},"{value}"' for number, value in enumerate(values)]
    source = begin(settings, tmp_path, "Telefon,İlgi", *rows)
    new = guess_mapping(source, load_registry(warehouse.cursor())).columns[1].new
    assert new is not None
    assert new.type == type


def test_without_a_header_numbers_and_addresses_are_found_by_their_form(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    source = begin(settings, tmp_path, "Ali;ali@ornek.com;05321234501", "Veli;veli@ornek.com;05321234502")
    mapping = guess_mapping(source, load_registry(warehouse.cursor()))
    assert [each.target for each in mapping.columns[1:]] == ["email", "phone"]
    assert mapping.columns[0].header == "Column 1"
