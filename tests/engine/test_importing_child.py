"""The process that reads big files is there when the file comes, once, and it is the one that reads."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.contacts import child
from engine.contacts.source import DETECT


@pytest.fixture(autouse=True)
def nobody_waits() -> Iterator[None]:
    child.end_waiting()
    yield
    child.end_waiting()


def test_the_process_that_was_prepared_reads_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []
    start = child._start

    def noted() -> subprocess.Popen[str]:
        started.append(start())
        return started[-1]

    monkeypatch.setattr(child, "_start", noted)
    child.prepare()
    child.prepare()
    path = tmp_path / "big.csv"
    path.write_text("phone;name\n" + "+905321234567;Işıl\n" * 250_000, "utf-8")
    assert path.stat().st_size > child.SMALL_BYTES
    read = child.read_source_apart(path, tmp_path / "folder", "imp-1", "big.csv", DETECT, lambda step, share: None)
    assert (read.row_count, len(started)) == (250_000, 1)


def test_a_process_that_cannot_be_started_is_no_trouble_for_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> subprocess.Popen[str]:
        raise OSError("no more processes")

    monkeypatch.setattr(child, "_start", refuse)
    child.prepare()
    assert child._take_waiting() is None
