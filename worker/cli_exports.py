"""The verb `ulak contacts export`: an audience as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from worker.cli_contacts import contacts
from worker.cli_verbs import AsOption, JsonOption, client_as, segment_of, show

ENDINGS = {".csv": "csv", ".xlsx": "xlsx", ".parquet": "parquet"}
SegmentOption = Annotated[str, typer.Option(help="A saved segment's name, or a file with its JSON.")]
ListOption = Annotated[str, typer.Option("--list", help="A list's name.")]


def audience_body(segment: str, list_name: str, everyone: bool) -> dict[str, Any]:
    """The part of a request that says whom; segment and list intersect."""
    if not (segment or list_name or everyone):
        raise typer.BadParameter("say whom: --segment, --list or --everyone")
    body: dict[str, Any] = {"list": list_name, "everyone": everyone}
    return body | (segment_of(segment) if segment else {})


@contacts.command("export")
def export_contacts(
    file: Annotated[
        Path, typer.Argument(dir_okay=False, help="The file: its ending .csv, .xlsx or .parquet says how.")
    ],
    segment: SegmentOption = "",
    list_name: ListOption = "",
    everyone: Annotated[bool, typer.Option("--everyone", help="Every contact.")] = False,
    columns: Annotated[str, typer.Option(help="Field names with commas between; also contact_id and user_id.")] = "",
    delimiter: Annotated[str, typer.Option(help="Of a CSV: comma, semicolon or tab.")] = "semicolon",
    bom: Annotated[bool, typer.Option("--bom/--no-bom", help="A CSV begins with the mark that Excel wants.")] = True,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write contacts to a file; a text that a spreadsheet would run as a formula gets an apostrophe in front."""
    marks = {"comma": ",", "semicolon": ";", "tab": "\t"}
    if file.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"{file.name} must end in .csv, .xlsx or .parquet")
    if delimiter not in marks:
        raise typer.BadParameter("the delimiter is comma, semicolon or tab")
    body = audience_body(segment, list_name, everyone) | {
        "columns": [name.strip() for name in columns.split(",") if name.strip()],
        "format": ENDINGS[file.suffix.lower()],
        "delimiter": marks[delimiter],
        "bom": bom,
    }
    headers = client_as(person).download("POST", "/contacts/export", file, json=body)
    row = {"file": str(file), "count": int(headers.get("X-Ulak-Count", 0)), "bytes": file.stat().st_size}
    show(row, as_json, lambda r: f"{r['file']}: {r['count']} contacts")
