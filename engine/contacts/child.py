"""Runs the reading of a big file in a process of its own, so that the pages go on meanwhile (one process, one GIL).

`python -m engine.contacts.child` takes JSON requests on stdin, one a line, and writes JSON lines: progress, at last
the answer or the error. Small files are read in place: starting a process takes longer than reading them. The process
that has read a file waits a while for its staging, and ends with its input.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from engine import errors
from engine.contacts.cells import BY_WORDS
from engine.contacts.people import StageRequest
from engine.contacts.source import ReadOptions, SourceFile, read_source
from engine.contacts.staging import Staged, stage
from engine.contacts.vocabulary import words_of
from engine.errors import UlakError, UnreadableFile
from engine.words import N_

SMALL_BYTES = 4 << 20
_PACKED_TIMES = 8
Progress = Callable[[str, float], None]
WAITS_SECONDS = 120.0  # a process that has read a file stays as long, for it has its libraries in memory
_MARGIN_SECONDS = 10.0
_NICE = 10  # a person who waits for a page goes first
_waiting: list[tuple[subprocess.Popen[str], float]] = []  # at most one, and since when
_lock = threading.Lock()
_DIED = N_("the process that reads it ended unexpectedly; it may be too big for this machine's memory")


def read_source_apart(
    path: Path, folder: Path, import_id: str, file_name: str, options: ReadOptions, on_progress: Progress
) -> SourceFile:
    """`read_source`, in a process of its own if the file is big."""
    if _unpacked_bytes(path) <= SMALL_BYTES:
        return read_source(path, folder, import_id, file_name=file_name, options=options, on_progress=on_progress)
    asked: dict[str, Any] = {"path": str(path), "folder": str(folder), "import_id": import_id, "file_name": file_name}
    asked |= {"options": options.model_dump()}
    return SourceFile.model_validate(_ask({"do": "read", "with": asked}, on_progress))


def _unpacked_bytes(path: Path) -> int:
    """About how much a file holds: what came compressed holds several times its size."""
    with path.open("rb") as file:
        is_packed = file.read(4).startswith((b"PK", b"\x1f\x8b", b"PAR1"))
    return path.stat().st_size * (_PACKED_TIMES if is_packed else 1)


def stage_apart(request: StageRequest, byte_count: int, on_progress: Progress) -> Staged:
    """`stage`, in a process of its own if the file is big."""
    if max(byte_count, (request.folder / "table.csv").stat().st_size) <= SMALL_BYTES:
        return stage(request, on_progress)
    return Staged.model_validate(_ask({"do": "stage", "with": request.model_dump(mode="json")}, on_progress))


def prepare() -> None:
    """Start the process that will read the next big file, so that it has its libraries when the file is there.

    For whoever knows that one may come, such as a page that asks for it; does nothing while one waits.
    """
    with _lock:
        if any(child.poll() is None and _is_fresh(since) for child, since in _waiting):
            return
    with contextlib.suppress(OSError):  # without it, the file's own reading says what is wrong
        child = _start()
        child.stdin.write(json.dumps({"do": "prepare"}) + "\n")  # type: ignore[union-attr]
        child.stdin.flush()  # type: ignore[union-attr]
        _keep_waiting(child)


def _is_fresh(since: float) -> bool:
    return time.monotonic() - since < WAITS_SECONDS - _MARGIN_SECONDS


def _ask(request: dict[str, Any], on_progress: Progress) -> Any:
    """Ask the process that waits, else a new one; after a reading it waits for the staging that mostly follows."""
    child = _take_waiting() or _start()
    try:
        child.stdin.write(json.dumps(request) + "\n")  # type: ignore[union-attr]
        child.stdin.flush()  # type: ignore[union-attr]
        answer = _listen(child.stdout, on_progress)  # type: ignore[arg-type]
    except BaseException:
        child.kill()
        _end(child)
        raise
    if request["do"] == "read":
        _keep_waiting(child)
    else:  # what it held is given back meanwhile
        threading.Thread(target=_end, args=(child,), daemon=True).start()
    return answer


def _start() -> subprocess.Popen[str]:
    root = str(Path(errors.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    return subprocess.Popen(
        [sys.executable, "-m", "engine.contacts.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    )


def _end(child: subprocess.Popen[str]) -> None:
    with child:  # closes its input, whereupon it ends
        pass


def _take_waiting() -> subprocess.Popen[str] | None:
    with _lock:
        while _waiting:
            child, since = _waiting.pop()
            if child.poll() is None and _is_fresh(since):
                return child
            _end(child)
    return None


def _keep_waiting(child: subprocess.Popen[str]) -> None:
    with _lock:
        others = [other for other, _ in _waiting]
        _waiting[:] = [(child, time.monotonic())]
    for other in others:
        _end(other)


def end_waiting() -> None:
    """End the process that waits for more, if there is one."""
    with _lock:
        children = [child for child, _ in _waiting]
        _waiting.clear()
    for child in children:
        _end(child)


atexit.register(end_waiting)


def _listen(answers: IO[str], on_progress: Progress) -> Any:
    for line in answers:
        answer = json.loads(line)
        if "step" in answer:
            on_progress(answer["step"], answer["share"])
        elif "error" in answer:
            raise getattr(errors, answer["error"])(**answer["fields"])
        else:
            return answer["answer"]
    raise UnreadableFile(reason=_DIED)


def main() -> None:
    """Answer requests, one a line, until the input ends or none comes for a while."""
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer, default=str), file=answers, flush=True)

    for line in _lines():
        request = json.loads(line)
        try:
            if request["do"] != "prepare":
                answer = _answer(request, lambda step, share: say({"step": step, "share": share}))
                say({"answer": answer.model_dump(mode="json")})
        except UlakError as problem:
            say({"error": type(problem).__name__, "fields": problem.fields})
        for kind in BY_WORDS:  # for the staging that will be asked for
            words_of(kind)


def _lines() -> Iterator[bytes]:
    """The lines of the input, until it ends or none comes for a while. Read without Python's buffer, in which a line
    could lie that nobody is told of."""
    held = b""
    while True:
        while b"\n" in held:
            line, held = held.split(b"\n", 1)
            yield line
        if not select.select([0], [], [], WAITS_SECONDS)[0]:
            return
        block = os.read(0, 1 << 16)
        if not block:
            return
        held += block


def _answer(request: dict[str, Any], on_progress: Progress) -> SourceFile | Staged:
    if request["do"] == "stage":
        return stage(StageRequest.model_validate(request["with"]), on_progress)
    given = request["with"]
    path, folder = Path(given["path"]), Path(given["folder"])
    options = ReadOptions.model_validate(given["options"])
    return read_source(
        path, folder, given["import_id"], file_name=given["file_name"], options=options, on_progress=on_progress
    )


if __name__ == "__main__":
    main()
