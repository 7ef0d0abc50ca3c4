"""SQL: an analyst's read-only question over contacts and deliveries, its rows as table, chart, CSV or list."""

from __future__ import annotations

import streamlit as st

from engine.errors import InputError
from engine.reports.analyst import MOST_ROWS, SECONDS, InvalidStatement, ask
from pages.ui import formats, guarded, header, t
from pages.ui.services import warehouse
from pages.ui.sql_answer import draw_answer
from pages.ui.sql_parts import Key, draw_examples, draw_schema, keep_statement


def draw() -> None:
    """The statement on the left, the tables on the right, the answer below."""
    header(
        t("SQL"),
        t(
            "Ask contacts and deliveries anything. One SELECT, read only, {seconds} seconds, {rows} rows.",
            seconds=formats.number(int(SECONDS)),
            rows=formats.number(MOST_ROWS),
        ),
    )
    with guarded():
        question, tables = st.columns([2.6, 1], gap="medium")
        with question:
            _draw_question()
        with tables:
            draw_schema()
        answered = st.session_state.get(Key.ANSWER)
        if answered is None:
            with question:
                draw_examples()
        else:
            draw_answer(*answered)


def _draw_question() -> None:
    st.html("<style>.st-key-sql-statement textarea { font-family: var(--st-code-font, monospace); }</style>")
    with st.form("sql.form", border=False):
        statement = st.text_area(
            t("Statement"),
            key=Key.STATEMENT,
            height=190,
            placeholder="SELECT city, count(*) AS people\nFROM contacts\nGROUP BY city\nORDER BY people DESC",
            help=t("Ctrl + Enter runs it."),
            persist_state="session",
        )
        run = st.form_submit_button(t("Run"), type="primary", icon=":material/play_arrow:", shortcut="Ctrl+Enter")
    if run or st.session_state.pop(Key.RUN, False):
        _run(statement)


def _run(statement: str) -> None:
    st.session_state.pop(Key.ANSWER, None)
    try:
        with st.spinner(t("Asking …")):
            answer = ask(warehouse(), statement)
    except InvalidStatement as problem:
        st.error(t("The statement can't be run: {reason}.", reason=t(problem.reason)), icon=":material/error:")
        if problem.detail:
            st.code(problem.detail, language=None)
    except InputError:
        raise
    else:
        keep_statement(statement)
        st.session_state[Key.ANSWER] = (statement, answer)


draw()
