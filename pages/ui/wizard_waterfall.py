"""From the audience to the recipients: a bar for each reason, the people in it, and what can be done about them."""

from __future__ import annotations

from functools import partial

import altair as alt
import polars as pl
import streamlit as st

from engine.clock import utc_now
from engine.errors import UlakError
from engine.operations.drafts import Draft
from engine.operations.left_out import INVALID, MISSING, TOO_LONG, split_reason
from engine.operations.left_out_people import PAGE_ROWS, export_left_out, left_out_page, list_left_out
from engine.segments import Comparison, Segment, load_context
from engine.segments.rules import LIST_FIELD
from engine.templates import Template
from pages.ui import formats, nt, t, who
from pages.ui.audience_state import show_segment
from pages.ui.operation_charts import ink
from pages.ui.operation_words import reason
from pages.ui.services import settings, warehouse
from pages.ui.wizard_preflight import Verdicts
from pages.ui.wizard_state import Key, Step, go

BAR_HEIGHT = 30
SELECTION = "step"
REASON_KEY, PAGE_KEY, CHART_KEY = "bulk_message.reason", "bulk_message.left_out_page", "bulk_message.waterfall"


def draw_waterfall(operation_id: str, draft: Draft, template: Template, found: Verdicts) -> None:
    """The steps, and the people of the one that is chosen."""
    labels = {slot.key: t(slot.caption, name=slot.name) for slot in template.slots}
    gone = found.left_out.height
    st.markdown(
        t(
            "**{audience}** in the audience, **{gone}** left out, **{recipients}** recipients",
            audience=formats.number(found.audience_count),
            gone=formats.number(gone),
            recipients=formats.number(found.recipient_count),
        )
    )
    if gone:
        _draw_steps(operation_id, found, labels)
        _draw_step_people(operation_id, draft, found, labels)


def _draw_steps(operation_id: str, found: Verdicts, labels: dict[str, str]) -> None:
    """Bars that fall from the audience to the recipients; a click on one chooses it."""
    rows, left = [_bar("@audience", t("Audience"), 0, found.audience_count, found, "all")], found.audience_count
    for key, count in found.reasons.items():
        rows.append(_bar(key, reason(key, labels), left - count, left, found, "out"))
        left -= count
    rows.append(_bar("@recipients", t("Recipients"), 0, found.recipient_count, found, "in"))
    order = [row["label"] for row in rows]
    colours = alt.Scale(domain=["all", "out", "in"], range=_colours())
    base = alt.Chart(pl.DataFrame(rows)).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(domain=False, ticks=False, labelLimit=260)),
        x=alt.X("start:Q", title=None, axis=None, scale=alt.Scale(domain=[0, found.audience_count * 1.7 or 1])),
        tooltip=[alt.Tooltip("label:N", title=t("Step")), alt.Tooltip("figure:N", title=t("People"))],
    )
    bars = base.mark_bar(cornerRadius=2, size=16, cursor="pointer").encode(
        x2="end:Q",
        color=alt.Color("kind:N", scale=colours, legend=None),
        opacity=alt.condition(alt.selection_point(name=SELECTION, fields=["key"]), alt.value(0.75), alt.value(0.3)),
    )
    figures = base.mark_text(align="right", fontSize=13, color=ink()).encode(x=alt.value("width"), text="figure:N")
    chart = alt.layer(bars.add_params(alt.selection_point(name=SELECTION, fields=["key"])), figures)
    st.altair_chart(
        chart.properties(height=BAR_HEIGHT * len(rows)),
        width="stretch",
        key=f"{CHART_KEY}.{operation_id}",
        selection_mode=SELECTION,
        on_select=partial(_take_click, operation_id, tuple(found.reasons)),
    )


def _bar(key: str, label: str, start: int, end: int, found: Verdicts, kind: str) -> dict[str, object]:
    count = end - start
    ratio = count / found.audience_count if found.audience_count else 0.0
    share = f"< {formats.percent(0.001)}" if 0 < ratio < 0.001 else formats.percent(ratio)
    sign = "−" if kind == "out" else ""
    figure = f"{sign}{formats.number(count)}" + ("" if kind == "all" else f"  ·  {share}")
    return {"key": key, "label": label, "start": start, "end": end, "kind": kind, "figure": figure}


def _colours() -> list[str]:
    """Ink for the audience, red for who goes, green for who stays: the theme's own."""
    is_dark = st.context.theme.type == "dark"
    primary = st.get_option(f"theme.{'dark' if is_dark else 'light'}.primaryColor") or "#0E7C66"
    return ["#9AAAB2" if is_dark else "#5B6B73", "#E07B62" if is_dark else "#B4472E", str(primary)]


def _take_click(operation_id: str, known: tuple[str, ...]) -> None:
    chosen = st.session_state[f"{CHART_KEY}.{operation_id}"].selection.get(SELECTION) or [{}]
    key = chosen[0].get("key")
    st.session_state[f"{REASON_KEY}.{operation_id}"] = key if key in known else None


def _draw_step_people(operation_id: str, draft: Draft, found: Verdicts, labels: dict[str, str]) -> None:
    """Which step (also without a mouse), its people, and what to do with them."""
    widget = f"{REASON_KEY}.{operation_id}"
    if st.session_state.get(widget) not in (None, *found.reasons):
        st.session_state[widget] = None
    key = st.selectbox(
        t("Who is left out"),
        list(found.reasons),
        index=None,
        key=widget,
        format_func=lambda each: f"{reason(each, labels)}  ·  {formats.number(found.reasons[each])}",
        placeholder=t("Click a bar, or choose a reason, to see its people"),
    )
    if key is None:
        _draw_export(operation_id, found, None, labels)
        return
    total = found.reasons[key]
    _draw_page(operation_id, found, key, total, labels)
    with st.container(horizontal=True):
        _draw_export(operation_id, found, key, labels)
        _draw_fixes(operation_id, draft, found, key, labels)


def _draw_page(operation_id: str, found: Verdicts, key: str, total: int, labels: dict[str, str]) -> None:
    pages = max(-(-total // PAGE_ROWS), 1)
    page = st.pagination(pages, key=f"{PAGE_KEY}.{operation_id}.{key}") if pages > 1 else 1
    rows = left_out_page(warehouse().cursor(), found.left_out, key, offset=(page - 1) * PAGE_ROWS)
    shown = pl.DataFrame(
        {
            "name": [name or "–" for name in rows["name"]],
            "phone": [formats.phone(phone) for phone in rows["phone"]],
            "reason": [reason(each, labels) for each in rows["reason"]],
        }
    )
    text = st.column_config.TextColumn
    columns = {"name": text(t("Name")), "phone": text(t("Phone")), "reason": text(t("Reason"), width="large")}
    st.dataframe(shown, hide_index=True, column_config=columns, height="content" if rows.height <= 8 else 300)


def _draw_export(operation_id: str, found: Verdicts, key: str | None, labels: dict[str, str]) -> None:
    def made() -> bytes:
        headings = (t("Contact number"), t("Name"), t("Phone"), t("Reason"))
        return export_left_out(
            warehouse(),
            found.left_out,
            key,
            headings=headings,
            say=lambda each: reason(each, labels),
            operation_id=operation_id,
            who=who(),
            now=utc_now(),
        )

    count = found.left_out.height if key is None else found.reasons[key]
    st.download_button(
        nt("Export {count} person (CSV)", "Export {count} people (CSV)", count),
        made,
        file_name=f"{operation_id}-{(key or 'left-out').replace(':', '-')}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help=t("The export is noted with your name."),
        key=f"bulk_message.export_left_out.{operation_id}",
    )


def _draw_fixes(operation_id: str, draft: Draft, found: Verdicts, key: str, labels: dict[str, str]) -> None:
    kind, slot = split_reason(key)
    if kind in (MISSING, TOO_LONG, INVALID):
        st.button(
            t("Add a fallback") if kind != TOO_LONG else t("Change this blank"),
            icon=":material/edit:",
            key=f"bulk_message.fix.{operation_id}",
            on_click=_go_to_hole,
            args=(operation_id, slot),
        )
    clicked = st.button(
        t("Fill it in the contacts") if kind in (MISSING, TOO_LONG, INVALID) else t("Open them in Audience"),
        icon=":material/group:",
        key=f"bulk_message.open_left_out.{operation_id}",
        help=t("A list is made of them and opened in Audience."),
    )
    if clicked:
        _open_as_list(draft, found, key, labels)


def _go_to_hole(operation_id: str, slot: str) -> None:
    st.session_state[Key.HOLE.of(operation_id)] = slot
    go(operation_id, Step.MESSAGE)


def _open_as_list(draft: Draft, found: Verdicts, key: str, labels: dict[str, str]) -> None:
    now = utc_now()
    moment = now.astimezone(settings().zone).strftime("%d.%m.%Y %H:%M:%S")
    name = f"{reason(key, labels)[:50]} · {moment}"
    context = load_context(warehouse().cursor(), now=now, zone=settings().zone)
    try:
        list_id = list_left_out(warehouse(), found.left_out, key, name, context=context, who=who(), now=now)
    except UlakError as problem:
        st.session_state[Key.PROBLEM] = problem
        st.rerun()
    show_segment(Segment(rule=Comparison(field=LIST_FIELD, operator="in", value=list_id)))
    st.switch_page("pages/audience.py", query_params={})
