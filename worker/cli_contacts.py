"""The verbs `ulak contacts …`: they go through the REST API."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from worker.cli_verbs import AsOption, JsonOption, Row, client_as, show
from worker.client import ApiRefused, Client

contacts = typer.Typer(no_args_is_help=True, help="Import, look at and count contacts.")

LOOK_SECONDS = 0.3
BUSY = frozenset({"reading", "planning", "merging"})


@contacts.command("import")
def import_contacts(
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, help="CSV, TSV, XLSX, Parquet, or one of them as .gz or .zip."),
    ],
    map_: Annotated[
        str, typer.Option("--map", help="Where columns go: a JSON file, or a saved mapping's name.")
    ] = "",
    region: Annotated[str, typer.Option(help="Region of numbers without a country code.")] = "",
    policy: Annotated[
        list[str], typer.Option(help="FIELD=overwrite|fill|keep, of a list add|replace|remove; may be repeated.")
    ] = [],  # noqa: B006
    identity: Annotated[str, typer.Option(help="A field that names a person beside phone and user id.")] = "",
    duplicates: Annotated[str, typer.Option(help="first or last: which row of a person counts.")] = "",
    list_name: Annotated[
        str, typer.Option("--list", help="Put everybody into this list; made if there is none.")
    ] = "",
    part: Annotated[str, typer.Option("--sheet", "--part", help="Sheet of a workbook, file in a zip.")] = "",
    encoding: Annotated[str, typer.Option(help="utf-8, utf-16-le, cp1254, …; found out if not given.")] = "",
    delimiter: Annotated[str, typer.Option(help="comma, semicolon, tab or bar; found out if not given.")] = "",
    header: Annotated[str, typer.Option(help="yes or no: whether the first row names the columns.")] = "",
    opt_in_again: Annotated[
        str, typer.Option(help="“opt in again”: opt-ins count for people who opted out too.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Import contacts from files; columns are recognised by their headers unless --map says where they go."""
    form: dict[str, Any] = {
        "mapping": _mapping_of(map_),
        "region": region,
        "policy": policy,
        "identity": identity,
        "duplicates": duplicates,
        "list": list_name,
        "part": part,
        "encoding": encoding,
        "delimiter": delimiter,
        "header": header,
        "opt_in_again": opt_in_again,
        "dry_run": str(dry_run).lower(),
    }
    client = client_as(person)
    show([_import(client, path, form, dry_run=dry_run) for path in files], as_json, _import_line)


def _mapping_of(text: str) -> str:
    """The JSON of a mapping file, or the name of a saved one."""
    path = Path(text)
    if not text or not (path.suffix == ".json" or path.is_file()):
        return text
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as problem:
        raise typer.BadParameter(f"the file {text} can't be read ({type(problem).__name__})") from problem


def _import(client: Client, path: Path, form: dict[str, Any], *, dry_run: bool) -> Row:
    """One file. With web running it is followed with a bar; without, it is done in this process."""
    with path.open("rb") as file:
        row: Row = client.call(
            "POST",
            "/contacts/imports",
            files={"file": (path.name, file, "application/octet-stream")},
            data=form,
            params={} if client.web_runs() else {"wait": "true"},
        )
    row = _follow(client, row)
    if row["state"] in ("failed", "cancelled"):
        text = row["error"]["message"] if row.get("error") else "the import was given up; nothing was imported"
        raise ApiRefused(text=f"{path.name}: {text}", status=422, kind="failed")
    if dry_run:
        client.call("DELETE", f"/contacts/imports/{row['import_id']}")
        row |= {"import_id": None}
    return row


def _follow(client: Client, row: Row) -> Row:
    """Look until it is over, with a bar on a terminal. Interrupted, the import is given up if it still can be."""
    try:
        while row["state"] in BUSY:
            _draw(row)
            time.sleep(LOOK_SECONDS)
            row = client.call("GET", f"/contacts/imports/{row['import_id']}")
    except KeyboardInterrupt:
        client.call("DELETE", f"/contacts/imports/{row['import_id']}")
        raise ApiRefused(text="given up; nothing was imported", status=409, kind="cancelled") from None
    finally:
        if sys.stderr.isatty():
            typer.echo("\r\033[K", nl=False, err=True)
    return row


def _draw(row: Row) -> None:
    if not sys.stderr.isatty():
        return
    done = round(row["progress"] * 30)
    what = "waiting for another import" if row["waiting"] else f"{row['state']} {row['step']}"
    typer.echo(f"\r\033[K{'█' * done}{'░' * (30 - done)} {row['progress']:4.0%} {what}", nl=False, err=True)


def _import_line(row: Row) -> str:
    if "rows" not in row:
        return f"{row['import_id']}  {row['file_name']}: {row['state']}"
    tail = f"; rejected rows: {row['rejects_file']}" if row.get("rejects_file") else ""
    head = f"{row['import_id']}  " if row.get("import_id") else "dry run: "
    return (
        f"{head}{row['file_name']}: {row['rows']} rows: {row['new']} new, {row['updated']} updated, "
        f"{row['unchanged']} unchanged, {row['duplicates']} duplicates, {row['rejected']} rejected{tail}"
    )


@contacts.command("imports")
def list_imports(
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 50, as_json: JsonOption = False
) -> None:
    """List the imports: those under way, then those that were carried out, the newest first."""
    rows = client_as("").call("GET", "/contacts/imports", params={"limit": limit})
    show(rows, as_json, lambda row: f"{row['state']:<9} {_import_line(row)}")


@contacts.command("undo")
def undo_import(
    import_id: Annotated[str, typer.Argument(help="As `ulak contacts imports` lists it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")] = False,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Undo an import; contacts that something happened to since stay as they are."""
    answer = client_as(person).call(
        "POST", f"/contacts/imports/{import_id}/undo", params={"dry_run": str(dry_run).lower()}
    )
    show(answer, as_json, _undo_line)


def _undo_line(row: Row) -> str:
    return f"{row['deleted']} deleted, {row['restored']} restored, {row['kept']} kept as they are"


@contacts.command("cancel")
def cancel_import(import_id: str, person: AsOption = "", as_json: JsonOption = False) -> None:
    """Give up an import that is not written yet."""
    answer = client_as(person).call("DELETE", f"/contacts/imports/{import_id}")
    show(answer, as_json, lambda row: f"{row['import_id']}  {row['file_name']}: {row['state']}")


@contacts.command("count")
def count_contacts(as_json: JsonOption = False) -> None:
    """Count the contacts."""
    show(client_as("").call("GET", "/contacts/count"), as_json, lambda row: str(row["count"]))
