"""Where composing begins: a new template, a copy, a change; and the drafts that wait to be finished or reviewed."""

from __future__ import annotations

import streamlit as st

from engine.channels import Channel
from engine.channels.making import MADE_ELSEWHERE, makes_templates
from engine.channels.making_drafts import KeptDraft, as_copy, create_draft, list_drafts, read_template
from engine.clock import utc_now
from engine.templates import Template
from engine.templates.composing import TemplateDraft
from pages.ui import formats, nt, t
from pages.ui.compose_state import open_draft
from pages.ui.operation_words import plain
from pages.ui.services import settings, warehouse
from pages.ui.shell import who
from pages.ui.template_words import STATUS_LABELS


def draw_new(channel: Channel) -> None:
    """The button for a new template; a channel whose templates are made elsewhere says so."""
    if makes_templates(channel):
        st.button(
            t("New template"),
            icon=":material/add:",
            key="templates.new",
            on_click=begin_new,
            args=(channel.channel_id,),
        )
    else:
        st.caption(t(MADE_ELSEWHERE))


def draw_drafts(channel: Channel) -> None:
    """The drafts of the channel, folded."""
    drafts = list_drafts(warehouse().cursor(), channel.channel_id)
    if not drafts:
        return
    title = nt("{count} template being made", "{count} templates being made", len(drafts))
    with st.expander(title, icon=":material/edit_note:"):
        for kept in drafts:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    plain(kept.draft.name) or t("Without a name yet"),
                    type="tertiary",
                    key=f"templates.draft.{kept.draft_id}",
                    on_click=open_draft,
                    args=(kept.draft_id,),
                )
                state = t(STATUS_LABELS.get(kept.status, kept.status)) if kept.status else t("Draft")
                st.caption(f"{state} · {kept.created_by} · {formats.ago(kept.updated_at)}", width="content")


def begin_new(channel_id: str) -> None:
    """Begin an empty template."""
    draft = TemplateDraft(language=settings().language)
    open_draft(create_draft(warehouse(), channel_id, draft, who=who(), now=utc_now()))


def begin_copy(template: Template) -> None:
    """Begin with what another one has, under another name."""
    draft = as_copy(_read(template))
    open_draft(create_draft(warehouse(), template.channel_id, draft, who=who(), now=utc_now()))


def begin_change(template: Template) -> None:
    """Begin to change one; a change that was begun and not submitted is taken up again."""
    open_drafts = list_drafts(warehouse().cursor(), template.channel_id)
    begun = next((each for each in open_drafts if _changes(each, template)), None)
    if begun is not None:
        open_draft(begun.draft_id)
        return
    edits = template.template_id
    draft = _read(template)
    open_draft(
        create_draft(warehouse(), template.channel_id, draft, who=who(), now=utc_now(), edits_template_id=edits)
    )


def _changes(kept: KeptDraft, template: Template) -> bool:
    return kept.target_id == template.template_id and not kept.is_under_way


def _read(template: Template) -> TemplateDraft:
    return read_template(warehouse().cursor(), template.channel_id, template.name, template.language)
