"""The verbs `ulak contacts erase` and `ulak purge`: they go through the REST API."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli_contacts import contacts
from worker.cli_verbs import AsOption, JsonOption, Row, client_as, show

MEGABYTE = 1_000_000


@contacts.command("erase")
def erase_contact(
    contact: Annotated[str, typer.Argument(help="A contact's id, or a phone number.")],
    reason: Annotated[str, typer.Option(help="Why, for the record; no personal data.")] = "",
    confirm: Annotated[int, typer.Option(help="The contact's id, as a confirmation; else you are asked.")] = 0,
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Erase a person from everything but what keeps messages from them (KVKK/GDPR). It can't be undone."""
    client = client_as(person)
    confirmed = confirm
    if not confirmed:
        found = client.call("POST", "/contacts/erase", json={"contact": contact})
        who = f"contact {found['contact_id']} ({found['name'] or 'without a name'})"
        if not typer.confirm(f"Erase {who} for ever?", err=True):
            raise typer.Exit(1)
        confirmed = found["contact_id"]
    body = {"contact": contact, "confirmed_id": confirmed, "reason": reason}
    show(client.call("POST", "/contacts/erase", json=body), as_json, _erased_line)


def _erased_line(row: Row) -> str:
    line = f"contact {row['contact_id']} is erased ({row['erasure_id']})"
    line += f"; recipient in {len(row['operation_ids'])} operations, {row['ended_count']} waiting messages ended"
    if row["imports_given_up"]:
        line += f"; unfinished imports given up: {', '.join(row['imports_given_up'])}"
    if row["changed_text_count"]:
        line += f"; taken out of {row['changed_text_count']} rules or other texts"
    return f"{line}. The bytes go with the next purge (nightly, or `ulak purge`)."


def purge(person: AsOption = "", as_json: JsonOption = False) -> None:
    """Remove what was erased from the store's file and from Redis's log, now; else it is done in the night."""
    show(client_as(person).call("POST", "/purge"), as_json, _purged_line)


def _purged_line(row: Row) -> str:
    before, after = row["bytes_before"] / MEGABYTE, row["bytes_after"] / MEGABYTE
    log = "Redis's log is written anew" if row["is_log_anew"] else "the Redis server doesn't let its log be rewritten"
    sizes = f"the store's file: {before:.1f} → {after:.1f} MB"
    return f"{row['erasure_count']} erasures purged in {row['seconds']:.1f} s; {sizes}; {log}"
