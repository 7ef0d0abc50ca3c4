"""Suppressing: one person, everybody of an audience, a list of numbers; and lifting. What is asked, what is said."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import redis
import streamlit as st

from engine.clock import utc_now
from engine.errors import QueueUnavailable
from engine.live import reaching_redis
from engine.operations.pending import apply_pending
from engine.operations.suppression_import import (
    SHOWN_REJECTS,
    SuppressionPlan,
    lines_of,
    plan_suppressions,
    read_lines,
    reject_reason,
    suppress_many,
)
from engine.operations.suppression_people import Suppression, identity_of, people_of
from engine.operations.suppressions import (
    GIVEN_REASONS,
    OWN_WORDS,
    REASON_LABELS,
    SCOPE_LABELS,
    lift_suppressions,
    suppress_person,
)
from engine.segments import Audience, Context, audience_frame
from engine.segments.exporting import guarded
from pages.ui import formats
from pages.ui.i18n import nt, t
from pages.ui.list_dialogs import said
from pages.ui.services import live_redis, settings, warehouse
from pages.ui.shell import who

RECORDED_SECONDS = 2.5
"""So long a page waits for the record to show what was just told to Redis."""


def draw_suppress(audience: Audience, context: Context, people: int) -> None:
    """Suppress everybody of an audience; the number of people is typed."""
    scope, reason = _scope_and_reason("audience.suppress")
    st.caption(
        nt("**{count}** person gets no more of it from now on, also what is queued already. It is lifted one by one.",
           "**{count}** people get no more of it from now on, also what is queued already. It is lifted one by one.",
           people)
    )  # fmt: skip
    typed = st.text_input(
        t("Type {count} to confirm", count=formats.number(people)), key="audience.suppress.count", autocomplete="off"
    )
    is_right = "".join(filter(str.isdigit, typed)) == str(people)
    if st.button(t("Suppress"), type="primary", disabled=not is_right, key="audience.suppress.go"):
        frame = audience_frame(warehouse().cursor(), audience, context).select("person_key").to_native().pl()
        _decide(frame, scope, reason)
        st.rerun()


def draw_add_one() -> None:
    """Suppress one person by number or user id; they needn't be a contact."""
    text = st.text_input(
        t("Phone number or user id"), key="suppressions.who", placeholder="+90 532 123 45 67", autocomplete="off",
        help=t("It needn't be a contact's: a number stays suppressed when it is imported later."),
    )  # fmt: skip
    scope, reason = _scope_and_reason("suppressions.one")
    if st.button(t("Suppress"), type="primary", disabled=not text.strip(), key="suppressions.one.go"):
        with said(), _redis_said():
            people = people_of(warehouse().cursor(), warehouse().salt, identity_of(text, settings().default_region))
            given = {"scope": scope, "reason": reason, "who": who(), "now": utc_now()}
            new = [suppress_person(warehouse(), live_redis(), each, **given) for each in people]
            _wait_for_record()
            st.toast(t("Suppressed.") if any(new) else t("Was suppressed already."), icon=":material/block:")
            st.rerun()


def draw_import() -> None:
    """Suppress everybody of a pasted list or a file, seen before it is done."""
    pasted = st.text_area(
        t("Numbers or user ids, one a line"), key="suppressions.pasted", height=120,
        placeholder="0532 123 45 67\n+49 1511 2345678",
    )  # fmt: skip
    upload = st.file_uploader(t("Or a file"), type=["csv", "txt", "tsv"], key="suppressions.file")
    scope, reason = _scope_and_reason("suppressions.many", usual="asked")
    with said():
        lines = _lines(pasted, upload)
        if lines is None or not len(lines):
            return
        region = settings().default_region
        plan = plan_suppressions(warehouse().cursor(), warehouse().salt, lines, region=region, scope=scope)
        _draw_plan(plan)
        if st.button(
            nt("Suppress {count} person", "Suppress {count} people", plan.new_count), type="primary",
            disabled=not plan.new_count, key="suppressions.many.go",
        ):  # fmt: skip
            _decide(plan.people, scope, reason)
            st.rerun()


def _lines(pasted: str, upload: object) -> pl.DataFrame | None:
    if upload is None:
        return lines_of(pasted) if pasted.strip() else None
    with tempfile.TemporaryDirectory(prefix="ulak-suppress-") as folder:
        path = Path(folder) / "upload"
        path.write_bytes(upload.getbuffer())  # type: ignore[attr-defined]
        return read_lines(path, Path(folder))


def _draw_plan(plan: SuppressionPlan) -> None:
    """What it would do: each line counted once, and the lines that can't be used."""
    with st.grid(4, min_column_width=110, gap="small"):
        st.metric(t("New"), formats.number(plan.new_count))
        st.metric(t("Suppressed already"), formats.number(plan.standing_count))
        st.metric(t("Duplicates"), formats.number(plan.duplicate_count))
        st.metric(t("Rejected"), formats.number(plan.rejected_count))
    st.caption(
        nt("{count} of them is a contact.", "{count} of them are contacts.", plan.contact_count)
        if plan.contact_count else t("None of them is a contact; they are suppressed should they become one.")
    )  # fmt: skip
    if not plan.rejected_count:
        return
    for line, text, code in plan.rejects.head(SHOWN_REJECTS).iter_rows():
        st.caption(t("Line {line}: `{text}`: {reason}", line=formats.number(line), text=text[:40].replace("`", "'"),
                     reason=t(reject_reason(code))))  # fmt: skip
    rejects = plan.rejects.with_columns(
        pl.col("text").map_elements(guarded, return_dtype=pl.String),
        pl.col("code").map_elements(lambda code: t(reject_reason(code)), return_dtype=pl.String, skip_nulls=False),
    )
    st.download_button(
        t("Rejected lines as CSV"), lambda: rejects.write_csv(separator=";", include_bom=True).encode(),
        "rejected.csv", "text/csv", type="tertiary", icon=":material/download:", key="suppressions.rejects",
    )  # fmt: skip


def draw_lift(entries: tuple[Suppression, ...]) -> None:
    """Lift all that stands about one person; a word is typed where the person asked for it themselves."""
    for each in entries:
        st.markdown(
            f"**{t(SCOPE_LABELS[each.scope])}** · {t(REASON_LABELS.get(each.reason, each.reason))} · "
            f"{formats.moment(each.happened_at)}"
        )
    is_own = any(each.reason in OWN_WORDS for each in entries)
    st.caption(
        t("They asked for this themselves. Lift it only if they have asked for messages since.") if is_own
        else t("Messages may reach them again from now on.")
    )  # fmt: skip
    word = t("LIFT")
    typed = st.text_input(t("Type {word} to confirm", word=word), key="suppressions.lift.word", autocomplete="off")
    is_right = typed.strip().casefold() == word.casefold()
    if st.button(t("Lift"), type="primary", disabled=not is_right, key="suppressions.lift.go"):
        with _redis_said():
            count = lift_suppressions(warehouse(), live_redis(), entries[0].person, who=who(), now=utc_now())
            _wait_for_record()
            st.toast(nt("{count} entry lifted.", "{count} entries lifted.", count), icon=":material/lock_open:")
            st.rerun()


def _scope_and_reason(key: str, usual: str = "manual") -> tuple[str, str]:
    scope = st.segmented_control(
        t("What is kept from them"), list(SCOPE_LABELS), default="marketing", required=True, key=f"{key}.scope",
        format_func=lambda each: t(SCOPE_LABELS[each]),
    )  # fmt: skip
    reason = st.selectbox(
        t("Reason"), GIVEN_REASONS, index=GIVEN_REASONS.index(usual), key=f"{key}.reason",
        format_func=lambda each: t(REASON_LABELS[each]),
    )  # fmt: skip
    return scope or "marketing", reason or usual


def _decide(people: pl.DataFrame, scope: str, reason: str) -> None:
    """One change of the store, then Redis; without Redis it waits, and nothing can be sent meanwhile either."""
    with st.spinner(t("Suppressing")):
        count = suppress_many(warehouse(), people, scope=scope, reason=reason, who=who(), now=utc_now())
        try:
            apply_pending(warehouse(), live_redis())
        except (QueueUnavailable, redis.RedisError):
            st.toast(
                t("Saved. Redis is away; it is told within two seconds of its return."), icon=":material/hourglass:"
            )
            return
        _wait_for_record()
    st.toast(nt("{count} entry added.", "{count} entries added.", count), icon=":material/block:")


def _wait_for_record() -> None:
    """Until the recorder has read the stream to where it is now, so that the page shows what was done."""
    from engine.operations.recording import ingest_offset
    from engine.operations.stream import stream_lag

    give_up_at = time.monotonic() + RECORDED_SECONDS
    while time.monotonic() < give_up_at and stream_lag(live_redis(), ingest_offset(warehouse()))[0]:
        time.sleep(0.1)


@contextmanager
def _redis_said() -> Iterator[None]:
    """Say in the dialog that Redis is away; nothing was changed then."""
    try:
        with reaching_redis():
            yield
    except QueueUnavailable:
        st.error(t("Redis can't be reached. Nothing was changed; sending goes on when it is back."))
