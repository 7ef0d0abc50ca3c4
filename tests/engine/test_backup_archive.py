"""The file of a backup: whatever is damaged, cut, missing or strange in it is named, and nothing is put in place."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import InputError, StateError
from engine.operations.restoring import restore
from engine.settings import Settings
from engine.warehouse.backup_archive import DamagedBackup, open_archive, write_archive
from tests.engine.operations_world import NOW

FACTS = {"made_at": "2026-11-23T09:00:00+00:00", "made_by": "Elif", "counts": {}}
BIG = os.urandom(300_000)
CONTENTS = {"ulak.duckdb": b"store" * 9_000, "media/ab.png": BIG, "operations/op-1/recipients.parquet": b""}


@pytest.fixture
def members(tmp_path: Path) -> dict[str, Path]:
    """Three files to pack."""
    found = {}
    for number, (name, content) in enumerate(CONTENTS.items()):
        found[name] = tmp_path / f"file{number}"
        found[name].write_bytes(content)
    return found


def read(path: Path) -> dict[str, bytes]:
    with open_archive(path) as (_, found):
        return {name: b"".join(blocks) for name, blocks in found}


def as_tar(parts: list[tuple[str, bytes]]) -> bytes:
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w") as tar:
        for name, content in parts:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return kept.getvalue()


def parts_of(packed: bytes) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return [(each.name, tar.extractfile(each).read()) for each in tar]  # type: ignore[union-attr]


def changed_manifest(packed: bytes, change: Callable[[dict[str, object]], None]) -> bytes:
    """Somebody made a manifest of their own, with the right seal."""
    parts = parts_of(packed)
    manifest = json.loads(parts[0][1])
    change(manifest)
    text = json.dumps(manifest).encode()
    seal = hashlib.sha256(text).hexdigest().encode()
    return as_tar([("manifest.json", text), ("manifest.sha256", seal), *parts[2:]])


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz", ".tar.zst", ".TAR.ZST"])
def test_what_was_packed_is_read_again(members: dict[str, Path], tmp_path: Path, ending: str) -> None:
    written = write_archive(members, FACTS, tmp_path / f"b{ending}")
    assert written.sha256 == hashlib.sha256(written.path.read_bytes()).hexdigest()
    assert read(written.path) == CONTENTS
    assert not list(tmp_path.glob("*.part"))


def test_how_it_is_packed_is_seen_in_the_file_not_in_its_name(members: dict[str, Path], tmp_path: Path) -> None:
    path = write_archive(members, FACTS, tmp_path / "b.tar.gz").path.rename(tmp_path / "renamed")
    assert read(path) == CONTENTS


def test_a_file_that_is_there_is_not_replaced(members: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_text("the good one")
    with pytest.raises(InputError):
        write_archive(members, FACTS, tmp_path / "b.tar")
    assert (tmp_path / "b.tar").read_text() == "the good one"


def test_another_ending_is_refused(members: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.tar\.zst"):
        write_archive(members, FACTS, tmp_path / "b.zip")


def _flip(packed: bytes) -> bytes:
    at = packed.index(BIG) + 1_000
    return packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :]


def _without(name: str) -> Callable[[bytes], bytes]:
    return lambda packed: as_tar([part for part in parts_of(packed) if part[0] != name])


def _renamed(name: str) -> Callable[[bytes], bytes]:
    def change(manifest: dict[str, object]) -> None:
        manifest["members"][1]["name"] = name  # type: ignore[index]

    return lambda packed: changed_manifest(packed, change)


DAMAGES = {
    "a byte": (_flip, "media/ab.png"),
    "a cut": (lambda packed: packed[: packed.index(BIG) + 5_000], "media/ab.png"),
    "a cut between two": (lambda packed: packed[: packed.index(BIG) - 512], "media/ab.png"),
    "the manifest": (lambda packed: packed.replace(b'"Elif"', b'"Ayla"'), "manifest.json"),
    "no manifest": (_without("manifest.json"), "manifest.json"),
    "no seal": (_without("manifest.sha256"), "manifest.sha256"),
    "a member less": (_without("media/ab.png"), "media/ab.png"),
    "a member more": (lambda packed: as_tar([*parts_of(packed), ("x", b"y")]), "'x'"),
    "a path out of the home": (_renamed("../../etc/passwd"), "'../../etc/passwd'"),
    "an absolute path": (_renamed("/etc/passwd"), "'/etc/passwd'"),
    "a hidden file": (_renamed("media/.ssh"), "'media/.ssh'"),
    "another thing": (lambda packed: b"Ad;Soyad\n" * 300, "manifest.json"),
    "nothing": (lambda packed: b"", "manifest.json"),
}


@pytest.mark.parametrize(("damage", "named"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_named_and_nothing_is_put_in_place(
    members: dict[str, Path],
    tmp_path: Path,
    settings: Settings,
    damage: Callable[[bytes], bytes],
    named: str,
) -> None:
    path = write_archive(members, FACTS, tmp_path / "b.tar").path
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedBackup) as refused:
        restore(settings, path, who="Elif", now=NOW)
    assert refused.value.member == named
    assert list(settings.home.iterdir()) == []


@pytest.mark.parametrize("ending", [".tar.gz", ".tar.zst"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_packed_file_that_is_cut_anywhere_is_refused(
    members: dict[str, Path], tmp_path: Path, settings: Settings, ending: str, share: float
) -> None:
    path = write_archive(members, FACTS, tmp_path / f"b{ending}").path
    packed = path.read_bytes()
    path.write_bytes(packed[: int(len(packed) * share)])
    with pytest.raises(DamagedBackup):
        restore(settings, path, who="Elif", now=NOW)
    assert list(settings.home.iterdir()) == []


def test_a_link_among_the_members_is_refused(members: dict[str, Path], tmp_path: Path, settings: Settings) -> None:
    path = write_archive({"ulak.duckdb": members["ulak.duckdb"]}, FACTS, tmp_path / "b.tar").path
    kept = parts_of(path.read_bytes())
    with tarfile.open(path, "w") as tar:
        for name, content in kept[:2]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("ulak.duckdb")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(DamagedBackup):
        restore(settings, path, who="Elif", now=NOW)


def test_a_backup_that_holds_no_store_of_ours_is_refused(
    members: dict[str, Path], tmp_path: Path, settings: Settings
) -> None:
    path = write_archive(members, FACTS, tmp_path / "b.tar").path
    with pytest.raises(DamagedBackup, match=r"ulak\.duckdb"):
        restore(settings, path, who="Elif", now=NOW)
    assert list(settings.home.iterdir()) == []


@pytest.mark.parametrize("name", ["ulak.duckdb", "api.token", "redis/appendonlydir"])
def test_a_home_with_anything_in_it_is_refused_by_name(
    members: dict[str, Path], tmp_path: Path, settings: Settings, name: str
) -> None:
    path = write_archive(members, FACTS, tmp_path / "b.tar").path
    (settings.home / name).parent.mkdir(parents=True)
    (settings.home / name).write_text("mine")
    with pytest.raises(StateError, match=name.split("/")[0]):
        restore(settings, path, who="Elif", now=NOW)
    assert (settings.home / name).read_text() == "mine"
