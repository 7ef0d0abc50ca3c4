"""The answer of a statement: its rows, a chart of them, and what can be made of them."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import streamlit as st

from engine.clock import utc_now
from engine.errors import InputError
from engine.reports.analyst import MOST_ROWS, Answer, InvalidStatement, make_list
from pages.ui import formats, nt, t, who
from pages.ui.services import warehouse
from pages.ui.sql_parts import Key

PAGE_ROWS = 200
MOST_BARS = 500
_FORMULA = r"^[=+\-@\t\r]"


def draw_answer(statement: str, answer: Answer) -> None:
    """Draw the rows of an answer."""
    frame = answer.frame
    if frame.is_empty():
        st.info(t("The statement ran and gave no rows."), icon=":material/info:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        rows = nt("{count} row", "{count} rows", len(frame))
        st.markdown(f"**{rows}** · {formats.number(round(answer.seconds, 2))} s", width="content")
        _draw_tools(statement, frame)
    if answer.is_cut:
        text = t("There are more rows than {count}; the rest is left out. Group them, or add a LIMIT.",
                 count=formats.number(MOST_ROWS))  # fmt: skip
        st.warning(text, icon=":material/content_cut:")
    table, chart = st.tabs([t("Table"), t("Chart")])
    with table:
        shown = _readable(frame.head(PAGE_ROWS))
        st.dataframe(shown, hide_index=True, height="auto" if len(shown) < 15 else 520)
        if len(frame) > PAGE_ROWS:
            st.caption(
                t("The first {count} rows are shown; the CSV has all of them.", count=formats.number(PAGE_ROWS))
            )
    with chart:
        _draw_chart(frame)


def _draw_tools(statement: str, frame: pl.DataFrame) -> None:
    st.download_button(
        t("CSV"),
        lambda: to_csv(frame),
        file_name=f"ulak-{datetime.now():%Y-%m-%d-%H%M}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="sql.csv",
    )
    if "contact_id" in frame.columns:
        with st.popover(t("Make this a list"), icon=":material/playlist_add:"):
            name = st.text_input(t("Name of the list"), key="sql.list_name")
            if st.button(t("Make the list"), type="primary", disabled=not name.strip(), key="sql.make_list"):
                _make(statement, name)
    st.button(t("New question"), icon=":material/restart_alt:", on_click=_start_over, key="sql.new")


def _make(statement: str, name: str) -> None:
    try:
        _, count = make_list(warehouse(), statement, name, who=who(), now=utc_now())
    except InvalidStatement as problem:
        st.error(t("The statement can't be run: {reason}.", reason=t(problem.reason)))
    except InputError as problem:
        st.error(t("Not yet: {reason}.", reason=t(str(problem.fields.get("reason", "")))))
    else:
        made = nt("The list “{name}” has {count} person.", "The list “{name}” has {count} people.", count, name=name)
        st.success(made, icon=":material/check:")


def _start_over() -> None:
    st.session_state.pop(Key.ANSWER, None)


def to_csv(frame: pl.DataFrame) -> bytes:
    """The rows as CSV; a text that a spreadsheet would run as a formula gets an apostrophe before it."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    safe = [
        pl.when(pl.col(name).str.contains(r"^[=+\-@\t\r]"))
        .then("'" + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    ]
    return _flat(frame).with_columns(safe).write_csv(include_bom=True).encode()


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Nested values as text: a CSV has no place for them."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested() or kind == pl.Object]
    return frame.with_columns(
        pl.Series(name, [None if value is None else str(value) for value in frame[name].to_list()], dtype=pl.String)
        for name in nested
    )


def _readable(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers beyond what a browser holds exactly are shown as text."""
    large = [name for name, kind in frame.schema.items() if kind in (pl.UInt64, pl.Int128, pl.UInt128)]
    return _flat(frame).with_columns(pl.col(name).cast(pl.String) for name in large)


def _draw_chart(frame: pl.DataFrame) -> None:
    numbers = [name for name, kind in frame.schema.items() if kind.is_numeric() and name != "contact_id"]
    others = [name for name in frame.columns if name not in numbers]
    if not numbers or len(frame) < 2:
        st.caption(t("A chart needs at least two rows and a column of numbers."))
        return
    across, up, by, kind = st.columns([1.2, 1.6, 1.2, 1])
    x = across.selectbox(t("Across"), [*others, *numbers], key="sql.chart.x")
    y = up.multiselect(t("Up"), numbers, default=numbers[:3], key="sql.chart.y")
    rest = [name for name in others if name != x]
    color = by.selectbox(t("Colour"), rest, index=0 if rest and len(y) == 1 else None, key="sql.chart.color")
    is_time = frame.schema[x].is_temporal()
    forms = {"bar": t("Bars"), "line": t("Line")}
    form = kind.segmented_control(
        t("Form"), list(forms), default="line" if is_time else "bar", format_func=lambda each: forms[each],
        key="sql.chart.form",
    )  # fmt: skip
    if not y:
        return
    split = color if len(y) == 1 else None
    drawn = frame.head(MOST_BARS).select(list(dict.fromkeys([x, *y, *([split] if split else [])])))
    if form == "line":
        st.line_chart(drawn, x=x, y=y, color=split, height=340)
    else:
        st.bar_chart(drawn, x=x, y=y, color=split, sort=False, stack=True, horizontal=not is_time, height=340)
    if len(frame) > MOST_BARS:
        st.caption(t("The chart shows the first {count} rows.", count=formats.number(MOST_BARS)))
