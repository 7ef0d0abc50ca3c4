"""Everything that must be true before an operation is launched, asked in one place, each refusal with its figures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import redis

from engine.channels.provider import Channel
from engine.channels.store import list_channels
from engine.clock import to_ms
from engine.errors import (
    InputError,
    InvalidTemplate,
    MessagingLimitReached,
    MissingParameter,
    NotConfirmed,
    NotFound,
    StateError,
)
from engine.live import STORE, channel_key, reaching_redis
from engine.operations.drafts import Draft
from engine.operations.limit import LimitNow, places_wanted, read_limit
from engine.operations.preflight import Preflight, preflight
from engine.operations.snapshot import person_keys
from engine.segments import Audience, Context, Segment, SelectionMode, describe, is_narrowed, load_context
from engine.segments.rules import SEGMENT_FIELD
from engine.settings import Settings
from engine.templates import Template, empty_slots, get_template
from engine.warehouse import Warehouse
from engine.words import N_

CHANGED = N_("who gets what has changed since it was shown; look at it again")


@dataclass(frozen=True)
class Plan:
    """A draft that may be launched: what it will send, to whom, and the evidence of both."""

    draft: Draft
    channel: Channel
    template: Template
    preflight: Preflight
    sentence: str
    segments: dict[str, Any]
    """Definitions of the saved segments that the audience names, as they are now, by id."""

    @property
    def audience_json(self) -> str:
        """The audience's definition, with what it refers to: what the hash is of."""
        parts = {"audience": self.draft.audience.model_dump(mode="json"), "segments": self.segments}
        return json.dumps(parts, sort_keys=True, ensure_ascii=False)

    @property
    def audience_hash(self) -> str:
        """SHA-256 of the definition."""
        return hashlib.sha256(self.audience_json.encode()).hexdigest()

    def facts(self) -> dict[str, Any]:
        """What the snapshot says of itself."""
        return {
            "name": self.draft.name,
            "channel_id": self.channel.channel_id,
            "portfolio_id": self.channel.portfolio_id,
            "category": self.template.category.upper(),
            "template": self.template.model_dump(mode="json"),
            "template_hash": self.template.content_hash,
            "slots": {slot.key: [slot.caption, slot.name] for slot in self.template.slots},
            "bindings": {key: binding.model_dump(mode="json") for key, binding in self.draft.bindings.items()},
            "audience": json.loads(self.audience_json),
            "audience_hash": self.audience_hash,
            "audience_sentence": self.sentence,
            "audience_count": self.preflight.audience_count,
            "recipient_count": self.preflight.recipient_count,
            "left_out": self.preflight.reasons,
        }

    def row(self) -> dict[str, Any]:
        """The same for the columns of `operations`."""
        facts = self.facts()
        return {
            "channel_id": facts["channel_id"],
            "template_name": self.template.name,
            "template_language": self.template.language,
            "template_category": facts["category"],
            "template_hash": facts["template_hash"],
            "template": json.dumps(facts["template"], ensure_ascii=False),
            "bindings": json.dumps(facts["bindings"], ensure_ascii=False),
            "audience": self.audience_json,
            "audience_hash": facts["audience_hash"],
            "audience_sentence": self.sentence,
            "audience_count": facts["audience_count"],
            "recipient_count": facts["recipient_count"],
        }


def check_launch(
    warehouse: Warehouse,
    client: redis.Redis,
    settings: Settings,
    draft: Draft,
    *,
    now: datetime,
    confirmed_count: int | None = None,
    shown: str | None = None,
) -> Plan:
    """Check a draft with everyone of its audience, and say what launching it would do.

    Args:
        shown: the fingerprint of the verdicts that the person saw (`Preflight.fingerprint`): it must still be this.

    Raises:
        InputError: no channel or no template is chosen.
        InvalidTemplate, MissingParameter, StateError: as `check_message` and `check_live`.
        NotConfirmed: nothing narrows the audience and no number was given, or the number given isn't right (now).
        StateError: nobody is left to send to, or somebody else gets it, or something else, than was shown.
        MessagingLimitReached: more people need a place than the messaging limit leaves.
        QueueUnavailable: Redis is away.
    """
    cursor = warehouse.cursor()
    channel, template = check_message(cursor, draft)
    check_live(client, channel, warehouse.epoch)
    context = load_context(cursor, now=now, zone=settings.zone)
    checked = preflight(cursor, draft.audience, template, draft.bindings, context)
    _check_count(draft, checked, confirmed_count)
    if shown is not None and shown != checked.fingerprint:
        raise StateError(reason=CHANGED)
    check_limit(client, channel, person_keys(checked.recipients["person_key"]), now)
    sentence = audience_sentence(draft.audience, context)
    return Plan(draft, channel, template, checked, sentence, dict(_named_segments(draft.audience, context)))


def check_message(cursor: duckdb.DuckDBPyConnection, draft: Draft) -> tuple[Channel, Template]:
    """The channel and the template of a draft, if they can be used.

    Raises:
        InputError: none is chosen.
        NotFound: there is no such channel or template.
        InvalidTemplate: the template can't be sent (why).
        MissingParameter: a slot has nothing that fills it (which).
        StateError: the template was changed after its slots were filled.
    """
    channel = check_channel(cursor, draft)
    if draft.template_name is None or draft.template_language is None:
        raise InputError(reason=N_("Choose the template to send."))
    template = get_template(cursor, channel.channel_id, draft.template_name, draft.template_language)
    if template.unsendable_reason is not None:
        raise InvalidTemplate(name=template.name, language=template.language, reason=template.unsendable_reason)
    if template.slots and draft.template_hash != template.content_hash:
        raise StateError(reason=N_("the template was changed since its blanks were filled; look at them again"))
    for slot in empty_slots(template, draft.bindings):
        raise MissingParameter(slot=slot.label, key=slot.key)
    return channel, template


def check_channel(cursor: duckdb.DuckDBPyConnection, draft: Draft) -> Channel:
    """The channel of a draft.

    Raises:
        InputError: none is chosen.
        NotFound: it isn't in use.
    """
    if draft.channel_id is None:
        raise InputError(reason=N_("Choose the channel to send from."))
    for channel in list_channels(cursor):
        if channel.channel_id == draft.channel_id:
            return channel
    raise NotFound(kind="channel", id=draft.channel_id)


def check_live(client: redis.Redis, channel: Channel, epoch: str) -> None:
    """Whether Redis has what sending needs.

    Raises:
        StateError: the channel is halted or not published; the store's epoch or the suppressions are missing.
        QueueUnavailable: Redis is away.
    """
    with reaching_redis():
        known = client.hmget(STORE, ["epoch", "suppressions"])
        state, cause, rate = client.hmget(channel_key(channel.channel_id), ["state", "cause", "rate"])
    if known[0] != epoch.encode():
        raise StateError(reason=N_("Redis doesn't belong to this store; restart Ulak, then look at the doctor"))
    if known[1] is None:
        raise StateError(reason=N_("the copy of the suppressions is missing in Redis; nothing is sent without it"))
    if rate is None:
        raise StateError(reason=N_("the channel isn't known in Redis yet; restart Ulak"))
    if state == b"halted":
        raise StateError(
            reason=N_("the channel is halted; solve its problem and resume it first"), cause=_text(cause)
        )


def check_limit(client: redis.Redis, channel: Channel, people: bytes, now: datetime) -> LimitNow:
    """Whether the messaging limit leaves a place for each recipient who needs one.

    Args:
        people: the recipients' person keys, 8 bytes each (`snapshot.person_keys`).

    Raises:
        MessagingLimitReached: it doesn't; `left` and `wanted` say by how much.
        QueueUnavailable: Redis is away.
    """
    with reaching_redis():
        limit = read_limit(client, channel.portfolio_id, to_ms(now))
        if limit.left is not None and len(people) // 8 > limit.left:
            wanted = places_wanted(client, channel.channel_id, channel.portfolio_id, people, to_ms(now))
            if wanted > limit.left:
                raise MessagingLimitReached(left=limit.left, wanted=wanted)
    return limit


def audience_sentence(audience: Audience, context: Context) -> str:
    """Who the audience is, in English: for the record. Pages say it in the reader's language."""
    sentence = describe(audience.as_segment(), context)
    count = len(audience.selection.ids)
    if audience.selection.mode is SelectionMode.ONLY:
        return f"{count} selected of: {sentence}"
    if audience.selection.mode is SelectionMode.EXCEPT and count:
        return f"{sentence}, except {count} selected"
    return sentence


def _check_count(draft: Draft, checked: Preflight, confirmed_count: int | None) -> None:
    """Everyone may be confirmed by the number of contacts too: it is what a person on the command line has."""
    narrowed = is_narrowed(draft.audience)
    if checked.recipient_count == 0:
        raise StateError(reason=N_("nobody is left to send to"))
    if confirmed_count is None and narrowed:
        return
    right = {checked.recipient_count} if narrowed else {checked.recipient_count, checked.audience_count}
    if confirmed_count not in right:
        raise NotConfirmed(count=checked.recipient_count)


def _named_segments(audience: Audience, context: Context) -> Iterator[tuple[str, Any]]:
    waiting: list[Segment] = [audience.as_segment()]
    seen: set[str] = set()
    while waiting:
        for comparison in waiting.pop().comparisons():
            segment_id = str(comparison.value)
            if comparison.field != SEGMENT_FIELD or segment_id in seen:
                continue
            seen.add(segment_id)
            named = context.known_segment(segment_id)
            waiting.append(named.segment)
            yield segment_id, {"name": named.name, "definition": named.segment.model_dump(mode="json")}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else ""
