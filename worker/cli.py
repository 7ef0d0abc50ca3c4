"""The command `ulak`. Exit codes: 0 done, 1 refused or something is wrong, 2 called wrongly.

`--json` everywhere prints one JSON value on standard output; errors go to standard error as one sentence.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import typer

from engine.errors import UlakError
from engine.settings import current_settings
from worker.cli_backup import backup, restore
from worker.cli_contacts import contacts
from worker.cli_erasure import purge
from worker.cli_exports import export_contacts as _export_contacts  # noqa: F401 - it registers itself with contacts
from worker.cli_lists import lists
from worker.cli_people import show_contact as _show_contact  # noqa: F401 - it registers itself with contacts
from worker.cli_segments import segments
from worker.cli_suppressions import suppressions
from worker.cli_verbs import JsonOption, operations, send, show, templates

PROJECT_FOLDER = Path(__file__).resolve().parent.parent

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Audience segmentation and WhatsApp bulk messages, self-hosted.",
)
app.add_typer(contacts, name="contacts")
app.add_typer(lists, name="lists")
app.add_typer(suppressions, name="suppressions")
app.add_typer(segments, name="segments")
app.add_typer(templates, name="templates")
app.add_typer(operations, name="operations")
app.command()(send)
app.command()(purge)
app.command()(backup)
app.command()(restore)


@app.command()
def up() -> None:
    """Start everything: redis, sandbox, receiver, dispatcher, workers and web, in one terminal."""
    from worker.supervisor import run

    raise typer.Exit(run(current_settings()))


@app.command()
def web() -> None:
    """Run the pages and the REST API."""
    settings = current_settings()
    os.environ["ULAK_HOME"] = str(settings.home)
    os.chdir(PROJECT_FOLDER)
    host, port = f"--server.address={settings.host}", f"--server.port={settings.port}"
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", "app.py", host, port])


@app.command()
def worker() -> None:
    """Run one sending worker."""
    from worker.worker import run

    run(current_settings())


@app.command()
def dispatcher() -> None:
    """Run the dispatcher: it rings the workers and notices dead ones."""
    from worker.dispatcher import run

    run(current_settings())


@app.command()
def receiver() -> None:
    """Run the webhook receiver."""
    from worker.receiver import run

    run(current_settings())


@app.command()
def sandbox() -> None:
    """Run the sandbox: a simulated Graph API with people who receive, read and answer."""
    from engine.sandbox.server import serve

    serve(current_settings())


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Look at every part; exit 1 if something is wrong."""
    from worker.client import Client
    from worker.doctor import examine, is_bad, print_findings, to_json

    settings = current_settings()
    client = Client(settings, "doctor")

    def read_store() -> dict[str, Any]:
        facts: dict[str, Any] = client.call("GET", "/store")
        return facts

    findings = examine(settings, read_store)
    typer.echo(to_json(findings) if as_json else print_findings(findings))
    raise typer.Exit(1 if is_bad(findings) else 0)


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Print the version."""
    from worker import __version__

    show({"version": __version__}, as_json, lambda row: str(row["version"]))


def main() -> None:
    """The entry point: an error of ours is one sentence on standard error."""
    try:
        app()
    except UlakError as problem:
        typer.echo(f"ulak: {problem.message}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
