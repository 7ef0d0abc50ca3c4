"""What stands beside the statement of the SQL page: the tables, examples to begin with, and what was asked before."""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from engine.reports.analyst import schema
from pages.ui.i18n import t
from pages.ui.services import warehouse

MOST_KEPT = 10


class Key(StrEnum):
    """The page's names in the session."""

    STATEMENT = "sql.statement"
    ANSWER = "sql.answer"
    RUN = "sql.run"
    ASKED = "sql.asked"


def examples() -> dict[str, str]:
    """Title and statement of each example."""
    return {
        t("Where people live"): (
            "SELECT coalesce(city, '–') AS city, count(*) AS people\nFROM contacts\nGROUP BY ALL\n"
            "ORDER BY people DESC\nLIMIT 15"
        ),
        t("New contacts by month"): (
            "SELECT date_trunc('month', created_at)::DATE AS month, count(*) AS new_contacts\nFROM contacts\n"
            "GROUP BY ALL\nORDER BY month"
        ),
        t("What became of each operation's messages"): (
            "SELECT operation, state, count(*) AS messages\nFROM messages\nGROUP BY ALL\n"
            "ORDER BY operation, messages DESC"
        ),
        t("Consent by country"): (
            "SELECT country, count(*) FILTER (consent = 'opted_in') AS opted_in,\n"
            "    count(*) FILTER (consent = 'opted_out') AS opted_out, count(*) FILTER (consent IS NULL) AS unknown\n"
            "FROM contacts\nGROUP BY ALL\nORDER BY opted_in DESC"
        ),
    }


def draw_examples() -> None:
    """Statements to begin with, and the last ones of this session."""
    st.caption(t("Begin with one of these:"))
    with st.container(horizontal=True):
        for number, (title, statement) in enumerate(examples().items()):
            st.button(title, key=f"sql.example.{number}", on_click=_take, args=(statement,))
    asked = st.session_state.get(Key.ASKED, [])
    if asked:
        st.caption(t("Asked before:"))
        for number, statement in enumerate(asked):
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.code(statement, language="sql", width="stretch")
                st.button(t("Again"), key=f"sql.again.{number}", on_click=_take, args=(statement,))


def draw_schema() -> None:
    """The tables that can be read, one of them opened with its columns."""
    tables = schema(warehouse().cursor())
    names = ["contacts", "messages", *sorted(set(tables) - {"contacts", "messages"})]
    table = st.selectbox(t("Table"), names, key="sql.table", persist_state="session")
    with st.container(height=220, border=True, gap=None):
        for column, kind in tables[table]:
            st.markdown(f"`{column}` :gray[:small[{kind.lower()}]]")


def keep_statement(statement: str) -> None:
    """Remember a statement that ran, the newest first."""
    asked = [each for each in st.session_state.get(Key.ASKED, []) if each != statement]
    st.session_state[Key.ASKED] = [statement, *asked][:MOST_KEPT]


def _take(statement: str) -> None:
    st.session_state[Key.STATEMENT] = statement
    st.session_state[Key.RUN] = True
