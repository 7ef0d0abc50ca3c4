"""The verbs `ulak suppressions …`: they go through the REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli_verbs import AsOption, JsonOption, Row, client_as, show

suppressions = typer.Typer(no_args_is_help=True, help="Who gets no messages: list, add, lift, import, export.")
Who = Annotated[str, typer.Argument(help="A phone number or a user id; it needn't be a contact's.")]
ScopeOption = Annotated[str, typer.Option(help="marketing, or all: everything.")]
ReasonOption = Annotated[str, typer.Option(help="asked, complaint, wrong_person, legal, manual or import.")]
RegionOption = Annotated[str, typer.Option(help="Region of numbers without a country code.")]


@suppressions.command("list")
def list_suppressions(
    search: Annotated[str, typer.Option(help="A name, part of a contact's number, anybody's whole number.")] = "",
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List who is suppressed."""
    found = client_as("").call("GET", "/suppressions", params={"search": search, "limit": limit})
    if as_json:
        show(found, True, str)
        return
    show(found["rows"], False, _line)
    typer.echo(f"{found['people']} people, {found['entries']} entries")


@suppressions.command("add")
def add(
    who: Who,
    scope: ScopeOption = "marketing",
    reason: ReasonOption = "manual",
    region: RegionOption = "",
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Keep messages from somebody from now on, also what is queued."""
    body = {"who": who, "scope": scope, "reason": reason, "region": region}
    row = client_as(person).call("POST", "/suppressions", json=body)
    show(row, as_json, lambda r: "suppressed" if r["new"] else "was suppressed already")


@suppressions.command("lift")
def lift(who: Who, region: RegionOption = "", person: AsOption = "", as_json: JsonOption = False) -> None:
    """Let messages reach somebody again."""
    row = client_as(person).call("POST", "/suppressions/lift", json={"who": who, "region": region})
    show(row, as_json, lambda r: f"{r['lifted']} lifted")


@suppressions.command("import")
def import_suppressions(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV, or a number or user id a line.")],
    scope: ScopeOption = "marketing",
    reason: ReasonOption = "import",
    region: RegionOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Suppress everybody in a file; lines that can't be used are told with their reasons."""
    form = {"scope": scope, "reason": reason, "region": region, "dry_run": str(dry_run).lower()}
    with file.open("rb") as handle:
        upload = {"file": (file.name, handle, "text/csv")}
        row = client_as(person).call("POST", "/suppressions/import", files=upload, data=form)
    show(row, as_json, _import_line)


@suppressions.command("export")
def export(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The CSV to write.")],
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write the whole list to a CSV."""
    client_as(person).download("GET", "/suppressions/export", file)
    show({"file": str(file), "bytes": file.stat().st_size}, as_json, lambda row: str(row["file"]))


def _line(row: Row) -> str:
    who = row["phone"] or row["user_id"] or row["person"]
    name = f"  {row['name']}" if row["name"] else ""
    waiting = "" if row["in_force"] else "  (waits for Redis)"
    return f"{who}{name}  {row['scope']}  {row['reason']}  {row['since'][:10]}  {row['by_whom']}{waiting}"


def _import_line(row: Row) -> str:
    rejected = "".join(f"\nline {each['line']}: {each['reason']}" for each in row["rejected"][:20])
    return (
        f"{row['lines']} lines: {row['people']} people ({row['new']} new, {row['contacts']} contacts), "
        f"{row['duplicates']} duplicates, {len(row['rejected'])} rejected{rejected}"
    )
