"""Runs the reading of a big file in a process of its own, so that the pages go on meanwhile (one process, one GIL).

`python -m engine.contacts.child` takes one JSON request on stdin and writes JSON lines: progress, at last the answer
or the error. Small files are read in place: starting a process takes longer than reading them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from engine import errors
from engine.contacts.people import StageRequest
from engine.contacts.source import ReadOptions, SourceFile, read_source
from engine.contacts.staging import Staged, stage
from engine.errors import UlakError, UnreadableFile
from engine.words import N_

SMALL_BYTES = 4 << 20
_PACKED_TIMES = 8
Progress = Callable[[str, float], None]
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


def _ask(request: dict[str, Any], on_progress: Progress) -> Any:
    root = str(Path(errors.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    child = subprocess.Popen(
        [sys.executable, "-m", "engine.contacts.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps(request))
            child.stdin.close()
            return _listen(child.stdout, on_progress)
        except BaseException:
            child.kill()
            raise


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
    """Answer one request."""
    request = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer, default=str), file=answers, flush=True)

    def tell(step: str, share: float) -> None:
        say({"step": step, "share": share})

    try:
        answer: SourceFile | Staged
        if request["do"] == "read":
            given = request["with"]
            path, folder = Path(given["path"]), Path(given["folder"])
            options = ReadOptions.model_validate(given["options"])
            answer = read_source(
                path, folder, given["import_id"], file_name=given["file_name"], options=options, on_progress=tell
            )
        else:
            answer = stage(StageRequest.model_validate(request["with"]), tell)
    except UlakError as problem:
        say({"error": type(problem).__name__, "fields": problem.fields})
    else:
        say({"answer": answer.model_dump(mode="json")})


if __name__ == "__main__":
    main()
