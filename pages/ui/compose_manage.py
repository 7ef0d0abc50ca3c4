"""What a person may do with a template at the provider: copy, change, delete; with the limits and what follows."""

from __future__ import annotations

import streamlit as st

from engine.channels import Channel
from engine.channels.making import delete_template, makes_templates
from engine.channels.making_calls import TemplateRefused
from engine.channels.making_limits import EDITS_A_MONTH, edit_allowance
from engine.clock import utc_now
from engine.errors import ProviderError, UlakError
from engine.templates import Template
from pages.ui import formats, t
from pages.ui.compose_list import begin_change, begin_copy
from pages.ui.operation_words import plain
from pages.ui.services import settings, warehouse
from pages.ui.shell import show_error, who
from pages.ui.template_state import close_template
from pages.ui.template_words import sync_problem


def draw_manage(channel: Channel, template: Template) -> None:
    """Copy, change, delete; folded below what is done every day."""
    if not makes_templates(channel):
        return
    with st.expander(t("Copy, change or delete it"), icon=":material/edit:"):
        allowance = edit_allowance(warehouse().cursor(), template, utc_now())
        with st.container(horizontal=True, gap="small"):
            st.button(
                t("Copy"), icon=":material/content_copy:", key="templates.copy", on_click=begin_copy, args=(template,)
            )
            st.button(
                t("Change"),
                icon=":material/edit:",
                key="templates.change",
                disabled=allowance.reason is not None,
                on_click=begin_change,
                args=(template,),
            )
            if st.button(t("Delete…"), icon=":material/delete:", key="templates.delete", disabled=template.is_gone):
                st.dialog(t("Delete a template"))(_delete_dialog)(template)
        if allowance.reason is not None:
            again = allowance.again_at
            when = " " + t("Again from {moment}.", moment=formats.moment(again)) if again else ""
            st.caption(f"{t(allowance.reason)}.{when}")
        elif template.status == "APPROVED":
            st.caption(
                t(
                    "An approved template can be changed once in 24 hours and {most} times in 30 days; {count} times "
                    "from here so far. While a change is reviewed it can't be sent.",
                    most=EDITS_A_MONTH,
                    count=allowance.edits_month,
                )
            )
        else:
            st.caption(t("After a change the provider reviews it again."))


def _delete_dialog(template: Template) -> None:
    language = formats.language_name(template.language)
    st.markdown(
        t("**{name}** ({language}) is deleted at the provider.", name=plain(template.name), language=language)
    )
    follows = [
        t("Messages under way are still delivered, for up to 30 days."),
        t("Operations that use it stop."),
        t("The name of an approved template can't be used again for 30 days."),
        t("It can't be undone."),
    ]
    st.markdown("\n".join(f"- {line}" for line in follows))
    typed = st.text_input(t("Type its name to delete it"), key="templates.delete.typed", live="200ms")
    if st.button(
        t("Delete"), type="primary", key="templates.delete.go", disabled=(typed or "").strip() != template.name
    ):
        try:
            delete_template(warehouse(), settings(), template, typed=typed or "", who=who(), now=utc_now())
        except TemplateRefused as refused:
            st.error(t("The provider said: {text}", text=plain(str(refused.fields["said"]))), icon=":material/block:")
        except ProviderError as problem:
            st.error(sync_problem(problem), icon=":material/sync_problem:")
        except UlakError as problem:
            show_error(problem)
        else:
            close_template()
            st.rerun()
