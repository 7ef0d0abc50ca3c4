"""The verbs `ulak lists …`: they go through the REST API."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from worker.cli_exports import ListOption, SegmentOption, audience_body
from worker.cli_verbs import AsOption, JsonOption, Row, client_as, show

lists = typer.Typer(no_args_is_help=True, help="Fixed lists of contacts: make, fill, rename, archive.")
Name = Annotated[str, typer.Argument(help="The list's name or id.")]
EveryoneOption = Annotated[bool, typer.Option("--everyone", help="Every contact.")]


@lists.command("list")
def list_lists(
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the lists with their sizes."""
    show(client_as("").call("GET", "/lists", params={"archived": archived}), as_json, _line)


@lists.command("create")
def create_list(
    name: Annotated[str, typer.Argument(help="The new list's name.")],
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    segment: SegmentOption = "",
    from_list: ListOption = "",
    everyone: EveryoneOption = False,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Make a list: empty, or filled with a segment, another list or everyone."""
    client = client_as(person)
    body = audience_body(segment, from_list, everyone) if segment or from_list or everyone else None
    row = client.call("POST", "/lists", json={"name": name, "description": description})
    if body is not None:
        row = client.call("POST", f"/lists/{row['list_id']}/add", json=body)
    show(row, as_json, _line)


@lists.command("add")
def add(
    name: Name,
    segment: SegmentOption = "",
    from_list: ListOption = "",
    everyone: EveryoneOption = False,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put a segment, another list or everyone into a list, as they are now."""
    body = audience_body(segment, from_list, everyone)
    row = client_as(person).call("POST", f"/lists/{quote(name, safe='')}/add", json=body)
    show(row, as_json, lambda r: f"{r['name']}: {r['added']} added, {r['count']} in it")


@lists.command("remove")
def remove(
    name: Name,
    segment: SegmentOption = "",
    from_list: ListOption = "",
    everyone: EveryoneOption = False,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a segment, another list's members or everyone out of a list."""
    body = audience_body(segment, from_list, everyone)
    row = client_as(person).call("POST", f"/lists/{quote(name, safe='')}/remove", json=body)
    show(row, as_json, lambda r: f"{r['name']}: {r['removed']} taken out, {r['count']} in it")


@lists.command("rename")
def rename(
    name: Name,
    new_name: Annotated[str, typer.Argument(help="Its new name.")],
    description: Annotated[str | None, typer.Option(help="What it is for; stays if not given.")] = None,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Rename (and describe) a list."""
    body = {"name": new_name, "description": description}
    show(client_as(person).call("PATCH", f"/lists/{quote(name, safe='')}", json=body), as_json, _line)


@lists.command("archive")
def archive(name: Name, person: AsOption = "", as_json: JsonOption = False) -> None:
    """Take a list off the choices; what uses it still reads it."""
    row = client_as(person).call("POST", f"/lists/{quote(name, safe='')}/archive")
    show(row, as_json, lambda r: f"{r['list_id']}: archived")


@lists.command("restore")
def restore(
    list_id: Annotated[str, typer.Argument(help="The list's id, as `ulak lists list --archived --json` says.")],
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Bring an archived list back."""
    show(client_as(person).call("POST", f"/lists/{quote(list_id, safe='')}/restore"), as_json, _line)


def _line(row: Row) -> str:
    words = f"  {row['description']}" if row.get("description") else ""
    return f"{row['name']}  {row['count']}{words}"
