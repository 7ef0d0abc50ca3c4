"""The verbs `ulak segments …`: they go through the REST API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from worker.cli_verbs import AsOption, JsonOption, Row, client_as, json_of, segment_of, show

segments = typer.Typer(no_args_is_help=True, help="Saved segments: list, count, describe, show, save.")
Name = Annotated[str, typer.Argument(help="The segment's name or id.")]
NameOrFile = Annotated[str, typer.Argument(help="A saved segment's name, or a file with its JSON.")]


@segments.command("list")
def list_segments(
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the saved segments with the size that was counted last."""
    show(client_as("").call("GET", "/segments", params={"archived": archived}), as_json, _line)


@segments.command("count")
def count_segment(name: NameOrFile, as_json: JsonOption = False) -> None:
    """Count the contacts of a segment."""
    answer = client_as("").call("POST", "/segments/count", json=segment_of(name))
    show(answer, as_json, lambda row: str(row["count"]))


@segments.command("describe")
def describe_segment(name: NameOrFile, as_json: JsonOption = False) -> None:
    """Say a segment as one sentence."""
    answer = client_as("").call("POST", "/segments/describe", json=segment_of(name))
    show(answer, as_json, lambda row: row["sentence"] or "it names something that is no more")


@segments.command("show")
def show_segment(name: Name, as_json: JsonOption = False) -> None:
    """Print a segment's JSON; `ulak segments save` and `ulak send --segment` take it as a file."""
    row = client_as("").call("GET", f"/segments/{quote(name, safe='')}")
    show(row, as_json, lambda row: json.dumps(row["definition"], ensure_ascii=False, indent=2))


@segments.command("save")
def save_segment(
    file: Annotated[str, typer.Argument(help="A file with a segment's JSON, as `show` prints it; - is the input.")],
    name: Annotated[str, typer.Option(help="Its name; needed if the file doesn't say one.")] = "",
    description: Annotated[str | None, typer.Option(help="What it is for; stays if not given.")] = None,
    over: Annotated[bool, typer.Option("--over", help="Save also over what somebody changed meanwhile.")] = False,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Keep a segment under a name: a new one, or the next version. Doing it twice changes nothing."""
    given = json_of(None if file == "-" else Path(file))
    wrapped = given if "definition" in given else {"definition": given}
    title = name or str(wrapped.get("name") or "")
    if not title:
        raise typer.BadParameter("say its name: --name NAME")
    words = wrapped.get("description") if description is None else description
    body = {"name": title, "definition": wrapped["definition"], "description": words}
    if not over and title == wrapped.get("name"):
        body["edition"] = str(wrapped.get("edition") or "")
    show(client_as(person).call("POST", "/segments", json=body), as_json, _saved_line)


@segments.command("versions")
def list_versions(name: Name, as_json: JsonOption = False) -> None:
    """List what a segment was, the newest first."""
    rows = client_as("").call("GET", f"/segments/{quote(name, safe='')}/versions")
    show(rows, as_json, lambda r: f"{r['version']}  {r['at'][:16]}  {r['by']}  {r['name']}  {r['sentence'] or '–'}")


def _line(row: Row) -> str:
    size = "?" if row["size"] is None else row["size"]
    return f"{row['name']}  {size}  {row['sentence'] or 'it names something that is no more'}"


def _saved_line(row: Row) -> str:
    what = "made" if row["created"] else "changed" if row["changed"] else "as it was"
    return f"{row['name']}: {what}, version {row['version']}"
