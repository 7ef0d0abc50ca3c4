"""The house rules that a reader can't keep in mind: who imports whom, what is documented, what is translated."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer.main

from engine.settings import PREFIX, Settings
from pages.ui.i18n import LOCALE_FOLDER
from pages.ui.messages import collect, missing
from worker.cli import app as cli

ROOT = Path(__file__).resolve().parent.parent
BASE = {"settings", "errors", "clock", "ids", "words", "live", "secrets"}
CHAIN = ("reports", "operations", "channels", "templates", "segments", "contacts", "warehouse")
SANDBOX_MAY = {"settings", "errors", "clock", "ids"}
README = (ROOT / "README.md").read_text("utf-8")


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def engine_part(module: str) -> str | None:
    pieces = module.split(".")
    return pieces[1] if pieces[0] == "engine" and len(pieces) > 1 else None


def known_part(part: str | None) -> bool:
    return part is not None and (part in BASE or part in CHAIN or part == "sandbox")


@pytest.mark.parametrize("path", python_files("engine"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_engine_follows_the_arrows(path: Path) -> None:
    imported = imports_of(path)
    tops = {module.split(".")[0] for module in imported}
    assert not tops & {"streamlit", "rq", "worker", "pages", "app"}
    part = path.relative_to(ROOT / "engine").parts[0].removesuffix(".py")
    used = {found for module in imported if known_part(found := engine_part(module))}
    if part == "sandbox":
        assert used <= SANDBOX_MAY | {"sandbox"}
    elif part in CHAIN:
        assert used <= BASE | set(CHAIN[CHAIN.index(part) :])
    elif part in BASE:
        assert used <= BASE


@pytest.mark.parametrize("path", python_files("worker"), ids=lambda path: str(path.relative_to(ROOT)))
def test_processes_know_the_engine_and_no_page(path: Path) -> None:
    assert not {module.split(".")[0] for module in imports_of(path)} & {"pages", "app", "streamlit"}


@pytest.mark.parametrize("path", python_files("pages"), ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_know_of_the_processes_only_how_to_enqueue(path: Path) -> None:
    of_worker = {module for module in imports_of(path) if module.split(".")[0] == "worker"}
    assert of_worker <= {"worker.queue", "worker.queue.enqueue_batch", "worker"}


def test_duckdb_is_opened_in_one_place() -> None:
    opening = [p for p in python_files("engine", "worker", "pages") if "duckdb.connect(" in p.read_text("utf-8")]
    assert [path.relative_to(ROOT).as_posix() for path in opening] == ["engine/warehouse/connection.py"]


@pytest.mark.parametrize("field", list(Settings.model_fields))
def test_every_setting_is_documented(field: str) -> None:
    assert Settings.model_fields[field].description
    assert f"`{PREFIX}{field.upper()}`" in README


def commands() -> list[str]:
    group = typer.main.get_command(cli)
    found = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found += [f"ulak {name} {verb}" for verb in inner] if inner else [f"ulak {name}"]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_is_documented(command: str) -> None:
    assert command in README


@pytest.mark.parametrize("language", ["en", "tr"])
def test_the_catalogues_are_complete(language: str) -> None:
    assert missing(language) == []


def test_a_translation_keeps_the_placeholders() -> None:
    from babel.messages.pofile import read_po

    wrong = []
    for path in sorted((LOCALE_FOLDER / "tr").glob("*.po")):
        with path.open("rb") as file:
            catalog = read_po(file, locale="tr")
        for message in catalog:
            if not message.id:
                continue
            source = message.id[-1] if isinstance(message.id, list | tuple) else message.id
            target = message.string[-1] if isinstance(message.string, list | tuple) else message.string
            if set(re.findall(r"\{\w+\}", source)) != set(re.findall(r"\{\w+\}", target)):
                wrong.append((path.name, source))
    assert wrong == []


def test_no_page_shows_a_text_that_no_catalogue_knows() -> None:
    """A literal handed to a Streamlit text function is a text that was forgotten in translation."""
    drawing = {"title", "header", "subheader", "caption", "button", "info", "warning", "error", "success", "toast"}
    forgotten = []
    for path in python_files("pages"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            first = node.args[0]
            if getattr(node.func.value, "id", "") == "log":
                continue
            is_text = (
                isinstance(first, ast.Constant)
                and isinstance(first.value, str)
                and re.search("[a-z]{3} [a-z]", first.value)
            )
            if node.func.attr in drawing and is_text:
                forgotten.append(f"{path.name}:{node.lineno}")
    assert forgotten == []


def test_messages_are_found_in_the_sources() -> None:
    assert len(collect()) > 50


def test_files_have_names_that_say_something() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert [p for p in python_files("engine", "worker", "pages", "tests", "bench") if p.stem in empty] == []
