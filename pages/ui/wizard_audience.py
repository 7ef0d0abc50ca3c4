"""Second step: whom it is for. Saved segments, lists, facets, what came from the Audience page; they intersect."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.errors import InvalidRule, NotFound
from engine.operations.drafts import Draft, load_draft
from engine.segments import (
    Audience,
    Segment,
    Selection,
    SelectionMode,
    SizePoint,
    get_segment,
    is_narrowed,
    list_lists,
    list_segments,
    load_context,
)
from engine.segments.sizes import recent_sizes
from pages.ui import formats, nt, t
from pages.ui.audience_figures import Figures, figures
from pages.ui.audience_words import plain, sentence
from pages.ui.facet_panel import Chosen
from pages.ui.facet_side import PanelKeys, count_facets, draw_facets, read_facets
from pages.ui.segment_words import said
from pages.ui.services import settings, warehouse
from pages.ui.wizard_state import Key, change


def audience_figures(draft: Draft) -> tuple[Figures, int]:
    """The doors to the figures of this run, and how many the draft's audience has.

    Raises:
        InvalidRule: the audience names what is no more.
    """
    cursor = warehouse().cursor()
    found = figures(cursor, load_context(cursor, now=utc_now(), zone=settings().zone)).prepared(draft.audience)
    return found, found.count(draft.audience)


def draw_audience(operation_id: str, draft: Draft) -> None:
    """The filters on the left, whom they leave on the right."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        _draw_saved(operation_id, draft.audience)
        _draw_own(operation_id, draft.audience)
    try:
        found, count = audience_figures(draft)
    except InvalidRule as problem:
        with right:
            reason = t(str(problem.fields.get("problem", "")))
            st.error(t("This audience can't be counted: {reason}", reason=reason), icon=":material/error:")
        return
    with right:
        _draw_sum(draft.audience, found, count)
    with left:
        _draw_facets(operation_id, draft.audience, found)


def _draw_saved(operation_id: str, audience: Audience) -> None:
    """Saved segments and lists to pick, each with its size; several of them intersect, and the page says so."""
    cursor = warehouse().cursor()
    sizes = recent_sizes(cursor)
    segments = {each.segment_id: _sized(each.name, sizes.get(each.segment_id, ())) for each in list_segments(cursor)}
    lists = {each.list_id: f"{each.name} ({formats.number(each.member_count)})" for each in list_lists(cursor)}
    for field, key, label, known, hint in (
        ("segment_ids", Key.SEGMENTS, t("Saved segments"), segments, t("No saved segment is used")),
        ("list_ids", Key.LISTS, t("Lists"), lists, t("No list is used")),
    ):
        chosen = getattr(audience, field)
        names = {**{each: t("archived") for each in chosen}, **known}
        if not names:
            continue
        widget = key.of(operation_id)
        st.multiselect(
            label, list(names), default=list(chosen), format_func=names.__getitem__, key=widget, placeholder=hint,
            on_change=_take_saved, args=(operation_id, field, widget),
        )  # fmt: skip
    _draw_picked(audience)
    if not audience.segment_ids and segments:
        st.caption(t("A saved segment can be used as it is; nothing has to be selected first."))


def _draw_picked(audience: Audience) -> None:
    """Whom each picked segment holds, in words; and that several leave only those who are in all of them."""
    cursor = warehouse().cursor()
    context = load_context(cursor, now=utc_now(), zone=settings().zone)
    for segment_id in audience.segment_ids:
        try:
            saved = get_segment(cursor, segment_id)
        except NotFound:
            st.caption(t("A segment that was picked is not here any more; take it out."))
            continue
        name = plain(saved.name) + (f" ({t('archived')})" if saved.archived_at else "")
        st.caption(f":material/bookmark: **{name}**: {said(saved.segment, context)}")
    if len(audience.segment_ids) + len(audience.list_ids) > 1:
        st.caption(f":material/join_inner: {t('Only people who are in all of these together.')}")


def _sized(name: str, points: tuple[SizePoint, ...]) -> str:
    """Its name, with the size that was counted last: to pick one, nobody has to be counted anew."""
    return f"{name} ({formats.number(points[-1].count)})" if points else name


def _take_saved(operation_id: str, field: str, widget: str) -> None:
    _change_audience(operation_id, **{field: tuple(st.session_state[widget])})


def _draw_own(operation_id: str, audience: Audience) -> None:
    """The rule and the selection that came with the draft; here they can only be let go."""
    if audience.segment.rule is not None:
        only_rule = Segment(rule=audience.segment.rule)
        context = load_context(warehouse().cursor(), now=utc_now(), zone=settings().zone)
        with st.container(horizontal=True, vertical_alignment="center"):
            try:
                st.markdown(t("Rule: {sentence}", sentence=sentence(only_rule, context)), width="stretch")
            except InvalidRule:
                st.markdown(t("The rule names something that is no more."), width="stretch")
            st.button(
                t("Remove the rule"),
                type="tertiary",
                icon=":material/close:",
                key=f"bulk_message.drop_rule.{operation_id}",
                on_click=_drop_rule,
                args=(operation_id,),
            )
    if audience.selection.is_narrowing:
        count = len(audience.selection.ids)
        only = audience.selection.mode is SelectionMode.ONLY
        text = (
            nt("{count} person selected by hand", "{count} people selected by hand", count)
            if only
            else nt("{count} person taken out by hand", "{count} people taken out by hand", count)
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(text, width="stretch")
            st.button(
                t("Forget the selection"),
                type="tertiary",
                icon=":material/close:",
                key=f"bulk_message.drop_selection.{operation_id}",
                on_click=lambda: _change_audience(operation_id, selection=Selection()),
            )


def _draw_sum(audience: Audience, found: Figures, count: int) -> None:
    with st.container(border=True):
        st.metric(t("People in this audience"), formats.number(count))
        if is_narrowed(audience):
            st.markdown(sentence(audience.as_segment(), found.context))
        else:
            st.markdown(t("Nothing is narrowed: **everybody** is meant. The review will ask for the number."))
        st.caption(t("Opted-out people and those without a number are left out later, each with the reason."))
        if count == 0:
            st.warning(t("Nobody matches. Loosen a filter."), icon=":material/person_search:")
    st.page_link(
        "pages/audience.py",
        label=t("Rules and people: the Audience page"),
        icon=":material/groups:",
        query_params={},
    )


def _draw_facets(operation_id: str, audience: Audience, found: Figures) -> None:
    facets = read_facets(found)
    key = Key.FACETS.of(operation_id)
    keys = PanelKeys(key, Key.CLICK.of(operation_id), f"{key}.sought")
    st.markdown(f"**{t('Filters')}**")
    draw_facets(
        facets, count_facets(facets, audience, found), audience, found, keys,
        lambda chosen: _take_facets(operation_id, chosen),
    )  # fmt: skip


def _take_facets(operation_id: str, chosen: Chosen) -> None:
    segment = load_draft(warehouse().cursor(), operation_id).audience.segment
    for name, choice in chosen.facets.items():
        segment = segment.with_facet(name, choice)
    _change_audience(operation_id, segment=segment)


def _drop_rule(operation_id: str) -> None:
    segment = load_draft(warehouse().cursor(), operation_id).audience.segment
    _change_audience(operation_id, segment=segment.with_rule(None))


def _change_audience(operation_id: str, **values: object) -> None:
    audience = load_draft(warehouse().cursor(), operation_id).audience
    change(operation_id, audience=Audience.model_validate({**dict(audience), **values}))
