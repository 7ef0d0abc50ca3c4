"""REST verbs: import and count contacts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile

from engine.clock import utc_now
from engine.contacts.fields import load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.importing import begin_import, count_contacts, discard_import, plan_import
from engine.contacts.merging import finish_import
from engine.contacts.options import ImportOptions
from worker.api import Doors, Person

router = APIRouter()


@router.post("/contacts/import")
def import_file(
    doors: Doors,
    person: Person,
    file: Annotated[UploadFile, File(description="a CSV file")],
    region: Annotated[str, Form(description="region of numbers without a country code")] = "",
    dry_run: Annotated[bool, Form(description="say what would happen; write nothing")] = False,
) -> dict[str, Any]:
    """Import contacts from a CSV file; columns are recognised by their headers. Every rejected row has its reason."""
    warehouse, settings, now = doors.warehouse(), doors.settings, utc_now()
    name = Path(file.filename or "contacts.csv").name
    with tempfile.TemporaryDirectory(prefix="ulak-import-") as folder:
        path = Path(folder) / "upload.csv"
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target)
        source = begin_import(settings, path, now=now, file_name=name)
    try:
        chosen_region = region or settings.default_region
        mapping = guess_mapping(source, load_registry(warehouse.cursor()), region=chosen_region)
        plan = plan_import(warehouse, settings, source, mapping, ImportOptions(region=chosen_region), now=now)
    except BaseException:
        discard_import(settings, source.import_id)
        raise
    row = {
        "file_name": name,
        "rows": plan.row_count,
        "new": plan.counts.new_count,
        "updated": plan.counts.updated_count,
        "unchanged": plan.counts.unchanged_count,
        "duplicates": plan.staged.duplicate_count,
        "rejected": plan.staged.rejected_count,
        "mapping": {source.headers[column]: target.target for column, target in mapping},
    }
    if dry_run:
        discard_import(settings, source.import_id)
        return row | {"import_id": None, "rejects_file": None}
    done = finish_import(warehouse, plan, who=person, now=now)
    return row | {
        "import_id": done.import_id,
        "new": done.counts.new_count,
        "updated": done.counts.updated_count,
        "unchanged": done.counts.unchanged_count,
        "rejects_file": str(done.rejects_path) if done.rejects_path else None,
    }


@router.get("/contacts/count")
def count(doors: Doors, person: Person) -> dict[str, int]:
    """How many contacts there are."""
    return {"count": count_contacts(doors.warehouse().cursor())}
