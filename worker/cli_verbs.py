"""The verbs of the command line that go through the REST API: templates, send, operations."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.settings import current_settings
from worker.client import Client

templates = typer.Typer(no_args_is_help=True, help="Sync, list and bind templates.")
operations = typer.Typer(no_args_is_help=True, help="List, show, pause, resume and cancel operations.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AsOption = Annotated[str, typer.Option("--as", help="Who does this, for the audit table (default: the OS user).")]
Row = dict[str, Any]


def client_as(person: str) -> Client:
    """A client acting as this person."""
    return Client(current_settings(), name_of(person))


def name_of(person: str) -> str:
    """The name given, else the OS user's."""
    return person or _user_of_system()


def _user_of_system() -> str:
    """The OS user; in a container that runs under a bare number there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cli"


def show(value: Any, as_json: bool, line: Callable[[Any], str]) -> None:
    """Print one value, as JSON or as a line for a person; a list prints a line each."""
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
    elif isinstance(value, list):
        for row in value:
            typer.echo(line(row))
    else:
        typer.echo(line(value))


@templates.command("sync")
def sync_templates(
    channel: Annotated[str, typer.Option(help="Channel id; all of them if not given.")] = "",
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Read the templates from the provider."""
    answer = client_as(person).call("POST", "/templates/sync", json={"channel": channel})
    show(
        answer,
        as_json,
        lambda r: f"{r['channel']}: {r['total']} ({r['new']} new, {r['changed']} changed, {r['gone']} gone)",
    )


@templates.command("list")
def list_templates(
    channel: Annotated[str, typer.Option(help="Channel id.")] = "", as_json: JsonOption = False
) -> None:
    """List the templates that were synced."""
    rows = client_as("").call("GET", "/templates", params={"channel": channel} if channel else {})
    show(rows, as_json, _template_line)


def _template_line(row: Row) -> str:
    mark = "{ }" if row["slots"] else "   "
    reason = f"  {row['unsendable_reason']}" if row["unsendable_reason"] else ""
    return f"{mark} {row['channel']}  {row['name']}/{row['language']}  {row['status']}  {row['category']}{reason}"


@templates.command("bind")
def bind_template(
    template: Annotated[str, typer.Argument(help="NAME/LANGUAGE.")],
    values: Annotated[list[str], typer.Argument(help='SLOT=TEXT, such as "body:1=Sayın @surname".')],
    fallback: Annotated[list[str], typer.Option(help="SLOT=TEXT for people whose value is empty.")] = [],  # noqa: B006
    channel: Annotated[str, typer.Option(help="Channel id.")] = "sandbox",
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Save what fills a template's slots as its default; without a fallback, people with no value are left out."""
    name, language = _template_of(template)
    body = {
        "channel": channel,
        "name": name,
        "language": language,
        "values": dict(_pair(value) for value in values),
        "fallbacks": dict(_pair(value) for value in fallback),
    }
    answer = client_as(person).call("PUT", "/templates/bindings", json=body)
    show(answer, as_json, lambda row: f"{template}: {row['bound']} of {row['slots']} slots filled")


def send(
    template: Annotated[str, typer.Option(help="NAME/LANGUAGE.")],
    channel: Annotated[str, typer.Option(help="Channel id.")] = "sandbox",
    segment: Annotated[str, typer.Option(help="A saved segment's name, or a file with its JSON.")] = "",
    list_name: Annotated[str, typer.Option("--list", help="A list's name.")] = "",
    everyone: Annotated[int, typer.Option(help="Everyone: the exact number of contacts, as a confirmation.")] = -1,
    name: Annotated[str, typer.Option(help="The operation's name.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Preflight only: who gets it, who is left out and why.")
    ] = False,
    idempotency_key: Annotated[str, typer.Option(help="The same key twice sends once.")] = "",
    person: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Send a bulk message now, with the template's saved bindings."""
    if not segment and not list_name and everyone < 0:
        raise typer.BadParameter("say who gets it: --segment, --list or --everyone COUNT")
    template_name, language = _template_of(template)
    body: Row = {
        "channel": channel,
        "template": template_name,
        "language": language,
        "list": list_name,
        "everyone": None if everyone < 0 else everyone,
        "name": name,
        "dry_run": dry_run,
    }
    if segment:
        body |= segment_of(segment)
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    answer = client_as(person).call("POST", "/operations", json=body, headers=headers)
    show(answer, as_json, _send_line)


def _send_line(row: Row) -> str:
    left_out = ", ".join(f"{count} {reason}" for reason, count in row["left_out"].items())
    head = f"{row['operation_id']}: " if row.get("operation_id") else "dry run: "
    cost = f"\n{_cost_line(row['cost'])}" if row.get("cost") else ""
    return f"{head}{row['recipients']} of {row['audience']} recipients" + (
        f" (left out: {left_out}){cost}" if left_out else cost
    )


def _cost_line(cost: Row) -> str:
    """The estimate as a line for a person."""
    unpriced = f", {cost['unpriced']} without a price" if cost["unpriced"] else ""
    missing = "; ".join(cost["not_included"])
    return (
        f"estimated cost: at most {cost['total']} {cost['currency']}{unpriced}"
        f" (list price from {cost['card_date']}; not in it: {missing})"
    )


@operations.command("list")
def list_operations(as_json: JsonOption = False) -> None:
    """List the operations, newest first."""
    show(client_as("").call("GET", "/operations"), as_json, _operation_line)


@operations.command("show")
def show_operation(operation_id: str, as_json: JsonOption = False) -> None:
    """Show one operation with its counts."""
    show(client_as("").call("GET", f"/operations/{operation_id}"), as_json, _operation_line)


def _operation_line(row: Row) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in row["counts"].items() if count)
    cause = f" ({row['cause']})" if row.get("cause") else ""
    return f"{row['operation_id']}  {row['state']}{cause}  {row['name']}  {counts}"


def _control(verb: str, doc: str) -> None:
    def command(operation_id: str, person: AsOption = "", as_json: JsonOption = False) -> None:
        show(client_as(person).call("POST", f"/operations/{operation_id}/{verb}"), as_json, _operation_line)

    command.__doc__ = doc
    operations.command(verb)(command)


_control("pause", "Pause an operation; nothing more is posted within a second.")
_control("resume", "Let a paused or halted operation go on.")
_control("cancel", "Cancel an operation; who was not sent to stays so.")


def segment_of(text: str) -> Row:
    """The part of a request that names a segment: a saved one, or the JSON of a file (bare, or as `show --json`)."""
    path = Path(text)
    if path.suffix != ".json" and not path.is_file():
        return {"segment": text}
    definition = json_of(path)
    return {"definition": definition.get("definition", definition)}


def json_of(path: Path | None) -> Row:
    """The JSON object of a file, or of the standard input."""
    name = "-" if path is None else str(path)
    try:
        found = json.loads(sys.stdin.read() if path is None else path.read_text("utf-8"))
    except OSError as problem:
        raise typer.BadParameter(f"the file {name} can't be read ({type(problem).__name__})") from problem
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}"
        raise typer.BadParameter(f"the file {name} holds no JSON: {place}: {problem.msg}") from problem
    except (ValueError, RecursionError) as problem:
        raise typer.BadParameter(f"the file {name} holds no JSON") from problem
    if not isinstance(found, dict):
        raise typer.BadParameter(f"the file {name} holds no segment: it must be a JSON object")
    return found


def _template_of(text: str) -> tuple[str, str]:
    name, _, language = text.partition("/")
    if not name or not language:
        raise typer.BadParameter(f"{text!r} is not NAME/LANGUAGE, such as spring_sale/tr")
    return name, language


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{text!r} is not SLOT=TEXT")
    return key, value
