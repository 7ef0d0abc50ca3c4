"""What the first real contacts get in each blank, beside its control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import duckdb

from engine.contacts import FieldRegistry
from engine.templates import Bindings, Slot, Template, fields_of_bindings
from engine.templates.parameters import resolve_parameters
from pages.ui import formats
from pages.ui.services import settings

FEW = 3
LONGEST = 90

Samples = Mapping[str, Sequence[tuple[str, str | None]]]
"""Slot key -> (whose, value); None is no value."""


def first_contacts(cursor: duckdb.DuckDBPyConnection) -> list[int]:
    """The first few of all contacts."""
    rows = cursor.execute("SELECT contact_id FROM contacts ORDER BY contact_id LIMIT ?", [FEW]).fetchall()
    return [int(row[0]) for row in rows]


def samples_of(
    cursor: duckdb.DuckDBPyConnection,
    template: Template,
    bindings: Bindings,
    contact_ids: Sequence[int],
    registry: FieldRegistry,
) -> Samples:
    """Fill the blanks for these contacts; a blank that is the same for all shows itself once, if it is remade."""
    if not contact_ids:
        return {}
    names = [f'"{name}"' for name in fields_of_bindings(bindings) if name in registry]
    columns = ", ".join(
        ["""coalesce(nullif(trim(concat_ws(' ', name, surname)), ''), phone, '') AS "@who\"""", *names]
    )
    frame = cursor.sql(
        f"SELECT {columns} FROM contacts WHERE contact_id IN (SELECT unnest(?::BIGINT[])) ORDER BY contact_id",
        params=[list(contact_ids)],
    ).pl()
    filled = resolve_parameters(frame, template, bindings, zone=settings().timezone)
    return {
        slot.key: _shown(slot, bindings, list(zip(frame["@who"], filled[f"p_{index}"], strict=True)))
        for index, slot in enumerate(template.slots)
        if slot.key in bindings and not bindings[slot.key].is_empty
    }


def _shown(slot: Slot, bindings: Bindings, values: list[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    if slot.is_media and bindings[slot.key].media_hash:
        return []
    written = [(who, None if value is None else _written(slot, value)) for who, value in values]
    if bindings[slot.key].fields:
        return written
    return written[:1] if slot.kind in {"url_suffix", "moment"} or written[0][1] is None else []


def _written(slot: Slot, value: str) -> str:
    """A value as it ends up: a link whole, a moment as people write it."""
    if slot.kind == "moment":
        return formats.moment(datetime.fromtimestamp(int(value) / 1000, UTC))
    text = slot.prefix + value
    return text if len(text) <= LONGEST or slot.kind == "url_suffix" else text[: LONGEST - 1] + "…"
