"""The launch: whether it may be, the question, and the one call that may be repeated."""

from __future__ import annotations

import streamlit as st

from engine.channels.provider import Channel
from engine.clock import utc_now
from engine.errors import (
    InputError,
    InvalidTemplate,
    MessagingLimitReached,
    MissingParameter,
    StateError,
    UlakError,
)
from engine.operations.drafts import Draft
from engine.operations.launch import launch
from engine.operations.launch_checks import check_limit, check_live
from engine.segments import is_narrowed
from engine.words import N_
from pages.ui import formats, nt, t, who
from pages.ui.operation_words import plain
from pages.ui.services import live_redis, settings, warehouse
from pages.ui.shell import show_error
from pages.ui.wizard_preflight import Verdicts, forget_verdicts
from pages.ui.wizard_state import Key
from worker.queue import enqueue_batch

SEPARATORS = str.maketrans("", "", " .,\u00a0\u202f'")
"""What people write between thousands."""


def launch_trouble(channel: Channel, found: Verdicts) -> UlakError | None:
    """What forbids a launch just now, or None. The launch itself asks again."""
    try:
        if found.recipient_count == 0:
            raise StateError(reason=N_("nobody is left to send to"))
        check_live(live_redis(), channel, warehouse().epoch)
        check_limit(live_redis(), channel, found.person_keys, utc_now())
    except UlakError as problem:
        return problem
    return None


def draw_trouble(problem: UlakError) -> None:
    """Say what forbids the launch, with its figures."""
    if isinstance(problem, MessagingLimitReached):
        text = t(
            "The messaging limit leaves **{left}** people now, and this message needs **{wanted}**. "
            "Narrow the audience, or wait until places are free.",
            left=formats.number(problem.left),
            wanted=formats.number(problem.wanted),
        )
        st.error(text, icon=":material/speed:")
        st.page_link("pages/limits.py", label=t("When places become free"), icon=":material/speed:")
        return
    if isinstance(problem, MissingParameter):
        st.info(t("The blank {slot} is empty. Fill it first.", slot=plain(str(problem.slot))), icon=":material/info:")
    elif isinstance(problem, InvalidTemplate):
        st.error(t("This template can't be sent: {reason}", reason=t(str(problem.reason))), icon=":material/block:")
    elif "reason" in problem.fields and isinstance(problem, InputError):
        st.info(t(str(problem.reason)), icon=":material/info:")
    else:
        show_error(problem)


def draw_launch(operation_id: str, draft: Draft, channel: Channel, found: Verdicts, *, is_ready: bool) -> None:
    """The page's one primary button, and the question it asks."""
    st.button(
        t("Launch"),
        type="primary",
        icon=":material/send:",
        key=f"bulk_message.launch.{operation_id}",
        disabled=not is_ready,
        on_click=lambda: st.session_state.update({Key.ASKED: operation_id}),
    )
    if is_ready and st.session_state.get(Key.ASKED) == operation_id:
        title = nt("Send to {count} person now?", "Send to {count} people now?", found.recipient_count)
        st.dialog(title, on_dismiss=_forget)(_draw_question)(operation_id, draft, channel, found)


def _draw_question(operation_id: str, draft: Draft, channel: Channel, found: Verdicts) -> None:
    count = found.recipient_count
    st.markdown(
        t(
            "**{name}** is sent from **{channel}**. It begins at once; what is sent can't be called back.",
            name=plain(draft.name or draft.template_name or ""),
            channel=plain(channel.name),
        )
    )
    confirmed = True
    if not is_narrowed(draft.audience):
        st.warning(t("Nothing narrows the audience: this goes to everybody."), icon=":material/groups:")
        label = t("Type {count} to confirm", count=formats.number(count))
        typed = st.text_input(label, key=Key.CONFIRM.of(operation_id), live="250ms")
        confirmed = typed.translate(SEPARATORS) == str(count)
    with st.container(horizontal=True, horizontal_alignment="right"):
        later = st.button(t("Not yet"), key="bulk_message.not_yet", on_click=_forget)
        sent = st.button(
            t("Send now"),
            type="primary",
            icon=":material/send:",
            key="bulk_message.send_now",
            disabled=not confirmed,
            on_click=_launch,
            args=(operation_id, count, found.fingerprint),
        )
    if later or sent:
        st.rerun()  # a dialog reruns by itself alone; the page behind it has to know


def _forget() -> None:
    st.session_state.pop(Key.ASKED, None)


def _launch(operation_id: str, count: int, shown: str) -> None:
    """Called twice it launches once: the second call finds the first one's operation."""
    _forget()
    try:
        client = live_redis()

        def ring(operation: str, batch_no: int) -> None:
            enqueue_batch(client, operation, batch_no)

        launch(
            warehouse(),
            client,
            settings(),
            operation_id,
            who=who(),
            now=utc_now(),
            enqueue=ring,
            confirmed_count=count,
            shown=shown,
        )
    except UlakError as problem:
        forget_verdicts()
        st.session_state[Key.PROBLEM] = problem
