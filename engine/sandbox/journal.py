"""The sandbox's memory on disk: one JSON line for each thing that happened, written before it is answered.

A line goes to the operating system with one `write`, so it survives a kill −9 of this process (not a power cut,
which no test here needs). A torn last line is cut off when the file is read back.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec


class Accepted(msgspec.Struct, tag="a", tag_field="k", omit_defaults=True):
    """An accepted message. `person` is digits or a business-scoped id; times in ms; `texts` are the parameters
    that were given as text, in order: the proof that each person got their own."""

    n: int
    at_ms: int
    to: str
    person: str
    message_id: str
    callback: str | None = None
    template: str = ""
    category: str = ""
    press: tuple[str, str] | None = None
    texts: tuple[str, ...] = ()
    fails_with: int = 0
    hold_ms: int = 0
    fault: str = ""
    is_forgotten: bool = False  # `person` was erased: nothing more becomes of it


class Refused(msgspec.Struct, tag="r", tag_field="k", omit_defaults=True):
    """A POST for a person that was not accepted; code 0 is a fault without a word."""

    at_ms: int
    person: str
    code: int = 0
    fault: str = ""


class Happening(msgspec.Struct, tag="x", tag_field="k", omit_defaults=True):
    """An update that belongs to no accepted message: a person who writes first, a template's new status."""

    n: int
    at_ms: int
    person: str
    field: str
    value: dict[str, Any]
    is_forgotten: bool = False


class Acknowledged(msgspec.Struct, tag="w", tag_field="k"):
    """Updates that the receiver answered 200 to, as (n, item)."""

    items: list[tuple[int, int]]


class Changed(msgspec.Struct, tag="s", tag_field="k"):
    """A setting that was put: people, faults, account, callback, seed, template."""

    what: str
    value: Any


Record = Accepted | Refused | Happening | Acknowledged | Changed


class JournalInUse(Exception):
    """A sandbox writes this journal."""


class Journal:
    """The append-only file. `alone`: for one who changes what is written, while no sandbox runs on it."""

    def __init__(self, path: Path, *, alone: bool = False) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = _open(path, alone=alone)
        self._encoder = msgspec.json.Encoder()

    def records(self) -> Iterator[Record]:
        """Everything written so far, oldest first; cuts off a torn last line."""
        decoder = msgspec.json.Decoder(Record)
        whole = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                yield decoder.decode(line)
        os.truncate(self._handle, whole)

    def write(self, record: Record) -> None:
        """Append one record; it is with the operating system when this returns."""
        os.write(self._handle, self._encoder.encode(record) + b"\n")

    def rewrite(self, records: Iterable[Record]) -> None:
        """Let other records take the place of all that is written: a whole new file, or the old one."""
        fresh = self.path.with_name(self.path.name + ".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(self._encoder.encode(record) + b"\n" for record in records)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        former, self._handle = self._handle, _open(self.path)
        os.close(former)

    def clear(self) -> None:
        """Forget everything."""
        os.truncate(self._handle, 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def _open(path: Path, *, alone: bool = False) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise JournalInUse from None
    return handle
