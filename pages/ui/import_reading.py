"""How a file was read: what was found out about it, each with a quiet way to say otherwise, and its first rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import streamlit as st

from engine.contacts.encodings import ENCODING_LABELS
from engine.contacts.source import DELIMITERS, SourceFile
from pages.ui import formats, nt, t
from pages.ui.import_state import Key, Place, place_of, read_again

_SHOWN_ROWS = 5


def draw_reading(source: SourceFile) -> None:
    """Draw what was detected, and the first rows."""
    place = place_of(source)
    _draw_facts(source)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _draw_controls(source, place)
    notes = _notes(source)
    if notes:
        st.caption(":material/info: " + " ".join(notes))
    _draw_rows(source)


def _draw_facts(source: SourceFile) -> None:
    parts = [
        nt("**{count}** row", "**{count}** rows", source.row_count),
        nt("**{count}** column", "**{count}** columns", len(source.headers)),
        _size(source.byte_count),
    ]
    badge = (
        f"&ensp;:primary-badge[{t('Recognised: {program}', program=source.known_export)}]"
        if source.known_export
        else ""
    )
    st.markdown(" · ".join(parts) + badge)


def _draw_controls(source: SourceFile, place: Place) -> None:
    if len(source.parts) > 1:
        label = t("Sheet") if source.kind == "xlsx" else t("File in the archive")
        _control(source, place, "part", label, list(source.parts), str, source.part, 240)
    if source.kind == "csv":
        encodings = list(ENCODING_LABELS)
        _control(source, place, "encoding", t("Encoding"), encodings, _encoding_label, source.encoding, 190)
        _control(
            source, place, "delimiter", t("Separator"), list(DELIMITERS), _delimiter_label, source.delimiter, 150
        )
    if source.kind != "parquet":
        labels = {True: t("names the columns"), False: t("is a person already")}
        _control(
            source, place, "has_header", t("The first row"), [True, False], labels.__getitem__, source.has_header, 210
        )


def _control(
    source: SourceFile,
    place: Place,
    name: str,
    label: str,
    options: list[Any],
    words: Callable[[Any], str],
    now: Any,
    width: int,
) -> None:
    key = f"{place.key(Key.READING)}.{name}.{now}"
    st.selectbox(
        label,
        options,
        index=options.index(now) if now in options else None,
        format_func=words,
        key=key,
        width=width,
        on_change=_change,
        args=(source, name, key),
    )


def _change(source: SourceFile, name: str, key: str) -> None:
    chosen = source.options.model_copy(update={name: st.session_state[key]})
    if name == "part":  # another sheet or file is of another shape
        chosen = chosen.model_copy(update={"encoding": None, "delimiter": None, "has_header": None})
    read_again(source.import_id, chosen)


def _encoding_label(encoding: str) -> str:
    ends = {"utf-16-le": " LE", "utf-16-be": " BE"}
    return ENCODING_LABELS.get(encoding, encoding) + ends.get(encoding, "")


def _delimiter_label(delimiter: str) -> str:
    return {",": t("comma"), ";": t("semicolon"), "\t": t("tab"), "|": t("bar")}.get(delimiter, delimiter)


def _size(byte_count: int) -> str:
    if byte_count < 1_000_000:
        return f"{formats.number(max(1, round(byte_count / 1_000)))} KB"
    return f"{formats.number(round(byte_count / 1_000_000, 1))} MB"


def _notes(source: SourceFile) -> list[str]:
    notes = []
    if source.broken_count:
        notes.append(nt("{count} row is broken.", "{count} rows are broken.", source.broken_count))
    if source.blank_count:
        notes.append(nt("{count} blank line is no row.", "{count} blank lines are no rows.", source.blank_count))
    if source.damaged_count:
        notes.append(
            nt("{count} damaged character was found.", "{count} damaged characters were found.", source.damaged_count)
        )
    return notes


def _draw_rows(source: SourceFile) -> None:
    """The first rows as they stand in the file."""
    rows = [list(row) for row in source.samples[:_SHOWN_ROWS]]
    schema = dict.fromkeys(source.headers, pl.String)
    st.dataframe(
        pl.DataFrame(rows, schema=schema, orient="row"),
        hide_index=True,
        placeholder="",
        key=f"import.rows.{source.import_id}",
        alt=t("The first rows of the file"),
    )
