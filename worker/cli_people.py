"""The verbs `ulak contacts show` and `ulak contacts export-person`: they go through the REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from worker.cli_contacts import contacts
from worker.cli_verbs import AsOption, JsonOption, Row, client_as, show
from worker.client import Client

ContactArgument = Annotated[str, typer.Argument(help="A contact's id, or a phone number.")]


@contacts.command("show")
def show_contact(contact: ContactArgument, as_json: JsonOption = False) -> None:
    """Show all that is known of one contact."""
    client = client_as("")
    show(client.call("GET", f"/contacts/{_id_of(client, contact)}"), as_json, _contact_lines)


@contacts.command("export-person")
def export_person(
    contact: ContactArgument,
    file: Annotated[Path, typer.Argument(help="The zip to write.", dir_okay=False)],
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write all that is held about one person to a zip: a page to read and JSON (a KVKK/GDPR access request)."""
    if file.exists():
        raise typer.BadParameter(f"the file {file} is there already")
    client = client_as(person)
    contact_id = _id_of(client, contact)
    client.download("GET", f"/contacts/{contact_id}/export", file)
    row = {"contact_id": contact_id, "file": str(file), "bytes": file.stat().st_size}
    show(row, as_json, lambda each: f"contact {each['contact_id']}: {each['file']} ({each['bytes']} bytes)")


def _id_of(client: Client, text: str) -> int:
    found: Row = client.call("POST", "/contacts/find", json={"contact": text})
    return int(found["contact_id"])


def _contact_lines(row: Row) -> str:
    lines = [f"contact {row['contact']['contact_id']}"]
    lines += [f"  {row['field_labels'][name]}: {_text(value)}" for name, value in row["fields"].items() if value]
    lines += [
        f"  suppressed: {each['scope']} ({each['reason']})" for each in row["suppressions"] if not each["lifted_at"]
    ]
    if row["lists"]:
        lines.append(f"  lists: {', '.join(each['name'] for each in row['lists'])}")
    for each in row["messages"]:
        code = f" ({each['code']} {each['code_meaning']})" if each["code"] else ""
        lines.append(
            f"  {each['launched_at']}  {each['operation_name'] or each['template_name']}: {each['state']}{code}"
        )
    return "\n".join(lines)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
