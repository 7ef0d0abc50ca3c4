"""What a person may say of a file, and reading it again in another way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.contacts.importing import begin_import, discard_import, import_folder, load_source, read_again
from engine.contacts.source import ReadOptions
from engine.errors import NotFound, UnreadableFile
from engine.settings import Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TURKISH = "Ad;Telefon;Not\nIşıl Şahin;05321234501;a,b\nÖmer Çağ;05321234502;c,d\n"


def write(folder: Path, content: bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("written", "chosen"),
    [
        ("utf-8", "cp1254"),
        ("utf-8", "utf-16-le"),
        ("utf-8-sig", "cp1252"),
        ("cp1254", "utf-8"),
        ("cp1254", "utf-16-be"),
        ("utf-16", "utf-8"),
        ("utf-16-le", "utf-16-be"),
        ("utf-16-le", "cp1254"),
        ("utf-8", "klingon"),
    ],
)
def test_a_wrong_encoding_is_refused_and_leaves_nothing(
    written: str, chosen: str, settings: Settings, tmp_path: Path
) -> None:
    path = write(tmp_path, TURKISH.encode(written))
    with pytest.raises(UnreadableFile) as caught:
        begin_import(settings, path, now=NOW, options=ReadOptions(encoding=chosen))
    assert "chosen encoding" in caught.value.reason
    assert not list((settings.home / "imports").glob("*"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "cp1254", "iso-8859-9"])
def test_a_right_encoding_may_be_chosen(encoding: str, settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path, TURKISH.encode(encoding))
    source = begin_import(settings, path, now=NOW, options=ReadOptions(encoding=encoding))
    assert (source.encoding, source.encoding_clue) == (encoding, "given")
    assert source.samples[0][0] == "Işıl Şahin"


def test_windows_1252_may_be_chosen_over_1254(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path, "Nafn;Sími\nÞór Ýmir;+354 611 1234\nSif Ðe;+354 611 1235\n".encode("cp1252"))
    source = begin_import(settings, path, now=NOW)
    assert source.samples[0][0] != "Þór Ýmir"
    again = read_again(settings, source.import_id, ReadOptions(encoding="cp1252"))
    assert again.samples[0][0] == "Þór Ýmir"


def test_a_file_is_read_again_with_another_delimiter_under_the_same_id(settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path, TURKISH.encode())
    source = begin_import(settings, path, now=NOW, file_name="kişiler.csv")
    path.unlink()  # the upload is kept by us
    again = read_again(settings, source.import_id, ReadOptions(delimiter=","))
    assert (again.import_id, again.file_name, again.delimiter) == (source.import_id, "kişiler.csv", ",")
    assert (again.headers, again.broken_count) == (("Ad;Telefon;Not",), 2)
    assert load_source(settings, source.import_id) == again
    assert read_again(settings, source.import_id, ReadOptions()) == source


def test_a_header_may_be_said_to_be_none_and_the_other_way_round(settings: Settings, tmp_path: Path) -> None:
    source = begin_import(settings, write(tmp_path, TURKISH.encode()), now=NOW)
    without = read_again(settings, source.import_id, ReadOptions(has_header=False))
    assert (without.headers, without.row_count) == (("Column 1", "Column 2", "Column 3"), 3)
    assert without.lines().tolist() == [1, 2, 3]
    bare = begin_import(settings, write(tmp_path, TURKISH.split("\n", 1)[1].encode()), now=NOW)
    assert (bare.has_header, bare.row_count) == (False, 2)
    said = read_again(settings, bare.import_id, ReadOptions(has_header=True))
    assert (said.headers[0], said.row_count) == ("Işıl Şahin", 1)


def test_a_reading_that_fails_leaves_the_last_one_as_it_was(settings: Settings, tmp_path: Path) -> None:
    source = begin_import(settings, write(tmp_path, TURKISH.encode()), now=NOW)
    folder = import_folder(settings, source.import_id)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for options in (ReadOptions(encoding="utf-16-le"), ReadOptions(delimiter="x"), ReadOptions(encoding="none")):
        with pytest.raises(UnreadableFile):
            read_again(settings, source.import_id, options)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_what_was_planned_of_the_earlier_reading_is_gone(settings: Settings, tmp_path: Path) -> None:
    source = begin_import(settings, write(tmp_path, TURKISH.encode()), now=NOW)
    folder = import_folder(settings, source.import_id)
    for name in ("plan.json", "staged.parquet", "job.json"):
        (folder / name).write_text("{}")
    read_again(settings, source.import_id, ReadOptions(delimiter=";"))
    assert not (folder / "plan.json").exists()
    assert not (folder / "staged.parquet").exists()
    assert (folder / "job.json").exists()


def test_an_import_given_up_is_not_read_again(settings: Settings, tmp_path: Path) -> None:
    source = begin_import(settings, write(tmp_path, TURKISH.encode()), now=NOW)
    discard_import(settings, source.import_id)
    with pytest.raises(NotFound):
        read_again(settings, source.import_id, ReadOptions())
