"""REST verbs of `ulak backup`: gather what a backup holds, and note that it was written.

The command line writes the file: packing takes a processor for itself.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from engine.clock import utc_now
from engine.operations.backing_up import gather, record_backup
from worker import __version__
from worker.api import Doors, Person

router = APIRouter()


class WrittenBackup(BaseModel):
    """The body of `POST /backups/{backup_id}`."""

    model_config = ConfigDict(extra="forbid")

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="of the whole file")]
    byte_count: Annotated[int, Field(ge=0)]
    with_key: Annotated[bool, Field(description="whether the secret key is in it")]


@router.post("/backups")
def begin_backup(doors: Doors, person: Person) -> dict[str, Any]:
    """Copy the store into a folder of the home, with links to its files: `ulak backup` packs them."""
    found = gather(doors.warehouse(), doors.settings, who=person, now=utc_now())
    facts = {**found.facts, "version": __version__}
    return {"backup_id": found.backup_id, "facts": facts, "still_seconds": found.still_seconds}


@router.post("/backups/{backup_id}")
def end_backup(doors: Doors, person: Person, backup_id: str, body: WrittenBackup) -> dict[str, Any]:
    """Note in the audit that a backup was written to a file."""
    record_backup(
        doors.warehouse(),
        backup_id,
        who=person,
        now=utc_now(),
        sha256=body.sha256,
        byte_count=body.byte_count,
        with_key=body.with_key,
    )
    return {"backup_id": backup_id}
