"""Send a test: the message on the phone, to one's own number, with the values of the person who is looked at."""

from __future__ import annotations

import streamlit as st

from engine.clock import utc_now
from engine.errors import UlakError
from engine.operations.trials import Trial, add_own_number, list_own_numbers, list_tests, send_test
from engine.templates import Bindings, Template, empty_slots
from pages.ui import formats, t, who
from pages.ui.binding_form import slot_label
from pages.ui.message_people import name_of
from pages.ui.operation_words import plain
from pages.ui.services import live_redis, settings, warehouse
from pages.ui.shell import show_error

SENT = "trial.sent"


def draw_trial(template: Template, bindings: Bindings, contact_id: int, *, key: str) -> None:
    """The button that opens the dialog; it says why where no test can go."""
    why = t(template.unsendable_reason) if template.unsendable_reason else ""
    if not why and (empty := empty_slots(template, bindings)):
        why = t("Fill {slot} first", slot=slot_label(empty[0]))
    pressed = st.button(
        t("Send a test"),
        icon=":material/outgoing_mail:",
        key=key,
        disabled=bool(why),
        help=why or t("This very message, to a number of your own"),
        width="stretch",
    )
    if pressed:
        st.session_state.pop(SENT, None)
        st.dialog(t("Send a test"))(_draw)(template, bindings, contact_id)


def _draw(template: Template, bindings: Bindings, contact_id: int) -> None:
    numbers = {each.number_id: each for each in list_own_numbers(warehouse().cursor())}
    name, phone = name_of(contact_id)
    st.markdown(t("With the values of **{name}**.", name=plain(name) or plain(formats.phone(phone))))
    if numbers:
        chosen = st.selectbox(
            t("Send it to"),
            list(numbers),
            format_func=lambda each: f"{numbers[each].name} · {formats.phone(numbers[each].phone)}",
            key="trial.number",
        )
        if st.button(t("Send it now"), type="primary", icon=":material/send:", key="trial.send"):
            _send(template, bindings, chosen, contact_id)
    with st.expander(t("Add a number of your own"), expanded=not numbers, icon=":material/add:"):
        _draw_new()
    _draw_result(template)
    st.caption(
        t("A test is a real message: it is billed and may take a place of the messaging limit. It is in no report.")
    )


def _draw_new() -> None:
    with st.form("trial.new", border=False, clear_on_submit=False):
        name = st.text_input(t("Whose number"), key="trial.name", max_chars=80)
        phone = st.text_input(t("Phone number"), key="trial.phone", placeholder="+90 532 123 45 67")
        if st.form_submit_button(t("Keep the number")):
            try:
                add_own_number(warehouse(), name, phone, region=settings().default_region, who=who(), now=utc_now())
            except UlakError as problem:
                show_error(problem)
            else:
                st.rerun(scope="fragment")


def _send(template: Template, bindings: Bindings, number_id: str, contact_id: int) -> None:
    try:
        with st.spinner(t("Sending …"), show_time=False):
            st.session_state[SENT] = send_test(
                warehouse(),
                live_redis(),
                settings(),
                template,
                bindings,
                number_id=number_id,
                contact_id=contact_id,
                who=who(),
                now=utc_now(),
            )
    except UlakError as problem:
        st.session_state.pop(SENT, None)
        show_error(problem)


def _draw_result(template: Template) -> None:
    sent = st.session_state.get(SENT)
    if isinstance(sent, Trial):
        place = plain(f"{sent.number.name} · {formats.phone(sent.number.phone)}")
        if sent.is_accepted:
            st.success(t("The provider took the test to {number}.", number=place), icon=":material/check:")
        elif sent.outcome == "unknown":
            st.warning(t("No clear answer came: the test to {number} may have gone out.", number=place))
        else:
            st.error(t("Not sent to {number}: {reason}", number=place, reason=t(sent.meaning)))
    earlier = list_tests(warehouse().cursor(), template, limit=3)
    for each in earlier:
        words = t(
            "Test to {name}, {ago}, by {who}", name=each.number.name, ago=formats.ago(each.sent_at), who=each.sent_by
        )
        st.caption(plain(words))
