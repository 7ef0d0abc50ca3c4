"""The templates that were synced, and the bindings kept as each template's default."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import duckdb
from pydantic import TypeAdapter

from engine.clock import to_store
from engine.errors import InputError, NotFound
from engine.templates.bindings import Binding, Bindings, unknown_fields
from engine.templates.components import Template, parse_template
from engine.warehouse import Warehouse, audit
from engine.words import N_

_COLUMNS = (
    "channel_id, name, language, template_id, status, category, parameter_format, components, quality,"
    " rejected_reason, content_hash, gone_at IS NOT NULL, (SELECT coalesce(c.verified_name, c.name) FROM channels c"
    " WHERE c.channel_id = templates.channel_id)"
)
_bindings = TypeAdapter(dict[str, Binding])


@dataclass(frozen=True)
class KeptBindings:
    """A template's default bindings.

    Attributes:
        bindings: only those whose slot the template still has.
        is_current: the template has the slots it had when they were saved; its words may be others.
    """

    bindings: Bindings
    is_current: bool


def list_templates(cursor: duckdb.DuckDBPyConnection, channel_id: str, *, with_gone: bool = False) -> list[Template]:
    """A channel's templates by name and language."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM templates WHERE channel_id = ? AND (? OR gone_at IS NULL) ORDER BY name, language",
        [channel_id, with_gone],
    ).fetchall()
    return [_template(row) for row in rows]


def get_template(cursor: duckdb.DuckDBPyConnection, channel_id: str, name: str, language: str) -> Template:
    """One template; one that is gone at the provider says so as the reason why it can't be sent.

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


def save_bindings(
    warehouse: Warehouse, template: Template, bindings: Bindings, *, who: str, now: datetime, fields: tuple[str, ...]
) -> None:
    """Keep bindings as the template's default.

    Args:
        fields: the names of the fields that contacts have.

    Raises:
        InputError: a binding names a field that no contact has (`field`), or a slot the template hasn't (`slot`).
    """
    if strange := unknown_fields(bindings, fields):
        raise InputError(reason=N_("a field that it names doesn't exist"), field=strange[0])
    keys = {slot.key for slot in template.slots}
    if strange_slots := [key for key in bindings if key not in keys]:
        raise InputError(reason=N_("the template has no such slot"), slot=strange_slots[0])
    row = [
        template.channel_id,
        template.name,
        template.language,
        dump_bindings(bindings),
        template.content_hash,
        who,
        to_store(now),
    ]
    with warehouse.writing() as cursor:
        cursor.execute(
            "DELETE FROM bindings WHERE channel_id = ? AND template_name = ? AND template_language = ?", row[:3]
        )
        cursor.execute(
            "INSERT INTO bindings (channel_id, template_name, template_language, bindings, content_hash, updated_by,"
            " updated_at, slots) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [*row, json.dumps([slot.key for slot in template.slots])],
        )
        subject = ("template", f"{template.channel_id}/{template.name}/{template.language}")
        audit(cursor, who=who, verb="bound", subject=subject, now=now, slots=sorted(bindings))


def load_bindings(cursor: duckdb.DuckDBPyConnection, template: Template) -> KeptBindings:
    """The default bindings of a template; none when nobody saved any."""
    rows = cursor.execute(
        "SELECT bindings, content_hash, slots FROM bindings"
        " WHERE channel_id = ? AND template_name = ? AND template_language = ?",
        [template.channel_id, template.name, template.language],
    ).fetchall()
    if not rows:
        return KeptBindings({}, True)
    keys = {slot.key for slot in template.slots}
    kept = {key: binding for key, binding in parse_bindings(rows[0][0]).items() if key in keys}
    is_same_text = rows[0][1] == template.content_hash
    return KeptBindings(kept, is_same_text or rows[0][2] == json.dumps([slot.key for slot in template.slots]))


def templates_needing_attention(cursor: duckdb.DuckDBPyConnection, channel_id: str) -> set[tuple[str, str]]:
    """(name, language) of the templates whose slots are no longer those their bindings were saved for."""
    rows = cursor.execute(
        "SELECT template_name, template_language FROM bindings b JOIN templates t ON t.channel_id = b.channel_id"
        " AND t.name = b.template_name AND t.language = b.template_language"
        " WHERE b.channel_id = ? AND t.gone_at IS NULL AND b.content_hash <> t.content_hash",
        [channel_id],
    ).fetchall()
    return {
        (name, language)
        for name, language in rows
        if not load_bindings(cursor, get_template(cursor, channel_id, name, language)).is_current
    }


def dump_bindings(bindings: Bindings) -> str:
    """Bindings as JSON."""
    return _bindings.dump_json(dict(bindings)).decode()


def parse_bindings(text: str) -> dict[str, Binding]:
    """Read what `dump_bindings` wrote."""
    return _bindings.validate_json(text)


def _template(row: tuple[object, ...]) -> Template:
    channel_id, name, language, template_id, status, category, form, components, quality, rejected = row[:10]
    content, gone, channel_name = row[10:]
    node = {
        "name": name,
        "language": language,
        "id": template_id,
        "status": status,
        "category": category,
        "parameter_format": form,
        "components": json.loads(str(components)),
        "quality_score": {"score": quality} if quality else None,
        "rejected_reason": rejected,
    }
    found = parse_template(str(channel_id), node)
    kept = {"content_hash": content, "is_gone": bool(gone), "channel_name": str(channel_name or "")}
    return found.model_copy(update=kept)
