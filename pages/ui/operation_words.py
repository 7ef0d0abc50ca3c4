"""How the pages say what the engine knows of an operation: its state, its cause, a reason, an error code."""

from __future__ import annotations

import re

from engine.channels.errors_table import classify
from engine.operations.causes import CAUSE_LABELS, MESSAGING_LIMIT
from engine.operations.left_out import reason_label
from engine.operations.states import OPERATION_STATE_LABELS, OperationState
from engine.operations.store import Operation
from pages.ui import formats, t
from pages.ui.i18n import nt

STATE_COLOURS = {
    OperationState.RUNNING: "green",
    OperationState.COMPLETED: "green",
    OperationState.WAITING: "orange",
    OperationState.PAUSED: "orange",
    OperationState.HALTED: "red",
}
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~:$])")


def plain(text: str) -> str:
    """A person's own words, so that Markdown shows them as they are."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def operation_name(operation: Operation) -> str:
    """The name that was given, else the template's."""
    return operation.name or operation.template_name


def state_badge(state: OperationState) -> str:
    """The state as a small coloured badge, in Markdown."""
    return f":{STATE_COLOURS.get(state, 'gray')}-badge[{t(OPERATION_STATE_LABELS[state])}]"


def context_line(operation: Operation, channel_name: str) -> str:
    """Template, channel, when and by whom."""
    return t(
        "{template} · {channel} · launched {time} by {who}",
        template=plain(f"{operation.template_name} / {operation.template_language}"),
        channel=plain(channel_name),
        time=formats.moment(operation.launched_at),
        who=plain(operation.launched_by),
    )


def cause_sentence(operation: Operation) -> str:
    """Why it isn't going on, and what to do; nothing while it runs."""
    kind, _, code = operation.cause.partition(":")
    cause = t(CAUSE_LABELS.get(operation.cause, operation.cause)) or t("no cause was noted")
    time = formats.moment(operation.until) if operation.until else t("soon")
    if operation.state is OperationState.WAITING:
        if kind == MESSAGING_LIMIT:
            return t("The messaging limit is reached. It goes on by itself when places are free: {time}.", time=time)
        return t("It waits: {cause}. It goes on by itself: {time}.", cause=cause, time=time)
    if operation.state is OperationState.PAUSED:
        return t("Paused by a person. Nothing is sent until it is resumed.")
    if operation.state is not OperationState.HALTED:
        return ""
    if kind == "error_budget":
        return t(
            "Halted: more than 30 % of the first 200 messages failed. Look at the failures below, "
            "mend their cause, then resume."
        )
    if kind in ("template", "operation", "channel") and code:
        return t("Halted: {meaning} (code {code}). Mend the cause, then resume.", meaning=meaning(code), code=code)
    return t("Halted: {cause}", cause=cause)


def meaning(code: int | str) -> str:
    """What an error code says, in the reader's language."""
    return t(classify(int(code)).meaning) if str(code).isdigit() else str(code)


def reason(key: str, slot_labels: dict[str, str] | None = None) -> str:
    """Why somebody was left out."""
    label, slot = reason_label(key)
    return t(label, slot=(slot_labels or {}).get(slot, slot)) if slot else t(label)


def progress_sentence(operation: Operation, per_second: float) -> str:
    """How far it is, how fast, and how long it takes: in figures, then in words."""
    parts = [
        t(
            "**{done} of {all}**",
            done=formats.number(operation.done_count),
            all=formats.number(operation.recipient_count),
        )
    ]
    if operation.state is OperationState.RUNNING and per_second > 0:
        parts.append(t("{rate} per second", rate=formats.number(round(per_second, 1 if per_second < 10 else 0))))
        parts.append(t("about {time} left", time=formats.duration(max(operation.open_count / per_second, 1))))
    elif operation.is_final and operation.launched_at and operation.completed_at:
        taken = (operation.completed_at - operation.launched_at).total_seconds()
        parts.append(t("took {time}", time=formats.duration(max(taken, 1))))
    return " · ".join(parts)


def people(count: int) -> str:
    """A number of people."""
    return nt("{count} person", "{count} people", count)
