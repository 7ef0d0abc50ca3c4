"""The parts of a template as controls: each reads what is typed into a record, and keeps a spot for what is wrong."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.templates.composing import (
    CATEGORY_WORDS,
    LANGUAGES,
    MEDIA_FORMATS,
    DraftCode,
    DraftHeader,
    DraftOffer,
    HeaderFormat,
    TemplateDraft,
    variables_of,
    with_variable,
)
from engine.templates.composing_rules import FOOTER_LIMIT, HEADER_LIMIT, OFFER_LIMIT
from pages.ui import t
from pages.ui.compose_media import draw_example
from pages.ui.compose_state import Form, seed
from pages.ui.compose_text import live_text
from pages.ui.compose_words import CATEGORIES, CODES, HEADERS, count_line, language_label

Spots = dict[str, DeltaGenerator]
PLAIN_HEADERS: tuple[HeaderFormat, ...] = ("NONE", "TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION")
OFFER_HEADERS: tuple[HeaderFormat, ...] = ("NONE", "IMAGE", "VIDEO")


def draw_identity(begun: TemplateDraft, prefix: str, spots: Spots, *, is_edit: bool, is_live: bool) -> TemplateDraft:
    """Name, language and category; a template at the provider keeps its name and language.

    Args:
        is_live: it is approved: its category stays too.
    """
    left, right = st.columns([1.6, 1])
    name = left.text_input(
        t("Name"), key=seed(f"{prefix}.name", begun.name), placeholder="winter_sale", live="300ms", disabled=is_edit
    )
    spots["name"] = left.container(gap=None)
    known = LANGUAGES if begun.language in LANGUAGES else (*LANGUAGES, begun.language)
    chosen = right.selectbox(
        t("Language"),
        known,
        key=seed(f"{prefix}.language", begun.language),
        format_func=language_label,
        disabled=is_edit,
    )
    spots["language"] = right.container(gap=None)
    category = st.segmented_control(
        t("Category"),
        list(CATEGORIES),
        key=seed(f"{prefix}.category", begun.category),
        format_func=lambda each: t(CATEGORIES[each]),
        required=True,
        disabled=is_live,
    )
    st.caption(t(CATEGORY_WORDS[category or begun.category]))
    spots["category"] = st.container(gap=None)
    return begun.model_copy(update={"name": name or "", "language": chosen, "category": category or begun.category})


def draw_header(
    begun: DraftHeader, prefix: str, spot_name: str, spots: Spots, formats: tuple[HeaderFormat, ...]
) -> DraftHeader:
    """A header: its kind, and the text or the example file."""
    known = formats if begun.format in formats else (*formats, begun.format)
    chosen = st.segmented_control(
        t("Header"),
        known,
        key=seed(f"{prefix}.format", begun.format),
        format_func=lambda each: t(HEADERS[each]),
        required=True,
        label_visibility="collapsed",
    )
    kind: HeaderFormat = chosen or begun.format
    text, example, media = begun.text, begun.example, begun.media
    if kind == "TEXT":
        left, right = st.columns([1, 0.18], vertical_alignment="bottom")
        text = left.text_input(
            t("Header text"),
            key=seed(f"{prefix}.text", begun.text),
            live="300ms",
            label_visibility="collapsed",
            placeholder=t("Such as “News for your city”"),
        )
        right.caption(count_line(len(text or ""), HEADER_LIMIT), text_alignment="right")
        for name in variables_of(text or "")[:1]:
            example = _example(name, begun.example, f"{prefix}.example")
    elif kind in MEDIA_FORMATS:
        media = draw_example(kind, begun, f"{prefix}.{kind}")
    elif kind == "LOCATION":
        st.caption(t("Each message brings its own place; there is nothing to write here."))
    spots[spot_name] = st.container(gap=None)
    return DraftHeader(format=kind, text=text or "", example=example, media=media)


def draw_body(
    label: str, text: str, examples: Mapping[str, str], limit: int, prefix: str, form: Form, spot: str, spots: Spots
) -> tuple[str, dict[str, str]]:
    """A body: its text, heard as it is typed, and an example for each of its variables."""
    added = st.session_state.get(f"{prefix}.added")
    typed = live_text(
        label,
        text if added is None else added,
        key=f"{prefix}.text",
        limit=limit,
        count=t("{count} / {limit}"),
        version=form.version if added is not None else 0,
        hint=t("Dear {{1}}, …"),
        lines=6 if limit > 200 else 3,
    )
    if added is not None:
        st.session_state[f"{prefix}.added"] = typed  # a control that is drawn anew begins with the latest text
    spots[spot] = st.container(gap=None)
    st.button(
        t("Add a variable"),
        icon=":material/data_object:",
        type="tertiary",
        key=f"{prefix}.variable",
        help=t("A place that is filled for each person, such as {{1}} or {{first_name}}"),
        on_click=_add_variable,
        args=(f"{prefix}.added", typed, form),
    )
    names = variables_of(typed)
    found = dict(examples)
    if names:
        st.caption(t("Examples, for the reviewers and the preview:"))
        columns = st.columns(min(3, max(2, len(names))))
        for place, name in enumerate(names):
            with columns[place % len(columns)]:
                found[name] = _example(name, examples.get(name, ""), f"{prefix}.example.{name}")
    return typed, {name: found.get(name, "") for name in names}


def draw_footer(begun: str, prefix: str, spots: Spots) -> str:
    """The footer's one line."""
    left, right = st.columns([1, 0.18], vertical_alignment="bottom")
    typed = left.text_input(
        t("Footer"),
        key=seed(f"{prefix}.footer", begun),
        live="300ms",
        placeholder=t("Such as “Reply STOP to opt out”"),
    )
    right.caption(count_line(len(typed or ""), FOOTER_LIMIT), text_alignment="right")
    spots["footer"] = st.container(gap=None)
    return typed or ""


def draw_offer(begun: DraftOffer | None, prefix: str, spots: Spots) -> DraftOffer | None:
    """Whether it is a limited-time offer, and its line."""
    is_offer = st.toggle(t("Limited-time offer"), key=seed(f"{prefix}.offer", begun is not None))
    if not is_offer:
        return None
    kept = begun or DraftOffer()
    left, right = st.columns([1, 0.18], vertical_alignment="bottom")
    text = left.text_input(t("The offer in a few words"), key=seed(f"{prefix}.offer.text", kept.text), live="300ms")
    right.caption(count_line(len(text or ""), OFFER_LIMIT), text_alignment="right")
    has_end = st.checkbox(
        t("It counts down to an end, given with each message"), key=seed(f"{prefix}.offer.ends", kept.has_expiration)
    )
    spots["offer"] = st.container(gap=None)
    return DraftOffer(text=text or "", has_expiration=has_end)


def draw_code(begun: DraftCode, prefix: str, spots: Spots) -> DraftCode:
    """What can be chosen of an authentication template."""
    chosen = st.segmented_control(
        t("How the code gets into the app"),
        list(CODES),
        key=seed(f"{prefix}.code.kind", begun.kind),
        format_func=lambda each: t(CODES[each]),
        required=True,
    )
    kind = chosen or begun.kind
    advice = st.checkbox(t("Advise not to share the code"), key=seed(f"{prefix}.code.advice", begun.has_advice))
    says = st.checkbox(t("Say how long it is good"), key=seed(f"{prefix}.code.says", begun.minutes is not None))
    minutes = None
    if says:
        key = seed(f"{prefix}.code.minutes", begun.minutes or 10)
        minutes = int(st.number_input(t("Minutes"), 1, 90, key=key, width=160))
    button = st.text_input(
        t("Text of the button (the provider's own when empty)"), key=seed(f"{prefix}.code.button", begun.button)
    )
    update = {"kind": kind, "has_advice": advice, "minutes": minutes, "button": button or ""}
    if kind != "COPY_CODE":
        left, right = st.columns(2)
        update["package_name"] = left.text_input(
            t("Package name of the app"),
            key=seed(f"{prefix}.code.package", begun.package_name),
            placeholder="com.example.shop",
        )
        update["signature_hash"] = right.text_input(
            t("Signature hash of the app"), key=seed(f"{prefix}.code.hash", begun.signature_hash)
        )
    if kind == "ZERO_TAP":
        update["has_terms"] = st.checkbox(
            t("The terms of zero-tap are accepted: people expect the code to be filled in for them"),
            key=seed(f"{prefix}.code.terms", begun.has_terms),
        )
    spots["code"] = st.container(gap=None)
    return begun.model_copy(update=update)


def _example(name: str, begun: str, key: str) -> str:
    label = t("Example for {name}", name=f"{{{{{name}}}}}")
    return st.text_input(label, key=seed(key, begun), live="300ms") or ""


def _add_variable(key: str, typed: str, form: Form) -> None:
    form.version += 1
    st.session_state[key] = with_variable(typed)
