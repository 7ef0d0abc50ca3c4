"""The policies in Settings: is consent asked for, how often at most, which countries never; by category."""

from __future__ import annotations

import streamlit as st
from babel import Locale

from engine.clock import utc_now
from engine.errors import UlakError
from engine.operations.policies import (
    CATEGORIES,
    MOST_CAP_DAYS,
    Policies,
    last_change,
    load_policies,
    parse_policies,
    save_policies,
)
from pages.ui import formats, language, t, who
from pages.ui.operation_words import plain
from pages.ui.services import warehouse
from pages.ui.shell import show_error

CONSENT, CAP, COUNTRIES = "settings.policy_consent", "settings.policy_cap", "settings.policy_countries"


def draw_policies() -> None:
    """One box a category, then one button; who changed them last."""
    cursor = warehouse().cursor()
    policies = load_policies(cursor)
    st.caption(
        t(
            "Every message is checked by these rules, in its review and again at its launch. "
            "Whoever they leave out is named there."
        )
    )
    chosen = [_draw_category(category, policies) for category in CATEGORIES]
    values = {
        "needs_consent": [category for category, (asks, _, _) in zip(CATEGORIES, chosen, strict=True) if asks],
        "cap_days": {category: days for category, (_, days, _) in zip(CATEGORIES, chosen, strict=True) if days},
        "blocked_countries": {
            category: tuple(codes) for category, (_, _, codes) in zip(CATEGORIES, chosen, strict=True)
        },
    }
    try:
        wanted = parse_policies(values)
    except UlakError as problem:
        show_error(problem)
        return
    if st.button(t("Save the rules"), type="primary", key="settings.policy_save", disabled=wanted == policies):
        save_policies(warehouse(), wanted, who(), utc_now())
        st.toast(t("Saved. Messages in review are checked anew."), icon=":material/check:")
        st.rerun()
    change = last_change(cursor)
    st.caption(
        t("Changed by {who}, {when}.", who=plain(change.who), when=formats.ago(change.changed_at))
        if change
        else t("As Ulak came: nobody has changed them.")
    )


def _draw_category(category: str, policies: Policies) -> tuple[bool, int, list[str]]:
    with st.container(border=True, width=720):
        st.markdown(f"**{t(category.capitalize())}**")
        asks = st.toggle(
            t("Only people with a recorded consent"),
            value=policies.asks_consent(category),
            key=f"{CONSENT}.{category}",
            help=t("Who opted out or is suppressed never gets one, whatever stands here."),
        )
        days = st.number_input(
            t("Days between two such messages to one person"),
            min_value=0,
            max_value=MOST_CAP_DAYS,
            value=policies.cap(category),
            key=f"{CAP}.{category}",
            help=t("0: no limit. Counted from messages that were accepted, in any operation."),
            width=320,
        )
        names = _countries()
        blocked = policies.blocked(category)
        codes = st.multiselect(
            t("Countries that get none"),
            sorted({*names, *blocked}, key=lambda code: names.get(code, code).casefold()),
            default=list(blocked),
            format_func=lambda code: names.get(code, code),
            key=f"{COUNTRIES}.{category}",
            help=t("By the number, not by the contact's country. WhatsApp delivers no marketing to US numbers."),
        )
    return asks, int(days), codes


def _countries() -> dict[str, str]:
    territories = Locale.parse(language()).territories
    return {code: name for code, name in territories.items() if len(code) == 2 and code.isalpha() and code != "ZZ"}
