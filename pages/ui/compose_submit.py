"""Submitting a draft, and what the provider says of it: in review, approved, rejected and why, without a reload."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine.channels import Channel
from engine.channels.making import submit_draft
from engine.channels.making_calls import TemplateRefused
from engine.channels.making_drafts import KeptDraft, archive_draft, get_draft
from engine.channels.store import keep_app_id
from engine.channels.sync import sync_templates
from engine.clock import utc_now
from engine.errors import NotFound, ProviderError, UlakError
from engine.templates import get_template
from engine.templates.composing_problems import Problem
from pages.ui import formats, nt, t
from pages.ui.compose_state import PROBLEM, close_draft, forget_form
from pages.ui.compose_words import part_label
from pages.ui.operation_words import plain
from pages.ui.services import settings, warehouse
from pages.ui.shell import show_error, who
from pages.ui.template_state import open_template
from pages.ui.template_words import REJECTION_LABELS

LOOK_SECONDS = 2
SYNC_AFTER_SECONDS = 60


def draw_submit(kept: KeptDraft, problems: Sequence[Problem]) -> None:
    """What is still wrong in one sentence, and the button that sends the draft to review."""
    errors = [problem for problem in problems if problem.is_error]
    st.space("small")
    problem = st.session_state.pop(PROBLEM, None)
    if problem is not None:
        _draw_problem(kept, problem)
    if errors:
        parts = " · ".join(dict.fromkeys(part_label(each.part) for each in errors))
        text = nt(
            "{count} thing to mend before it can be submitted:",
            "{count} things to mend before it can be submitted:",
            len(errors),
        )
        st.caption(f"{text} {parts}")
    else:
        st.caption(t("The provider reviews it, mostly within minutes. Nobody gets a message by this."))
    with st.container(horizontal=True, gap="small"):
        st.button(
            t("Submit for review"),
            type="primary",
            icon=":material/send:",
            key="compose.submit",
            disabled=bool(errors),
            on_click=_submit,
            args=(kept.draft_id,),
        )
        st.button(
            t("Throw away"),
            type="tertiary",
            icon=":material/delete:",
            key="compose.discard",
            on_click=_discard,
            args=(kept.draft_id,),
        )


def draw_state(channel: Channel | None, kept: KeptDraft) -> None:
    """Where the draft stands at the provider; while it is in review, looked at again by itself."""
    if kept.status == "REJECTED":
        why = kept.rejected_reason or ""
        reason = t(REJECTION_LABELS.get(why, why or "–"))
        st.error(
            t("The provider rejected it: {why}. Change it below and submit it again.", why=reason),
            icon=":material/block:",
        )
    if kept.problem and not kept.is_under_way:
        st.warning(t("The provider said: {text}", text=plain(t(kept.problem))), icon=":material/sms_failed:")
    if not kept.is_under_way or channel is None:
        return
    if kept.status == "PENDING":
        st.fragment(_draw_waiting, run_every=LOOK_SECONDS)(channel, kept)
    elif kept.status == "APPROVED":
        st.success(t("Approved: it can be sent now."), icon=":material/check_circle:")
        st.button(
            t("Fill its variables"),
            type="primary",
            icon=":material/edit_note:",
            key="compose.open",
            on_click=_open,
            args=(kept,),
        )


def _draw_waiting(channel: Channel, kept: KeptDraft) -> None:
    """In review: looks at the store (webhooks change it), and offers to ask the provider."""
    try:
        now = get_draft(warehouse().cursor(), kept.draft_id)
    except NotFound:
        return
    if now.status != "PENDING":
        st.rerun()
    asked = formats.ago(kept.submitted_at) if kept.submitted_at else ""
    st.info(
        t(
            "Submitted {ago}, in review now. You can leave: the decision is shown here and in the list.",
            ago=asked,
        ),
        icon=":material/hourglass_top:",
    )
    st.button(
        t("Ask the provider now"),
        icon=":material/sync:",
        key="compose.ask",
        on_click=_ask,
        args=(channel.channel_id,),
    )
    if problem := st.session_state.pop(PROBLEM, None):
        show_error(problem)


def _draw_problem(kept: KeptDraft, problem: UlakError) -> None:
    if isinstance(problem, TemplateRefused):
        code, sub = problem.fields.get("code"), problem.fields.get("subcode")
        st.caption(t("Nothing was made. Code {code}, {subcode}.", code=code, subcode=sub))
        return
    show_error(problem)
    if problem.fields.get("field") == "app_id":
        with st.form("compose.app", border=False):
            app_id = st.text_input(t("App id"), help=t("The number of your app at developers.facebook.com"))
            if st.form_submit_button(t("Keep")):
                keep_app_id(warehouse(), kept.channel_id, app_id.strip(), who=who(), now=utc_now())
                st.rerun()


def _submit(draft_id: str) -> None:
    try:
        submit_draft(warehouse(), settings(), draft_id, who=who(), now=utc_now())
    except UlakError as problem:
        st.session_state[PROBLEM] = problem
    else:
        st.toast(t("Submitted for review."), icon=":material/send:")


def _discard(draft_id: str) -> None:
    archive_draft(warehouse(), draft_id, who=who(), now=utc_now())
    forget_form(draft_id)
    close_draft()


def _open(kept: KeptDraft) -> None:
    close_draft()
    open_template(get_template(warehouse().cursor(), kept.channel_id, kept.draft.name, kept.draft.language))


def _ask(channel_id: str) -> None:
    try:
        sync_templates(warehouse(), None, settings(), channel_id, who=who(), now=utc_now())
    except ProviderError as problem:
        st.session_state[PROBLEM] = problem
