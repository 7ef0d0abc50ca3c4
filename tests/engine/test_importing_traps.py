"""Each trap that a real file sets, in a file of a few lines: what becomes of every line."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.contacts.fields import load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.importing import begin_import, import_contacts
from engine.contacts.mapping import ColumnTarget, Mapping
from engine.errors import UnreadableFile
from engine.settings import Settings
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Trap:
    """A file, and what becomes of its lines."""

    name: str
    content: bytes
    new: int
    duplicates: int = 0
    rejected: dict[int, str] = field(default_factory=dict)  # physical line -> a part of the reason
    names: tuple[str | None, ...] | None = None
    encoding: str = "utf-8"
    delimiter: str = ";"
    blank: int = 0


def text(*lines: str, end: str = "\n") -> bytes:
    return (end.join(lines) + end).encode()


HEAD = "Ad;Telefon;Not"
ALI, VELI, AYSE = "Ali;05321234501;a", "Veli;05321234502;b", "Ayşe;05321234503;c"

TRAPS = [
    Trap("plain", text(HEAD, ALI, VELI), new=2, names=("Ali", "Veli")),
    Trap("bom", b"\xef\xbb\xbf" + text(HEAD, ALI), new=1, names=("Ali",)),
    Trap("windows line ends", text(HEAD, ALI, VELI, end="\r\n"), new=2, names=("Ali", "Veli")),
    Trap("old mac line ends", text(HEAD, ALI, VELI, end="\r"), new=2, names=("Ali", "Veli")),
    Trap("no line end at the end", text(HEAD, ALI, VELI)[:-1], new=2),
    Trap(
        "utf-16 little with bom",
        b"\xff\xfe" + text(HEAD, AYSE).decode().encode("utf-16-le"),
        new=1,
        names=("Ayşe",),
        encoding="utf-16-le",
    ),
    Trap(
        "utf-16 big with bom",
        b"\xfe\xff" + text(HEAD, AYSE).decode().encode("utf-16-be"),
        new=1,
        names=("Ayşe",),
        encoding="utf-16-be",
    ),
    Trap(
        "utf-16 without bom",
        text(HEAD, AYSE).decode().encode("utf-16-le"),
        new=1,
        names=("Ayşe",),
        encoding="utf-16-le",
    ),
    Trap(
        "windows-1254",
        text(HEAD, "Işıl Şahin;05321234501;ğü").decode().encode("cp1254"),
        new=1,
        names=("Işıl Şahin",),
        encoding="cp1254",
    ),
    Trap(
        "utf-8 with a damaged byte",
        text(HEAD, AYSE, "Öm\udcffer;05321234504;x".encode("utf-8", "surrogateescape").decode("utf-8", "replace")),
        new=2,
    ),
    Trap("comma", b"name,phone\nAli,05321234501\n", new=1, delimiter=","),
    Trap("tab", b"name\tphone\nAli\t05321234501\n", new=1, delimiter="\t"),
    Trap("pipe", b"name|phone\nAli|05321234501\n", new=1, delimiter="|"),
    Trap(
        "commas in cells of a semicolon file",
        text("Ad;Telefon;Tutar", "Ali;05321234501;12,50", "Veli;05321234502;1.250,00"),
        new=2,
    ),
    Trap("excel's sep line", text("sep=;", HEAD, ALI, "Veli;yok;b"), new=1, rejected={4: "no phone number"}),
    Trap("one column", b"telefon\n05321234501\n5321234502\n\n", new=2, delimiter=",", blank=1),
    Trap(
        "line ends inside quotes",
        text(HEAD, 'Ali;05321234501;"a\nb\nc"', "Veli;yok;b"),
        new=1,
        rejected={5: "no phone number"},
    ),
    Trap(
        "delimiters and quotes inside quotes",
        text(HEAD, '"Ali ""Usta""; Bey";05321234501;x', VELI),
        new=2,
        names=('Ali "Usta"; Bey', "Veli"),
    ),
    Trap(
        "everything quoted",
        text('"Ad";"Telefon"', '"Ali";"05321234501"', '"";"05321234502"'),
        new=2,
        names=("Ali", None),
    ),
    Trap(
        "a quote in a bare cell",
        text(HEAD, 'Ali "Usta" Can;05321234501;a', VELI),
        new=2,
        names=('Ali "Usta" Can', "Veli"),
    ),
    Trap("inches", text(HEAD, 'Ali;05321234501;5" boru', 'Veli;05321234502;7"'), new=2, names=("Ali", "Veli")),
    Trap("spaces around quotes", text(HEAD, 'Ali; "05321234501" ;a', VELI), new=2, names=("Ali", "Veli")),
    Trap(
        "a quote never closed",
        text(HEAD, '"Ali;05321234501;a', VELI, AYSE, "x;05321234504;q"),
        new=3,
        rejected={2: "never closed"},
    ),
    Trap(
        "a quote never closed before quoted rows",
        text(HEAD, '"Ali;05321234501;a', '"Veli";"05321234502";b', '"Ayşe";05321234503;c'),
        new=2,
        rejected={2: "never closed"},
        names=("Ayşe", "Veli"),
    ),
    Trap(
        "a quote never closed at the end", text(HEAD, ALI, 'Veli;05321234502;"b'), new=1, rejected={3: "never closed"}
    ),
    Trap("a row too short", text(HEAD, ALI, "Veli;05321234502", AYSE), new=2, rejected={3: "fewer cells"}),
    Trap("a row too long", text(HEAD, ALI, "Veli;05321234502;b;c;d", AYSE), new=2, rejected={3: "more cells"}),
    Trap(
        "blank lines",
        text("", HEAD, "", ALI, "", "", "Veli;yok;b", ""),
        new=1,
        rejected={7: "no phone number"},
        blank=5,
    ),
    Trap("empty rows of a spreadsheet", text(HEAD, ALI, ";;", ";;"), new=1, rejected={3: "empty", 4: "empty"}),
    Trap(
        "the same person twice",
        text(HEAD, ALI, VELI, "Ali Can;+90 532 123 45 01;z"),
        new=2,
        duplicates=1,
        names=("Ali Can", "Veli"),
    ),
    Trap(
        "brazil with and without the ninth digit",
        text("Ad;Telefon", "Ana;+55 11 98765-4321", "Ana B;+55 11 8765-4321"),
        new=1,
        duplicates=1,
        names=("Ana B",),
    ),
    Trap(
        "excel's ruined numbers",
        text(HEAD, "Ali;5,32E+09;a", "Veli;5.32123E+09;b", AYSE),
        new=1,
        rejected={2: "spreadsheet", 3: "spreadsheet"},
    ),
    Trap("excel's apostrophe and formula", text(HEAD, "Ali;'05321234501;a", 'Veli;"=""05321234502""";b'), new=2),
    Trap(
        "no phone", text(HEAD, "Ali;;a", "Veli;   ;b"), new=0, rejected={2: "no phone number", 3: "no phone number"}
    ),
    Trap("zeros of another program", text(HEAD, ALI).replace(b"Ali", b"A\0li"), new=1, names=("Ali",)),
    Trap("headers twice and empty", text("Ad;Telefon;;Telefon;Ad", "Ali;05321234501;x;y;z"), new=1, names=("Ali",)),
    Trap("arabic", text("الاسم;رقم الهاتف", "ليلى;+966 50 123 4567"), new=1, names=("ليلى",)),
]


@pytest.mark.parametrize("trap", TRAPS, ids=[trap.name for trap in TRAPS])
def test_every_line_is_accounted_for(trap: Trap, warehouse: Warehouse, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(trap.content)
    source = begin_import(settings, path, now=NOW)
    assert (source.encoding, source.delimiter, source.blank_count) == (trap.encoding, trap.delimiter, trap.blank)

    result = import_contacts(warehouse, settings, path, who="Elif", now=NOW)
    counts = result.counts
    assert (counts.new_count, result.duplicate_count, result.rejected_count) == (
        trap.new,
        trap.duplicates,
        len(trap.rejected),
    )
    assert (counts.updated_count, counts.unchanged_count) == (0, 0)
    assert result.row_count == trap.new + trap.duplicates + len(trap.rejected)
    stored = warehouse.cursor().execute("SELECT name FROM contacts ORDER BY name NULLS LAST").fetchall()
    assert len(stored) == trap.new
    if trap.names is not None:
        assert tuple(name for (name,) in stored) == trap.names
    assert rejects_of(result.rejects_path, trap.delimiter) == set(trap.rejected)
    for line, reason in trap.rejected.items():
        assert reason in reason_of(result.rejects_path, trap.delimiter, line)


def read_rejects(path: Path | None, delimiter: str) -> list[list[str]]:
    if path is None:
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))[1:]


def rejects_of(path: Path | None, delimiter: str) -> set[int]:
    return {int(row[0]) for row in read_rejects(path, delimiter)}


def reason_of(path: Path | None, delimiter: str, line: int) -> str:
    (reason,) = [row[1] for row in read_rejects(path, delimiter) if row[0] == str(line)]
    return reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"  \n \n", "empty"),
        (b"PK\x03\x04rest", "Excel"),
        (b"\xd0\xcf\x11\xe0rest", "Excel"),
        (b"\x1f\x8b\x08rest", "compressed"),
        (b"%PDF-1.7", "PDF"),
        (b"Ad;Telefon\n", "no rows"),
        (b";".join(b"c%d" % n for n in range(301)) + b"\n" + b";" * 300 + b"\n", "300 columns"),
        (bytes(range(256)) * 40 + bytes(4096), "no text"),
    ],
    ids=["empty", "blank", "xlsx", "xls", "gz", "pdf", "header only", "too wide", "binary"],
)
def test_what_is_no_table_is_refused_kindly_and_leaves_nothing(
    content: bytes, reason: str, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        begin_import(settings, path, now=NOW)
    assert reason in caught.value.reason
    assert not list((settings.home / "imports").glob("*"))


def test_a_file_that_is_not_there_is_unreadable(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        begin_import(settings, tmp_path / "none.csv", now=NOW)


def test_a_damaged_byte_is_counted_and_the_rest_stays(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(
        "Ad;Telefon\nÖmer Şık;05321234501\nB\xfcşra Çağ;05321234502\n".encode().replace("ü".encode(), b"\xfc")
    )
    source = begin_import(settings, path, now=NOW)
    assert (source.encoding, source.damaged_count) == ("utf-8", 1)
    assert source.samples[0][0] == "Ömer Şık"


def test_an_opt_out_in_any_row_of_a_person_stays_one(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(text("Telefon;İzin;İzin kaynağı", "05321234501;Hayır;Mağaza", "05321234501;Evet;Web"))
    result = import_contacts(warehouse, settings, path, who="Elif", now=NOW)
    assert result.duplicate_count == 1
    rows = warehouse.cursor().execute("SELECT consent, consent_source, consent_at FROM contacts").fetchall()
    assert rows == [("opted_out", "import", datetime(2026, 11, 22, 12))]


def test_rejects_mended_and_given_again_go_where_they_belong(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(text("Ad;Telefon;Paket", "Ali;5,32E+09;gold", "Veli;05321234502;free", "Can;05321234503;free"))
    rejects = import_contacts(warehouse, settings, path, who="Elif", now=NOW).rejects_path
    assert rejects is not None
    mended = tmp_path / "mended.csv"
    mended.write_bytes(rejects.read_bytes().replace(b"5,32E+09", b"05321234501"))
    source = begin_import(settings, mended, now=NOW)
    mapping = guess_mapping(source, load_registry(warehouse.cursor()))
    assert [each.target for each in mapping.columns] == [None, None, "name", "phone", "paket"]
    result = import_contacts(warehouse, settings, mended, mapping, who="Elif", now=NOW)
    assert result.counts.new_count == 1


def test_numbers_follow_the_rows_country_column(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(text("Telefon;Ülke", "01512 3456789;Almanya", "0532 123 45 01;", "01512 3456790;Atlantis"))
    mapping = Mapping(
        columns=(ColumnTarget(header="Telefon", target="phone"), ColumnTarget(header="Ülke", target="country"))
    )
    result = import_contacts(warehouse, settings, path, mapping, who="Elif", now=NOW)
    rows = warehouse.cursor().execute("SELECT phone, country FROM contacts ORDER BY phone").fetchall()
    assert rows[:1] == [("+4915123456789", "DE")]
    assert ("+905321234501", "TR") in rows
    assert result.row_count == 3


@pytest.mark.parametrize(
    "cell", ["\t05321234501", "\u00a005321234501\u00a0", "05321234501\u200b", '"\n05321234501\n"']
)
def test_what_surrounds_a_number_unseen_is_no_part_of_it(
    cell: str, warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(text("Ad;Telefon;Not", f"Ali;{cell};\u00a0bir\u00a0" if "\n" not in cell else f"Ali;{cell};bir"))
    import_contacts(warehouse, settings, path, who="Elif", now=NOW)
    rows = warehouse.cursor().execute('SELECT phone, "not" FROM contacts').fetchall()
    assert rows == [("+905321234501", "bir")]
