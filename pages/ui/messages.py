"""Collects every text that a person reads, and brings the catalogues of both languages up to date.

`python -m pages.ui.messages` writes; `tests/test_house.py` fails when a text is missing or untranslated. A text goes
to the catalogue of the area its source file belongs to, unless another catalogue has it already. English is the
source, so its catalogue is written whole; Turkish keeps what is there and gains empty entries.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from engine import errors
from pages.ui.i18n import LOCALE_FOLDER

ROOT = LOCALE_FOLDER.parents[2]
SOURCES = ("app.py", "pages", "engine")
AREAS = {
    "engine/segments": "audience",
    "pages/audience": "audience",
    "pages/ui/facet": "audience",
    "pages/ui/audience": "audience",
    "engine/contacts": "import",
    "pages/import_contacts": "import",
    "pages/ui/import": "import",
    "engine/templates": "templates",
    "engine/channels": "templates",
    "pages/templates": "templates",
    "pages/ui/phone_preview": "templates",
    "pages/ui/binding": "templates",
    "pages/ui/template": "templates",
    "engine/operations": "operations",
    "pages/bulk_message": "operations",
    "pages/operations": "operations",
    "pages/limits": "operations",
    "pages/ui/operation": "operations",
    "pages/ui/wizard": "operations",
}
ERROR_NAMES = {"Exception", *(name for name, value in vars(errors).items() if isinstance(value, type))}
FIXED_DATE = datetime(2026, 1, 1, tzinfo=UTC)
"""In the head of each catalogue: a date that moved would be a change without news."""
MessageId = str | tuple[str, str]


def collect() -> dict[MessageId, str]:
    """Every marked text -> the area it belongs to."""
    found: dict[MessageId, str] = {}
    for source in SOURCES:
        base = ROOT / source
        for path in sorted(base.rglob("*.py")) if base.is_dir() else [base]:
            relative = path.relative_to(ROOT).as_posix()
            if relative.startswith("engine/sandbox/"):
                continue
            area = _area(relative)
            tree = ast.parse(path.read_text("utf-8"))
            for message in (*_marked(tree), *_error_sentences(tree)):
                found.setdefault(message, area)
    return found


def missing(language: str) -> list[MessageId]:
    """What a catalogue lacks: texts that are absent or untranslated."""
    known = {
        message.id if isinstance(message.id, str) else tuple(message.id): message.string
        for catalog in _catalogs(language).values()
        for message in catalog
        if message.id
    }
    return [id_ for id_ in collect() if not _whole(known.get(id_))]


def update() -> None:
    """Write both languages' catalogues."""
    wanted = collect()
    turkish = _catalogs("tr")
    placed = {_key(message.id): area for area, catalog in turkish.items() for message in catalog if message.id}
    areas = {id_: placed.get(id_, area) for id_, area in wanted.items()}
    for area in sorted({*areas.values(), *turkish}):
        ids = [id_ for id_, where in areas.items() if where == area]
        old = turkish.get(area, Catalog(locale="tr"))
        _write("tr", area, {id_: _translation(old, id_) for id_ in ids})
        _write("en", area, {id_: id_ for id_ in ids})


def _marked(tree: ast.AST) -> Iterator[MessageId]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if name in {"t", "N_"} and len(texts) >= 1 and texts[0]:
            yield texts[0]
        elif name == "nt" and len(texts) >= 2:
            yield (texts[0], texts[1])


def _error_sentences(tree: ast.AST) -> Iterator[str]:
    """An error's sentence is the first line of its class docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") in ERROR_NAMES for base in node.bases):
            yield (ast.get_docstring(node) or "").splitlines()[0]


def _area(path: str) -> str:
    return next((area for prefix, area in AREAS.items() if path.startswith(prefix)), "shell")


def _catalogs(language: str) -> dict[str, Catalog]:
    found = {}
    for path in sorted((LOCALE_FOLDER / language).glob("*.po")):
        with path.open("rb") as file:
            found[path.stem] = read_po(file, locale=language)
    return found


def _key(id_: str | tuple[str, ...] | list[str]) -> MessageId:
    return id_ if isinstance(id_, str) else (id_[0], id_[1])


def _whole(string: object) -> bool:
    return all(string) if isinstance(string, list | tuple) else bool(string)


def _translation(catalog: Catalog, id_: MessageId) -> MessageId:
    message = catalog.get(id_ if isinstance(id_, str) else id_[0])
    empty: MessageId = "" if isinstance(id_, str) else ("", "")
    return message.string if message is not None and _whole(message.string) else empty


def _write(language: str, area: str, texts: dict[MessageId, MessageId]) -> None:
    catalog = Catalog(
        locale=language,
        project="Ulak",
        version="",
        header_comment="# Texts of Ulak; `make messages` brings them up to date.",
        msgid_bugs_address="",
        creation_date=FIXED_DATE,
        revision_date=FIXED_DATE,
        last_translator="",
        fuzzy=False,
    )
    for id_, string in sorted(texts.items(), key=lambda pair: str(pair[0])):
        catalog.add(id_, string)
    folder = Path(LOCALE_FOLDER / language)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{area}.po").open("wb") as file:
        write_po(file, catalog, omit_header=False, width=0, ignore_obsolete=True, include_lineno=False)


if __name__ == "__main__":
    update()
