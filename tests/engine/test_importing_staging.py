"""What staging leaves of a small file: people, duplicates, rejects."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.contacts.fields import FieldType
from engine.contacts.mapping import ColumnTarget, Mapping
from engine.contacts.people import StageRequest
from engine.contacts.person import key_to_int, person_key
from engine.contacts.source import read_source
from engine.contacts.staging import Staged, stage
from engine.contacts.traits import open_table

SALT = bytes(range(16))


class Desk:
    """Where a test stages lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stage(self, targets: dict[str, FieldType | None], *lines: str, **choices: Any) -> Staged:
        """Stage lines under a header; a column goes to the target of its name (None: it is left out)."""
        path = self.folder / "file.csv"
        header = "\t".join(targets)
        path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
        source = read_source(path, self.folder / "import", "imp-1", file_name="file.csv")
        columns = tuple(ColumnTarget(header=each, target=each) for each in source.headers)
        request = StageRequest(
            folder=source.folder,
            mapping=Mapping(columns=columns),
            types={name: type for name, type in targets.items() if type},
            region="TR",
            zone="Europe/Istanbul",
            salt=SALT.hex(),
            **choices,
        )
        return stage(request)

    def frame(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "import" / f"{name}.parquet")

    def column(self, name: str) -> list[Any]:
        return self.frame("staged").sort("n")[name].to_list()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


PHONE: dict[str, FieldType | None] = {"phone": None}


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["a;b", "c"], [["a", "b"], ["c"]]),
        (["a|b|a", "b, c|d"], [["a", "b"], ["b, c", "d"]]),
        (["a, b ,,c", "d"], [["a", "b", "c"], ["d"]]),
        (["b;a;b", ""], [["b", "a"], None]),
        ([";;", "İzmir; Ankara "], [None, ["İzmir", "Ankara"]]),
    ],
)
def test_several_values_in_a_cell_are_trimmed_distinct_and_in_order(
    desk: Desk, cells: list[str], values: list[Any]
) -> None:
    rows = [f"0532123450{number}\t{cell}" for number, cell in enumerate(cells)]
    desk.stage(PHONE | {"tags": FieldType.LIST}, *rows)
    assert desk.column("tags") == values


@pytest.mark.parametrize(("duplicates", "name", "line", "kept"), [("last", "Ali Can", 2, 4), ("first", "Ali", 4, 2)])
def test_the_last_or_the_first_row_of_a_person_counts(
    desk: Desk, duplicates: str, name: str, line: int, kept: int
) -> None:
    rows = ["05321234501\tAli", "05321234502\tVeli", "+90 532 123 45 01\tAli Can"]
    staged = desk.stage(PHONE | {"name": FieldType.TEXT}, *rows, duplicates=duplicates)
    assert set(desk.column("name")) == {name, "Veli"}
    assert staged.duplicates == ((line, kept),)
    assert desk.frame("duplicates").rows() == [(line, kept, "+905321234501")]


def test_an_opt_out_in_a_row_that_does_not_count_stays_one(desk: Desk) -> None:
    rows = ["05321234501\tEvet", "05321234501\tHayır", "05321234501\tEvet", "05321234502\tEvet"]
    for duplicates in ("last", "first"):
        desk.stage(PHONE | {"consent": FieldType.CHOICE}, *rows, duplicates=duplicates)
        assert sorted(desk.column("consent")) == ["opted_in", "opted_out"]


def test_a_person_said_how_dates_are_written(desk: Desk) -> None:
    rows = ["05321234501\t03/04/2026"]
    desk.stage(PHONE | {"since": FieldType.DATE}, *rows)
    assert desk.column("since") == [date(2026, 4, 3)]
    staged = desk.stage(PHONE | {"since": FieldType.DATE}, *rows, month_first={"since": True})
    assert desk.column("since") == [date(2026, 3, 4)]
    assert staged.month_first == ("since",)


def test_a_row_named_by_an_identity_alone_is_kept_without_a_person_key(desk: Desk) -> None:
    rows = ["05321234501\tM1\tAli", "\tM2\tVeli", "12\tM3\tCan", "\t\tNobody", "\tM2\tVeli Can"]
    targets = PHONE | {"customer_no": FieldType.TEXT, "name": FieldType.TEXT}
    staged = desk.stage(targets, *rows, identity="customer_no")
    assert (staged.person_count, staged.duplicate_count, staged.rejected_count) == (3, 1, 1)
    key = key_to_int(person_key(SALT, "905321234501", None))
    assert list(zip(desk.column("person_key"), desk.column("name"), strict=True)) == [
        (key, "Ali"),
        (None, "Can"),
        (None, "Veli Can"),
    ]
    assert staged.duplicates == ((3, 6),)
    assert [(each.line, each.code) for each in staged.rejects] == [(5, "nobody")]


def test_without_an_identity_the_same_rows_are_rejected(desk: Desk) -> None:
    targets = PHONE | {"customer_no": FieldType.TEXT}
    staged = desk.stage(targets, "05321234501\tM1", "\tM2", "12\tM3")
    assert (staged.person_count, staged.reasons) == (1, {"empty": 1, "too_short": 1})


def test_a_user_id_names_whom_the_phone_does_not(desk: Desk) -> None:
    staged = desk.stage(PHONE | {"user_id": None}, "05321234501\tTR.abc", "12\tTR.abc", "\tTR.abc")
    keys = [key_to_int(person_key(SALT, *each)) for each in (("905321234501", None), (None, "TR.abc"))]
    assert desk.column("person_key") == keys
    assert desk.column("user_id") == ["TR.abc", "TR.abc"]
    assert staged.duplicates == ((3, 4),)
    assert [(each.target, each.count, each.examples) for each in staged.unfit] == [("phone", 1, ((3, "12"),))]


def test_cells_that_do_not_fit_are_counted_over_the_rows_that_are_taken(desk: Desk) -> None:
    targets = PHONE | {"points": FieldType.NUMBER, "email": FieldType.TEXT, "vip": FieldType.BOOL}
    rows = ["05321234501\tbeş\tali\tbelki", "yok\tbeş\tveli\tbelki", "05321234502\t1,5\ta@b.co\tevet"]
    staged = desk.stage(targets, *rows)
    assert [(each.target, each.count, each.examples) for each in staged.unfit] == [
        ("points", 1, ((2, "beş"),)),
        ("email", 1, ((2, "ali"),)),
        ("vip", 1, ((2, "belki"),)),
    ]


def test_letters_written_in_two_pieces_become_one(desk: Desk) -> None:
    desk.stage(PHONE | {"name": FieldType.TEXT}, "05321234501\tS\u0327ule")
    assert not open_table(desk.folder / "import").is_composed
    assert desk.column("name") == ["Şule"]


@pytest.mark.parametrize("cell", [" Ali", "Ali ", '" Ali"', '"Ali "', "  Ali  "])
def test_spaces_around_a_cell_are_seen_wherever_they_stand(desk: Desk, cell: str) -> None:
    targets = {"name": FieldType.TEXT} | PHONE
    desk.stage(targets, f"{cell}\t05321234501")
    assert desk.column("name") == ["Ali"]
    desk.stage(PHONE | {"name": FieldType.TEXT}, f"05321234501\t{cell}")
    assert desk.column("name") == ["Ali"]


def test_a_quoted_cell_with_nothing_in_it_is_empty(desk: Desk) -> None:
    desk.stage(PHONE | {"name": FieldType.TEXT, "city": FieldType.TEXT}, '05321234501\t""\t')
    assert (desk.column("name"), desk.column("city")) == ([None], [None])


NUMBERS = st.sampled_from(["05321234501", "+905321234501", "05321234502", "12", "", "5,32E+09", "+4915123456789"])
NAMES = st.sampled_from(["M1", "M2", "", " "])


@given(
    st.lists(st.tuples(NUMBERS, NAMES), min_size=1, max_size=12), st.sampled_from(["last", "first"]), st.booleans()
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_whatever_the_rows_each_is_one_person_or_a_duplicate_or_a_reject(
    desk: Desk, rows: list[tuple[str, str]], duplicates: str, has_identity: bool
) -> None:
    targets = PHONE | {"customer_no": FieldType.TEXT, "end": FieldType.TEXT}
    lines = [f"{phone}\t{name}\tx" for phone, name in rows]
    staged = desk.stage(targets, *lines, duplicates=duplicates, identity="customer_no" if has_identity else None)
    assert staged.person_count + staged.duplicate_count + staged.rejected_count == len(rows)
    people_frame = desk.frame("staged")
    named = people_frame.filter(pl.col("person_key").is_not_null())
    assert named["person_key"].n_unique() == len(named)
    assert people_frame.filter(pl.col("person_key").is_null())["customer_no"].null_count() == 0
