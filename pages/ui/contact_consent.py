"""Consent of one person: what it is, what it was, and giving or withdrawing it by hand."""

from __future__ import annotations

from datetime import datetime, time

import streamlit as st

from engine.clock import utc_now
from engine.contacts.consent import LONGEST_NOTE, SOURCES
from engine.contacts.profile import ConsentEvent, Profile
from engine.errors import QueueUnavailable, UlakError
from engine.operations.consenting import give_consent, withdraw_consent
from engine.operations.suppressions import SCOPE_LABELS, SCOPES
from pages.ui import formats, t, who
from pages.ui.contact_state import answered, ask, is_asked, is_named, live_or_none
from pages.ui.contact_words import consent_badge, name_of, source_words, suppression_line
from pages.ui.operation_words import plain
from pages.ui.services import settings, warehouse
from pages.ui.shell import sentence_of

GIVE, WITHDRAW = "give", "withdraw"


def draw_consent(profile: Profile, *, is_suppressed: bool) -> None:
    """Now, what keeps messages away, before, and the two ways to change it."""
    st.subheader(t("Consent"), anchor=False)
    _draw_now(profile, is_suppressed=is_suppressed)
    with st.container(horizontal=True, gap="small"):
        may_give, may_withdraw = profile.consent != "opted_in" or is_suppressed, profile.consent != "opted_out"
        for may, question, label, icon in (
            (may_give, GIVE, t("Give consent"), "thumb_up"),
            (may_withdraw, WITHDRAW, t("Withdraw"), "thumb_down"),
        ):
            if may:
                st.button(
                    label, icon=f":material/{icon}:", key=f"contact.{question}", on_click=ask,
                    args=(question, profile.contact_id),
                )  # fmt: skip
    if is_asked(GIVE, profile.contact_id):
        st.dialog(t("Give consent"), on_dismiss=answered)(_give_dialog)(profile, is_suppressed=is_suppressed)
    if is_asked(WITHDRAW, profile.contact_id):
        st.dialog(t("Withdraw consent"), on_dismiss=answered)(_withdraw_dialog)(profile)
    lifted = [each for each in profile.suppressions if not each.stands]
    if profile.consents or lifted:
        with st.expander(t("History of consent"), key="contact.consent_history"):
            for event in profile.consents:
                _draw_event(event)
            for each in lifted:
                span = f"{formats.moment(each.happened_at)} – {formats.moment(each.lifted_at)}"
                st.markdown(f"{t('Suppressed')} · {suppression_line(each)}")
                st.caption(f"{span} · {t('lifted by {name}', name=plain(each.lifted_by or '–'))}")


def _draw_now(profile: Profile, *, is_suppressed: bool) -> None:
    since = profile.values.get("consent_at")
    known = [source_words(profile.values.get("consent_source"))] if profile.consent else []
    known += [t("since {day}", day=formats.day(since))] if profile.consent and since else []
    st.markdown(consent_badge(profile.consent) + (f" :small[:gray[{plain(' · '.join(known))}]]" if known else ""))
    for each in profile.standing if is_suppressed else ():
        st.markdown(f":red[:material/block:] {suppression_line(each)}")
        st.caption(t("{day} by {name}", day=formats.moment(each.happened_at), name=plain(_by(each.by_whom))))
    if is_suppressed and not profile.standing:
        st.caption(t("Suppressed since a moment ago; the record follows."))
    if profile.standing and not is_suppressed:
        st.caption(t("The suppression was lifted a moment ago; the record follows."))


def _draw_event(event: ConsentEvent) -> None:
    st.markdown(f"{consent_badge(event.consent)} {plain(source_words(event.source))}")
    by = t("noted {day} by {name}", day=formats.moment(event.recorded_at), name=plain(_by(event.by_whom)))
    said = t("said {day}", day=formats.day(event.happened_at))
    st.caption(" · ".join(part for part in (said, by, plain(event.note or "")) if part))


def _by(name: str) -> str:
    return t("the person themselves, or Ulak") if name in ("", "ulak") else name


def _give_dialog(profile: Profile, *, is_suppressed: bool) -> None:
    st.markdown(t("**{name}** agreed to marketing messages.", name=plain(name_of(profile))))
    source, said_at, note = _draw_grounds("give")
    confirmed = not (profile.consent == "opted_out" or is_suppressed)
    if not confirmed:
        st.warning(
            t("This person said no before. Opt them in again only if they asked for it themselves; what keeps "
              "messages from them is lifted then."), icon=":material/warning:",
        )  # fmt: skip
        typed = st.text_input(t("Type their name or number to confirm"), key="contact.give_confirm")
        confirmed = is_named(profile, typed)
    if st.button(t("Give consent"), type="primary", key="contact.give_save", disabled=not confirmed):
        try:
            give_consent(
                warehouse(), live_or_none(), profile.contact_id, source=source, note=note, said_at=said_at, who=who(),
                now=utc_now(), confirmed=confirmed,
            )  # fmt: skip
        except QueueUnavailable:
            st.error(t("The consent is noted. Redis can't be reached, so they stay suppressed; try again later."))
            return
        except UlakError as problem:
            st.error(sentence_of(problem), icon=":material/error:")
            return
        st.toast(t("Consent noted"), icon=":material/check:")
        answered()
        st.rerun()


def _withdraw_dialog(profile: Profile) -> None:
    st.markdown(
        t("**{name}** wants no more messages. What is queued for them stops too.", name=plain(name_of(profile)))
    )
    source, said_at, note = _draw_grounds("withdraw")
    scope = st.segmented_control(
        t("How far it reaches"), SCOPES, default=SCOPES[0], key="contact.withdraw_scope", required=True,
        format_func=lambda each: t(SCOPE_LABELS[each]),
    )  # fmt: skip
    if st.button(t("Withdraw consent"), type="primary", key="contact.withdraw_save"):
        try:
            told = withdraw_consent(
                warehouse(), live_or_none(), profile.contact_id, source=source, note=note, said_at=said_at, who=who(),
                now=utc_now(), scope=str(scope),
            )  # fmt: skip
        except UlakError as problem:
            st.error(sentence_of(problem), icon=":material/error:")
            return
        said = (
            t("Withdrawn; nothing more is sent to them") if told else t("Withdrawn; the senders hear of it shortly")
        )
        st.toast(said, icon=":material/block:")
        answered()
        st.rerun()


def _draw_grounds(kind: str) -> tuple[str, datetime | None, str]:
    """(source, when they said so, note)."""
    source = st.selectbox(
        t("How they said so"), list(SOURCES), key=f"contact.{kind}_source", format_func=lambda each: t(SOURCES[each])
    )
    now = utc_now()
    today = now.astimezone(settings().zone).date()
    day = st.date_input(t("When"), value=today, max_value=today, key=f"contact.{kind}_day")
    note = st.text_area(t("Note"), max_chars=LONGEST_NOTE, key=f"contact.{kind}_note", height=80)
    said_at = None if day == today or day is None else datetime.combine(day, time(12), settings().zone)
    return str(source), said_at, note
