"""The store's file is written anew while nobody uses it: who is under way ends first, who comes waits."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.errors import StateError, StoreError
from engine.warehouse import Warehouse, open_scratch, open_warehouse
from engine.warehouse.renewal import write_anew

SECRET = "+905321117788"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ulak.duckdb"


def fill(warehouse: Warehouse) -> None:
    with warehouse.writing() as cursor:
        cursor.execute("INSERT INTO people SELECT ? || range, NULL, now()::TIMESTAMP FROM range(2000)", [SECRET])
    with warehouse.exclusive() as cursor:
        cursor.execute("CHECKPOINT")
    with warehouse.writing() as cursor:
        cursor.execute("DELETE FROM people")
        cursor.execute("INSERT INTO people VALUES ('Elif', NULL, now()::TIMESTAMP)")


def bytes_of(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*") if each.is_file())


def names(warehouse: Warehouse) -> list[str]:
    return [row[0] for row in warehouse.cursor().execute("SELECT name FROM people").fetchall()]


def test_what_was_deleted_is_in_the_file_until_it_is_written_anew(path: Path) -> None:
    warehouse = open_warehouse(path)
    fill(warehouse)
    with warehouse.exclusive() as cursor:
        cursor.execute("CHECKPOINT")
    epoch = warehouse.epoch
    assert b"5321117788" in bytes_of(path)
    warehouse.renew_file()
    assert b"5321117788" not in bytes_of(path)
    assert (names(warehouse), warehouse.epoch) == (["Elif"], epoch)
    with warehouse.writing() as cursor:
        cursor.execute("INSERT INTO people VALUES ('Can', NULL, now()::TIMESTAMP)")
    warehouse.close()
    again = open_warehouse(path)
    assert names(again) == ["Elif", "Can"]
    again.close()


def test_it_waits_for_who_is_under_way_and_lets_them_come_to_their_end(path: Path) -> None:
    warehouse = open_warehouse(path)
    fill(warehouse)
    has_begun, is_waited_for = threading.Event(), threading.Event()
    found: list[object] = []

    def page() -> None:
        cursor = warehouse.cursor()
        has_begun.set()
        is_waited_for.wait(10)
        found.append(warehouse.epoch)  # a second cursor of one who has one: no dead end
        found.append(cursor.execute("SELECT name FROM people").fetchall())

    thread = threading.Thread(target=page)
    thread.start()
    has_begun.wait(10)
    is_waited_for.set()
    warehouse.renew_file()
    thread.join(10)
    assert found[1] == [("Elif",)]
    warehouse.close()


def test_who_comes_meanwhile_finds_the_new_file(path: Path) -> None:
    warehouse = open_warehouse(path)
    fill(warehouse)
    wrong: list[BaseException] = []
    is_over = threading.Event()

    def write_and_read() -> None:
        try:
            while not is_over.is_set():
                with warehouse.writing() as cursor:
                    cursor.execute("INSERT INTO people VALUES ('Can', NULL, now()::TIMESTAMP)")
                done.append(1)
                names(warehouse)
        except BaseException as problem:
            wrong.append(problem)

    done: list[int] = []
    threads = [threading.Thread(target=write_and_read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        warehouse.renew_file()
    is_over.set()
    for thread in threads:
        thread.join(10)
    assert wrong == []
    assert len(names(warehouse)) == 1 + len(done)
    warehouse.close()


def test_somebody_who_holds_a_cursor_for_long_is_not_cut_off(path: Path) -> None:
    warehouse = open_warehouse(path)
    fill(warehouse)
    may_end, has_begun = threading.Event(), threading.Event()
    found: list[object] = []

    def page() -> None:
        cursor = warehouse.cursor()
        has_begun.set()
        may_end.wait(10)
        found.append(cursor.execute("SELECT name FROM people").fetchall())

    thread = threading.Thread(target=page)
    thread.start()
    has_begun.wait(10)
    with pytest.raises(StateError, match="in use"):
        warehouse.renew_file(patience_seconds=0.1)
    may_end.set()
    thread.join(10)
    assert found == [[("Elif",)]]
    warehouse.renew_file()
    warehouse.close()


def test_a_copy_that_was_killed_leaves_the_old_file_and_no_other(path: Path) -> None:
    warehouse = open_warehouse(path)
    fill(warehouse)
    warehouse.close()
    path.with_name("ulak.duckdb.fresh").write_bytes(b"half of it " + SECRET.encode())
    again = open_warehouse(path)
    assert names(again) == ["Elif"]
    assert [each.name for each in path.parent.iterdir() if "fresh" in each.name] == []
    again.close()


def test_a_file_that_was_not_closed_in_order_is_not_exchanged(path: Path) -> None:
    open_warehouse(path).close()
    path.with_name("ulak.duckdb.wal").write_bytes(b"something")
    before = path.read_bytes()
    with pytest.raises(StoreError):
        write_anew(open_scratch(), path)
    assert path.read_bytes() == before


def test_a_store_in_memory_has_no_file(warehouse: Warehouse) -> None:
    warehouse.renew_file()
    assert warehouse.epoch
