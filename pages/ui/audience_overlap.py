"""A small figure of two groups: two bars over one scale, which cover one another where the groups do."""

from __future__ import annotations

import streamlit as st

from engine.segments import Overlap


def draw_overlap(overlap: Overlap, names: tuple[str, str], alt: str) -> None:
    """Draw the two bars; their lengths and where they meet are to scale."""
    _overlap(
        key="audience.overlap",
        data={
            "names": list(names), "alt": alt, "only_first": overlap.only_first, "both": overlap.both,
            "only_second": overlap.only_second,
        },
    )  # fmt: skip


_overlap = st.components.v2.component(
    "ulak_overlap",
    html="""<div class="overlap" role="img">
</div>""",
    css="""
.overlap { font-family: var(--st-font); font-size: 0.86rem; color: var(--st-text-color); display: grid;
  gap: 0.35rem; }
.line { display: grid; gap: 0.15rem; }
.name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; unicode-bidi: plaintext; font-weight: 620; }
.scale { position: relative; height: 14px; border-radius: 4px; background: var(--st-secondary-background-color); }
.scale i { position: absolute; top: 0; bottom: 0; border-radius: 4px; min-width: 2px; }
.first i { background: var(--st-primary-color); }
.second i { background: var(--st-text-color); opacity: 0.55; }
""",
    js="""
export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".overlap")
  const total = data.only_first + data.both + data.only_second
  const line = (kind, name, start, count) => {
    const row = document.createElement("div")
    row.className = `line ${kind}`
    const label = document.createElement("span")
    label.className = "name"
    label.textContent = name
    const scale = document.createElement("div")
    scale.className = "scale"
    if (total && count) {
      const bar = document.createElement("i")
      bar.style.insetInlineStart = `${(100 * start) / total}%`
      bar.style.width = `${(100 * count) / total}%`
      scale.append(bar)
    }
    row.append(label, scale)
    return row
  }
  root.setAttribute("aria-label", data.alt)
  root.replaceChildren(
    line("first", data.names[0], 0, data.only_first + data.both),
    line("second", data.names[1], data.only_first, data.both + data.only_second),
  )
}
""",
)
