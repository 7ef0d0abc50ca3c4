"""The file of a backup: a tar, whole or packed by zstd or gzip, written and read as a stream.

First comes `manifest.json`: who, when, what, and each member's size and SHA-256; then a line with its own hash; then
the members in its order. So a reader knows before the first member whether it can use the file, and notices any
damage, a cut or a stranger among the members by name.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from engine.errors import InputError, StoreError
from engine.warehouse.renewal import make_durable

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
ENDINGS = {".tar": "", ".tar.gz": "gzip", ".tgz": "gzip", ".tar.zst": "zstd"}
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_LARGEST_MANIFEST = 256 << 20
_BLOCK = 1 << 20
_NAME = re.compile(
    r"ulak\.duckdb|secret\.key|media/[A-Za-z0-9][\w.-]*|(operations|imports)/[A-Za-z0-9][\w-]*/[A-Za-z0-9][\w.-]*"
)
_UNREADABLE = (OSError, EOFError, zlib.error, pa.ArrowException, tarfile.TarError, UnicodeError)


class DamagedBackup(InputError):
    """The backup can't be restored: {member} {reason}"""


@dataclass(frozen=True)
class Written:
    """A backup on the disk; `sha256` is the whole file's."""

    path: Path
    byte_count: int
    sha256: str
    member_count: int


def packing_of(path: Path) -> str:
    """How a file of that name is packed: `zstd`, `gzip`, or not at all.

    Raises:
        InputError: its ending says nothing of it.
    """
    for ending, packing in ENDINGS.items():
        if path.name.lower().endswith(ending):
            return packing
    raise InputError(reason="the file of a backup must end in .tar.zst, .tar.gz or .tar")


def write_archive(members: Mapping[str, Path], facts: Mapping[str, Any], target: Path) -> Written:
    """Write a backup under a temporary name, for its owner's eyes alone, and give it its name when it is durable.

    Args:
        members: the file behind each name; their bytes don't change meanwhile.
        facts: JSON-ready, goes into the manifest.

    Raises:
        InputError: the target is there already, or its ending is unknown.
        StoreError: there is no room, or a file changed.
    """
    packing = packing_of(target)
    if target.exists():
        raise InputError(reason=f"{target} is there already; a backup replaces no file")
    part = target.with_name(target.name + ".part")
    try:
        written = _write(members, facts, packing, part, target)
        _name(part, target)
        make_durable(target.parent)
    except FileExistsError:
        raise InputError(reason=f"{target} is there already; a backup replaces no file") from None
    except OSError as problem:
        cause = problem.strerror or type(problem).__name__
        raise StoreError(reason=f"the backup can't be written ({cause})") from None
    finally:
        part.unlink(missing_ok=True)
    return written


def _write(members: Mapping[str, Path], facts: Mapping[str, Any], packing: str, part: Path, target: Path) -> Written:
    sizes = ((name, path, path.stat().st_size) for name, path in members.items())
    listed = [{"name": name, "bytes": size, "sha256": _hash(path)} for name, path, size in sizes]
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        _fill(file, packing, {**facts, "format": FORMAT, "members": listed}, members)
    make_durable(part)
    return Written(target, part.stat().st_size, _hash(part), len(listed))


def _name(part: Path, target: Path) -> None:
    """Give it its name, unless something has it: a link replaces nothing, where the disk knows links."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        part.rename(target)


def _fill(file: IO[bytes], packing: str, manifest: Mapping[str, Any], members: Mapping[str, Path]) -> None:
    text = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
    with _packed(file, packing) as sink, tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, MANIFEST, io.BytesIO(text), len(text))
        seal = hashlib.sha256(text).hexdigest().encode()
        _add(tar, SEAL, io.BytesIO(seal), len(seal))
        for each in manifest["members"]:
            with members[each["name"]].open("rb") as content:
                watched = _Watched(content)
                _add(tar, each["name"], watched, each["bytes"])
            if watched.digest.hexdigest() != each["sha256"]:
                raise StoreError(reason="a file changed while the backup was written; make another one")


def _add(tar: tarfile.TarFile, name: str, content: Any, size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    tar.addfile(member, content)


class _Watched:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block = self._file.read(size)
        self.digest.update(block)
        return block


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[tuple[dict[str, Any], Iterator[tuple[str, Iterable[bytes]]]]]:
    """The manifest of a backup, and its members one after another, each with its blocks.

    A member is to be read to its end before the next one; what is damaged is noticed at the latest then.

    Raises:
        DamagedBackup: names what is damaged, missing or strange.
        InputError: there is no such file.
    """
    try:
        file = path.open("rb")
    except OSError:
        raise InputError(reason=f"{path} can't be opened") from None
    with file, contextlib.ExitStack() as stack:
        try:
            source = stack.enter_context(_unpacked(file))
            tar = stack.enter_context(tarfile.open(fileobj=source, mode="r|"))
            manifest = _read_manifest(tar)
        except _UNREADABLE:
            raise DamagedBackup(member=MANIFEST, reason="can't be read: no backup of Ulak, or damaged") from None
        yield manifest, _members(tar, manifest)


def _read_manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    texts = []
    for name in (MANIFEST, SEAL):
        member = tar.next()
        if member is None or member.name != name or not member.isreg() or member.size > _LARGEST_MANIFEST:
            raise DamagedBackup(member=name, reason="is missing: no backup of Ulak, or damaged")
        texts.append(cast("IO[bytes]", tar.extractfile(member)).read())
    if hashlib.sha256(texts[0]).hexdigest().encode() != texts[1]:
        raise DamagedBackup(member=MANIFEST, reason="is damaged")
    manifest: dict[str, Any] = json.loads(texts[0])
    if manifest["format"] != FORMAT:
        raise DamagedBackup(member=MANIFEST, reason="is of a newer Ulak; install that version or newer")
    for each in manifest["members"]:
        if not _NAME.fullmatch(each["name"]):
            raise DamagedBackup(member=repr(each["name"]), reason="is no file of a backup")
    return manifest


def _members(tar: tarfile.TarFile, manifest: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[bytes]]]:
    for expected in manifest["members"]:
        name = str(expected["name"])
        try:
            member = tar.next()
        except _UNREADABLE:
            raise DamagedBackup(member=name, reason="can't be read; the file is damaged or cut") from None
        if member is None or (member.name, member.size) != (name, expected["bytes"]) or not member.isreg():
            raise DamagedBackup(member=name, reason="is not where it should be; the file is damaged or cut")
        yield name, _blocks(cast("IO[bytes]", tar.extractfile(member)), name, str(expected["sha256"]))
    with contextlib.suppress(*_UNREADABLE):
        if (stranger := tar.next()) is not None:
            raise DamagedBackup(member=repr(stranger.name), reason="is not in the manifest")


def _blocks(content: IO[bytes], name: str, sha256: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    try:
        while block := content.read(_BLOCK):
            digest.update(block)
            yield block
    except _UNREADABLE:
        raise DamagedBackup(member=name, reason="can't be read; the file is damaged or cut") from None
    if digest.hexdigest() != sha256:
        raise DamagedBackup(member=name, reason="is damaged: its hash is not that of the manifest")


@contextlib.contextmanager
def _packed(file: IO[bytes], packing: str) -> Iterator[IO[bytes]]:
    if packing == "gzip":
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6) as sink:
            yield cast("IO[bytes]", sink)
    elif packing == "zstd":
        with pa.CompressedOutputStream(file, "zstd") as sink:
            yield sink
    else:
        yield file


@contextlib.contextmanager
def _unpacked(file: IO[bytes]) -> Iterator[IO[bytes]]:
    head = file.read(4)
    file.seek(0)
    packing = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")
    if packing == "gzip":
        with gzip.GzipFile(fileobj=file, mode="rb") as source:
            yield cast("IO[bytes]", source)
    elif packing == "zstd":
        with pa.CompressedInputStream(file, "zstd") as source:
            yield source
    else:
        yield file


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
