"""How the contact page says things: values, consent, suppressions, and one line for each happening."""

from __future__ import annotations

from typing import Any

from engine.channels.errors_table import classify
from engine.clock import from_store
from engine.contacts.consent import SOURCES, consent_label
from engine.contacts.field_values import value_of_text
from engine.contacts.fields import Field, FieldRegistry, FieldType
from engine.contacts.model import ORIGIN_LABELS, Consent
from engine.contacts.profile import Profile, Suppression
from engine.operations import timeline as kinds
from engine.operations.states import DELIVERY_STATE_LABELS, DeliveryState
from engine.operations.suppressions import REASON_LABELS, SCOPE_LABELS
from engine.operations.timeline import Happening
from engine.segments.context import is_moment
from engine.words import N_
from pages.ui import formats
from pages.ui.audience_words import label_of, value_label
from pages.ui.i18n import t
from pages.ui.operation_words import plain, reason

CONSENT_COLOURS = {Consent.OPTED_IN.value: "green", Consent.OPTED_OUT.value: "red"}
STATE_COLOURS = {
    DeliveryState.READ: "green",
    DeliveryState.DELIVERED: "green",
    DeliveryState.FAILED: "red",
    DeliveryState.UNKNOWN: "orange",
    DeliveryState.RETRY: "orange",
}
WHAT_LABELS = {"new": N_("was new"), "updated": N_("was updated"), "unchanged": N_("was known as it is")}
ICONS = {
    kinds.CREATED: "person_add", kinds.IMPORTED: "upload_file", kinds.EDITED: "edit", kinds.CONSENT: "verified_user",
    kinds.SUPPRESSED: "block", kinds.LIFTED: "lock_open", kinds.LISTED: "playlist_add",
    kinds.UNLISTED: "playlist_remove", kinds.WROTE: "forum", kinds.LEFT_OUT: "person_off", kinds.ACCEPTED: "send",
    kinds.DELIVERED: "done_all", kinds.READ: "visibility", kinds.ANSWERED: "reply", kinds.FAILED: "error",
}  # fmt: skip


def name_of(profile: Profile) -> str:
    """The person's name, else their number, else that it isn't known."""
    if profile.name:
        return profile.name
    return formats.phone(profile.phone) if profile.phone else t("Contact {id}", id=profile.contact_id)


def shown_value(field: Field, value: Any) -> str:
    """A field's value as people read it; a dash for none."""
    if value is None or value == "" or value == []:
        return "–"
    if field.built_in and field.name == "phone":
        return formats.phone(value)
    if field.built_in and field.name == "consent_source":
        return source_words(value)
    if field.type is FieldType.LIST and isinstance(value, list):
        return ", ".join(value)
    if field.type is FieldType.BOOL:
        return value_label(field, "true" if value in (True, "true") else "false")
    if field.type is FieldType.NUMBER and isinstance(value, int | float):
        return formats.number(value)
    if is_moment(field):
        return formats.moment(value if value.tzinfo else from_store(value))
    if field.type is FieldType.DATE and not isinstance(value, str):
        return formats.day(value)
    return value_label(field, str(value))


def consent_badge(consent: str | None) -> str:
    """The consent as a coloured badge."""
    return f":{CONSENT_COLOURS.get(consent or '', 'gray')}-badge[{_badge(t(consent_label(consent)))}]"


def suppression_badge() -> str:
    """That nothing is sent to them."""
    return f":red-badge[{_badge(t('Suppressed'))}]"


def state_badge(state: DeliveryState) -> str:
    """What became of a message, as a badge."""
    return f":{STATE_COLOURS.get(state, 'gray')}-badge[{_badge(t(DELIVERY_STATE_LABELS[state]))}]"


def source_words(source: str | None) -> str:
    """Where a consent comes from."""
    if not source:
        return t("source not known")
    if source == "import":
        return t("a file")
    return t(SOURCES[source]) if source in SOURCES else source


def suppression_line(each: Suppression) -> str:
    """One suppression in a line: how far, why."""
    scope, why = t(SCOPE_LABELS.get(each.scope, each.scope)), t(REASON_LABELS.get(each.reason, each.reason))
    return f"{scope} · {why}"


def code_words(code: int) -> str:
    """An error code with its meaning."""
    return f"{code} · {t(classify(code).meaning)}"


def happening_line(each: Happening, registry: FieldRegistry) -> str:
    """One happening as a sentence, safe as Markdown."""
    facts = each.facts
    name = f"**{plain(str(facts.get('name', '')))}**"
    simple = {
        kinds.WROTE: t("Wrote to us; the last message known"),
        kinds.LISTED: t("Was put into the list {name}", name=name),
        kinds.UNLISTED: t("Was taken out of the list {name}", name=name),
        kinds.ACCEPTED: t("{name} was sent", name=name),
        kinds.DELIVERED: t("{name} was delivered", name=name),
        kinds.READ: t("{name} was read", name=name),
        kinds.ANSWERED: t("{name} was answered", name=name),
    }
    if each.kind in simple:
        return simple[each.kind]
    if each.kind == kinds.CREATED:
        origin = t(ORIGIN_LABELS.get(facts["origin"], facts["origin"] or "–"))
        return t("Became a contact; the conversation began by: {origin}", origin=origin)
    if each.kind == kinds.IMPORTED:
        line = t("In the file {file}: {what}", file=f"**{plain(facts['file'])}**", what=t(WHAT_LABELS[facts["what"]]))
        return f"{line} ({t('undone since')})" if facts["is_undone"] else line
    if each.kind == kinds.FAILED:
        return t("{name} failed: {reason}", name=name, reason=code_words(facts["code"]) if facts["code"] else "–")
    if each.kind == kinds.LEFT_OUT:
        return t("Left out of {name}: {reason}", name=name, reason=reason(facts["reason"], {}))
    return _decision_line(each, registry)


def _decision_line(each: Happening, registry: FieldRegistry) -> str:
    facts = each.facts
    if each.kind == kinds.EDITED:
        return _edit_line(facts, registry)
    if each.kind == kinds.CONSENT:
        line = f"{t('Consent')}: **{t(consent_label(facts['consent']))}** · {plain(source_words(facts['source']))}"
        return f"{line} · “{plain(facts['note'])}”" if facts["note"] else line
    why = t(REASON_LABELS.get(facts["reason"], facts["reason"]))
    scope = t(SCOPE_LABELS.get(facts["scope"], facts["scope"]))
    if each.kind == kinds.LIFTED:
        return t("Suppression lifted ({scope}: {reason})", scope=scope, reason=why)
    return t("Suppressed ({scope}: {reason})", scope=scope, reason=why)


def _edit_line(facts: Any, registry: FieldRegistry) -> str:
    field = registry.get(facts["field"]) if facts["field"] in registry else None
    if field is None:
        label, old, new = facts["field"], facts["old"] or "–", facts["new"] or "–"
    else:
        label = label_of(field)
        old, new = (shown_value(field, value_of_text(field, facts[side])) for side in ("old", "new"))
    line = f"{plain(label)}: {plain(old)} → **{plain(new)}**"
    return f"{line} ({t('for many at once')})" if facts["is_of_many"] else line


def _badge(text: str) -> str:
    return text.replace("[", "(").replace("]", ")")
