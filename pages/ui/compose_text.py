"""A text of several lines that is heard while it is typed, with its count of characters.

The browser holds what is typed and numbers it; a text from here (a variable was added) takes its place only when
`version` grows.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st


def live_text(
    label: str, value: str, *, key: str, limit: int, count: str, version: int = 0, hint: str = "", lines: int = 5
) -> str:
    """Draw the text and return what is typed now.

    Args:
        count: how the characters are counted in words, with `{count}` and `{limit}`.
        version: a greater number than before puts `value` in.
    """
    drawn = _text(
        key=key,
        data={
            "label": label, "value": value, "limit": limit, "count": count, "version": version, "hint": hint,
            "lines": lines,
        },
        default={"text": {"value": value, "version": version}},
        on_text_change=lambda: None,
    )  # fmt: skip
    typed = drawn.text
    if not isinstance(typed, dict) or int(typed.get("version", 0)) < version:
        return value
    return str(typed.get("value", value))[: 4 * limit]


_text = st.components.v2.component(
    "ulak_compose_text",
    html="""<div class="text">
  <div class="head"><label for="box"></label><span class="count" aria-live="polite"></span></div>
  <textarea id="box" dir="auto" spellcheck="true"></textarea>
</div>""",
    css=Path(__file__).with_suffix(".css").read_text("utf-8"),
    js=Path(__file__).with_suffix(".js").read_text("utf-8"),
)
