"""The verbs `ulak contacts …`: they go through the REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli_verbs import AsOption, JsonOption, Row, client_as, show

contacts = typer.Typer(no_args_is_help=True, help="Import and count contacts.")


@contacts.command("import")
def import_contacts(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="CSV files.")],
    region: Annotated[str, typer.Option(help="Region of numbers without a country code.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Import contacts from CSV files; columns are recognised by their headers."""
    client = client_as(person)
    results = []
    for path in files:
        with path.open("rb") as file:
            results.append(
                client.call(
                    "POST",
                    "/contacts/import",
                    files={"file": (path.name, file, "text/csv")},
                    data={"region": region, "dry_run": str(dry_run).lower()},
                )
            )
    show(results, as_json, _import_line)


def _import_line(row: Row) -> str:
    tail = f"; rejected rows: {row['rejects_file']}" if row.get("rejects_file") else ""
    return (
        f"{row['file_name']}: {row['rows']} rows: {row['new']} new, {row['updated']} updated, "
        f"{row['unchanged']} unchanged, {row['duplicates']} duplicates, {row['rejected']} rejected{tail}"
    )


@contacts.command("count")
def count_contacts(as_json: JsonOption = False) -> None:
    """Count the contacts."""
    show(client_as("").call("GET", "/contacts/count"), as_json, lambda row: str(row["count"]))
