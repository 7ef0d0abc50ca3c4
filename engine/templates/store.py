"""The synced templates and their default bindings, in DuckDB. `channels.sync` writes the templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from engine.clock import from_store, to_store
from engine.errors import InvalidField, NotFound
from engine.templates.bindings import Binding, Bindings
from engine.templates.components import Component, Template
from engine.warehouse import Warehouse, audit
from engine.words import N_

_COLUMNS = (
    "channel_id, name, language, template_id, status, category, parameter_format, components, quality,"
    " rejected_reason, content_hash, gone_at IS NOT NULL"
)


@dataclass(frozen=True)
class SavedBindings:
    """A template's default bindings, and the content they were made for."""

    bindings: dict[str, Binding]
    content_hash: str
    updated_by: str
    updated_at: datetime


def list_templates(cursor: duckdb.DuckDBPyConnection, channel_id: str | None = None) -> list[Template]:
    """The templates of one channel (or of all), by name; those gone at the provider too."""
    where, values = ("WHERE channel_id = ?", [channel_id]) if channel_id else ("", [])
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM templates {where} ORDER BY name, language", values).fetchall()
    return [_template(row) for row in rows]


def get_template(cursor: duckdb.DuckDBPyConnection, channel_id: str, name: str, language: str) -> Template:
    """One template.

    Raises:
        NotFound: it was never synced.
    """
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM templates WHERE channel_id = ? AND name = ? AND language = ?",
        [channel_id, name, language],
    ).fetchall()
    if not rows:
        raise NotFound(kind="template", id=f"{name}/{language}")
    return _template(rows[0])


def synced_at(cursor: duckdb.DuckDBPyConnection, channel_id: str) -> datetime | None:
    """When the channel's templates were last read."""
    found = cursor.execute("SELECT max(synced_at) FROM templates WHERE channel_id = ?", [channel_id]).fetchall()[0][0]
    return from_store(found) if found else None


def save_bindings(
    warehouse: Warehouse, template: Template, bindings: Bindings, *, known_fields: set[str], who: str, now: datetime
) -> None:
    """Keep bindings as the template's default.

    Raises:
        InvalidField: a binding names a slot the template doesn't have, or a field that no contact has.
    """
    slots = {slot.key for slot in template.slots}
    for key, binding in bindings.items():
        if key not in slots:
            raise InvalidField(name=key, reason=N_("the template has no such slot"))
        for field in binding.fields:
            if field not in known_fields:
                raise InvalidField(name=field, reason=N_("there is no such field; write @@ for an @ sign"))
    text = json.dumps({key: binding.model_dump() for key, binding in bindings.items()}, ensure_ascii=False)
    with warehouse.writing() as cursor:
        key_values = [template.channel_id, template.name, template.language]
        cursor.execute(
            "DELETE FROM bindings WHERE channel_id = ? AND template_name = ? AND template_language = ?", key_values
        )
        cursor.execute(
            "INSERT INTO bindings VALUES (?, ?, ?, ?, ?, ?, ?)",
            [*key_values, text, template.content_hash, who, to_store(now)],
        )
        subject = ("template", f"{template.channel_id}/{template.name}/{template.language}")
        audit(cursor, who=who, verb="bound", subject=subject, now=now, slots=len(bindings))


def load_bindings(cursor: duckdb.DuckDBPyConnection, template: Template) -> SavedBindings | None:
    """The template's default bindings, or None."""
    rows = cursor.execute(
        "SELECT bindings, content_hash, updated_by, updated_at FROM bindings"
        " WHERE channel_id = ? AND template_name = ? AND template_language = ?",
        [template.channel_id, template.name, template.language],
    ).fetchall()
    if not rows:
        return None
    text, content_hash, who, at = rows[0]
    return SavedBindings(parse_bindings(json.loads(text)), content_hash, who, from_store(at))


def parse_bindings(rows: Mapping[str, Any]) -> dict[str, Binding]:
    """Bindings from JSON."""
    return {key: Binding.model_validate(row) for key, row in rows.items()}


def _template(row: tuple[Any, ...]) -> Template:
    (channel_id, name, language, template_id, status, category, parameter_format, components, quality) = row[:9]
    rejected_reason, content_hash, is_gone = row[9:]
    return Template(
        channel_id=channel_id,
        name=name,
        language=language,
        template_id=template_id,
        status=status,
        category=category,
        parameter_format=parameter_format,
        components=tuple(Component.model_validate(part) for part in json.loads(components)),
        quality=quality,
        rejected_reason=rejected_reason,
        content_hash=content_hash,
        is_gone=is_gone,
    )
