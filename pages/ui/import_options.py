"""What is decided for the whole file: how people are told apart, a list, opting in again; saved columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
import streamlit as st

from engine.contacts.fields import FieldRegistry, FieldType
from engine.contacts.mapping import TARGET_LABELS, Mapping, types_of
from engine.contacts.options import Duplicates, FieldPolicy, ImportOptions, check_options
from engine.contacts.source import SourceFile
from engine.errors import InputError
from engine.segments import list_lists
from pages.ui import formats, t
from pages.ui.i18n import language
from pages.ui.import_base import Base
from pages.ui.import_state import Key, Place
from pages.ui.import_words import field_label
from pages.ui.services import settings, warehouse
from pages.ui.shell import sentence_of


@dataclass(frozen=True)
class Chosen:
    """What a person decided, and what is wrong with it."""

    options: ImportOptions
    new_list: str = ""
    problem: str = ""


def chosen_options(
    source: SourceFile, mapping: Mapping, registry: FieldRegistry, base: Base, place: Place, new_list: str
) -> Chosen:
    """What the widgets say; before they are drawn, what they start from."""
    state, start = st.session_state, base.options
    types = _types(mapping, registry)
    identity = state.get(place.key(Key.IDENTITY), start.identity)
    wanted = state.get(place.key(Key.LIST), new_list or start.list_id)
    lists = {each.list_id: each.name for each in list_lists(warehouse().cursor())}
    known = wanted if wanted in lists else next((id for id, name in lists.items() if name == wanted), None)
    options = ImportOptions(
        region=state.get(place.key(Key.REGION), start.region),
        policies=_policies(place, mapping, types, start),
        identity=identity if identity in identity_choices(types) else None,
        duplicates=state.get(place.key(Key.DUPLICATES), start.duplicates),
        month_first=_months(source, place, mapping, start),
        opt_in_again=state.get(place.key(Key.OPT_IN), "").strip().casefold() == opt_in_word().casefold(),
        list_id=known,
        consent_channel=start.consent_channel,
    )
    try:
        check_options(options, types)
    except InputError as problem:
        return Chosen(options, problem=sentence_of(problem))
    return Chosen(options, new_list="" if known or not wanted else str(wanted))


def opt_in_word() -> str:
    """What is typed so that people who opted out are opted in again."""
    return t("opt in again")


def identity_choices(types: dict[str, FieldType]) -> list[str]:
    """The targets of this file that may name a person."""
    return [name for name in types if name not in TARGET_LABELS and _may_name(name, types)]


def _may_name(name: str, types: dict[str, FieldType]) -> bool:
    try:
        check_options(ImportOptions(region=settings().default_region, identity=name), types)
    except InputError:
        return False
    return True


def _types(mapping: Mapping, registry: FieldRegistry) -> dict[str, FieldType]:
    return types_of(mapping, registry)


def _policies(
    place: Place, mapping: Mapping, types: dict[str, FieldType], start: ImportOptions
) -> dict[str, FieldPolicy]:
    found = {}
    for number, each in mapping:
        target = each.target or ""
        is_list = types.get(target) is FieldType.LIST
        said = st.session_state.get(place.key(Key.POLICY, number) + (".list" if is_list else ""))
        policy = FieldPolicy(said) if said else start.policies.get(target)
        if policy is not None:
            found[target] = policy
    return found


def _months(source: SourceFile, place: Place, mapping: Mapping, start: ImportOptions) -> dict[str, bool]:
    found = {}
    for number, each in mapping:
        said = st.session_state.get(place.key(Key.MONTH, number), start.month_first.get(each.header))
        if said is not None:
            found[each.header] = bool(said)
    return found


def draw_options(
    source: SourceFile,
    place: Place,
    registry: FieldRegistry,
    mapping: Mapping,
    base: Base,
    chosen: Chosen,
) -> None:
    """Draw the decisions for the whole file."""
    st.subheader(t("The people in it"), anchor=False)
    with st.container(border=True):
        first, second = st.columns(2, gap="medium")
        with first:
            _choose_region(place, base)
            _choose_identity(place, registry, mapping, base)
        with second:
            _choose_duplicates(place, base)
            _choose_list(place, chosen)
    if "consent" in mapping.targets():
        _draw_opt_in(place, chosen)


@lru_cache(maxsize=4)
def _region_names(code: str) -> dict[str, str]:
    """The regions whose numbers we know, by their names in a language."""
    names = {region: formats.country_name(region) for region in phonenumbers.SUPPORTED_REGIONS}
    return dict(sorted(names.items(), key=lambda pair: pair[1]))


def _choose_region(place: Place, base: Base) -> None:
    names = _region_names(language())
    regions = list(names)
    home = base.options.region if base.options.region in regions else settings().default_region
    st.selectbox(
        t("Numbers without a country code are from"),
        regions,
        index=regions.index(home) if home in regions else 0,
        format_func=names.__getitem__,
        key=place.key(Key.REGION),
        help=t("A column that goes to “Country” goes before this, row by row."),
        persist_state="session",
    )


def _choose_identity(place: Place, registry: FieldRegistry, mapping: Mapping, base: Base) -> None:
    labels = {each.target or "": each.new.label for _, each in mapping if each.new}
    options = ["", *identity_choices(_types(mapping, registry))]
    start = base.options.identity or ""
    st.selectbox(
        t("A contact you have is known by the phone number, then by"),
        options,
        index=options.index(start) if start in options else 0,
        format_func=lambda each: t("nothing else") if not each else labels.get(each) or field_label(each, registry),
        key=place.key(Key.IDENTITY),
        help=t(
            "A number of your own for each person, such as a customer number: finds them after a new phone number."
        ),
        persist_state="session",
    )


def _choose_duplicates(place: Place, base: Base) -> None:
    words = {Duplicates.LAST: t("the last row counts"), Duplicates.FIRST: t("the first row counts")}
    st.selectbox(
        t("When somebody is in the file twice"),
        list(Duplicates),
        index=list(Duplicates).index(base.options.duplicates),
        format_func=words.__getitem__,
        key=place.key(Key.DUPLICATES),
        persist_state="session",
    )


def _choose_list(place: Place, chosen: Chosen) -> None:
    lists = {each.list_id: each.name for each in list_lists(warehouse().cursor())}
    start = chosen.options.list_id or chosen.new_list or None
    options = [*lists, *([chosen.new_list] if chosen.new_list else [])]
    st.selectbox(
        t("Put everybody into a list"),
        options,
        index=options.index(start) if start in options else None,
        format_func=lambda each: lists.get(each, each),
        placeholder=t("No list; choose one, or type the name of a new one"),
        accept_new_options=True,
        key=place.key(Key.LIST),
        persist_state="session",
    )
    if chosen.new_list:
        st.caption(t("A new list, “{name}”, is made when you import.", name=chosen.new_list))


def _draw_opt_in(place: Place, chosen: Chosen) -> None:
    is_on = chosen.options.opt_in_again
    title = t("People who opted out are opted in again") if is_on else t("People who opted out stay opted out")
    with st.expander(title, icon=":material/lock_open:" if is_on else ":material/lock:"):
        st.markdown(
            t(
                "An opt-in in this file does not count for somebody who opted out before. If you have their new "
                "consent, and can show it, type “{word}”.",
                word=opt_in_word(),
            )
        )
        st.text_input(
            t("To opt them in again, type “{word}”", word=opt_in_word()),
            key=place.key(Key.OPT_IN),
            label_visibility="collapsed",
            placeholder=opt_in_word(),
            width=280,
            persist_state="session",
        )
        if is_on:
            st.caption(t("Suppressions stay all the same: an import never lifts one."))
