"""Templates are made, changed and deleted at the provider, by a person, with what the provider allows.

A template that was submitted is kept as PENDING at once; a sync or a webhook tells what the review came to.
Source: whatsapp.md §1.6, §3.3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb
import httpx

from engine.channels.client import make_client
from engine.channels.making_calls import MakingApi, TemplateRefused
from engine.channels.making_drafts import KeptDraft, get_draft, name_problems
from engine.channels.making_limits import template_subject
from engine.channels.media import Media, get_media
from engine.channels.provider import Channel
from engine.channels.store import get_channel, get_secrets, keep_app_id
from engine.channels.sync import keep_template
from engine.clock import to_store
from engine.errors import InputError, ProviderError, StateError
from engine.settings import Settings
from engine.templates.bindings import MEDIA_MARK
from engine.templates.components import Template
from engine.templates.composing_json import definition_of
from engine.templates.composing_rules import check_draft
from engine.warehouse import Warehouse, audit
from engine.words import N_

EXISTS = 2388024
MADE_ELSEWHERE = N_("templates of a Gupshup channel are made at Gupshup; sync afterwards")
UNCLEAR = N_("The line was cut: whether the provider has it isn't known. Submitting again finds out.")
NO_APP = N_("the channel's app id isn't known and can't be read with its token; write it in below")


def makes_templates(channel: Channel) -> bool:
    """Whether templates of this channel are made here."""
    return channel.provider != "gupshup"


def submit_draft(
    warehouse: Warehouse,
    settings: Settings,
    draft_id: str,
    *,
    who: str,
    now: datetime,
    transport: httpx.AsyncBaseTransport | None = None,
) -> KeptDraft:
    """Upload its example files and send the draft to review: as a new template, or as a change of one.

    Raises:
        InputError: a rule is broken, or the app id is missing (`field="app_id"`).
        StateError: the provider has it already, or templates aren't made here.
        TemplateRefused: the provider said no; its words are kept with the draft.
        ProviderAway: it can't be reached; the draft says whether the template may have been made.
    """
    cursor = warehouse.cursor()
    kept = get_draft(cursor, draft_id)
    channel = get_channel(cursor, kept.channel_id)
    _refuse_unfit(cursor, kept, channel, now)
    files = {
        place: get_media(warehouse, settings, mark.removeprefix(MEDIA_MARK))
        for place, mark in kept.draft.media_places().items()
    }
    work = _Submission(kept, channel, files)
    try:
        node = asyncio.run(work.run(warehouse, settings, transport, who, now))
    except ProviderError as problem:
        _keep_problem(warehouse, draft_id, work.problem_of(problem))
        raise
    template = keep_template(warehouse, kept.channel_id, node, now=now)
    verb = "edited" if kept.target_id else "submitted"
    with warehouse.writing() as writing:
        writing.execute(
            "UPDATE template_drafts SET template_id = ?, problem = NULL, submitted_at = ?, submitted_by = ?,"
            " name = ?, language = ? WHERE draft_id = ?",
            [template.template_id, to_store(now), who, template.name, template.language, draft_id],
        )
        subject = template_subject(kept.channel_id, template.name, template.language)
        audit(writing, who=who, verb=verb, subject=subject, now=now, template_id=template.template_id)
    return get_draft(warehouse.cursor(), draft_id)


def delete_template(
    warehouse: Warehouse,
    settings: Settings,
    template: Template,
    *,
    typed: str,
    who: str,
    now: datetime,
    transport: httpx.AsyncBaseTransport | None = None,
) -> None:
    """Delete one template (this language alone) at the provider.

    Args:
        typed: its name, as the person confirmed it.

    Raises:
        InputError: the name typed is another.
        StateError: templates aren't made here.
        ProviderError: the provider refused or can't be reached.
    """
    if typed.strip() != template.name:
        raise InputError(reason=N_("type the template's name to delete it"), field="name")
    cursor = warehouse.cursor()
    channel, secrets = get_channel(cursor, template.channel_id), get_secrets(cursor, settings, template.channel_id)
    if not makes_templates(channel):
        raise StateError(reason=MADE_ELSEWHERE)

    async def call() -> None:
        async with _client(transport) as client:
            await MakingApi(channel, secrets, client).delete(template.name, template.template_id)

    asyncio.run(call())
    with warehouse.writing() as writing:
        writing.execute(
            "UPDATE templates SET status = 'DELETED', gone_at = ? WHERE channel_id = ? AND name = ? AND language = ?",
            [to_store(now), template.channel_id, template.name, template.language],
        )
        subject = template_subject(template.channel_id, template.name, template.language)
        audit(writing, who=who, verb="deleted", subject=subject, now=now, template_id=template.template_id)


class _Submission:
    """One try to submit a draft: how far it came decides what a cut line means."""

    def __init__(self, kept: KeptDraft, channel: Channel, files: Mapping[str, Media]) -> None:
        self._kept, self._channel, self._files = kept, channel, files
        self._has_posted = False

    async def run(
        self,
        warehouse: Warehouse,
        settings: Settings,
        transport: httpx.AsyncBaseTransport | None,
        who: str,
        now: datetime,
    ) -> dict[str, Any]:
        """The template's node as the provider has it now."""
        secrets = get_secrets(warehouse.cursor(), settings, self._channel.channel_id)
        async with _client(transport) as client:
            api = MakingApi(self._channel, secrets, client)
            app_id = await self._app_id(api, warehouse, who, now) if self._files else ""
            handles = {
                place: await api.upload_example(app_id, file.path.read_bytes(), file.mime_type, file.file_name)
                for place, file in self._files.items()
            }
            definition = definition_of(self._kept.draft, handles)
            template_id = await self._post(api, definition)
            try:
                return await api.read(template_id)
            except ProviderError:  # it is made: what is known of it is enough until the next sync
                return definition | {"id": template_id, "status": "PENDING"}

    def problem_of(self, problem: ProviderError) -> str:
        """What is kept with the draft of a submission that failed."""
        if isinstance(problem, TemplateRefused):
            return str(problem.fields["said"])
        return UNCLEAR if self._has_posted else ""

    async def _post(self, api: MakingApi, definition: Mapping[str, Any]) -> str:
        target = self._kept.target_id
        self._has_posted = True
        if target is not None:
            await api.edit(target, definition)
            return target
        try:
            return str((await api.create(definition))["id"])
        except TemplateRefused as refused:
            if refused.fields["subcode"] != EXISTS or self._kept.problem != UNCLEAR:
                raise
            found = await api.find(str(definition["name"]), str(definition["language"]))
            if found is None:
                raise
            return found

    async def _app_id(self, api: MakingApi, warehouse: Warehouse, who: str, now: datetime) -> str:
        if self._channel.app_id:
            return self._channel.app_id
        try:
            found = await api.app_id()
        except TemplateRefused as refused:
            raise InputError(reason=NO_APP, field="app_id") from refused
        keep_app_id(warehouse, self._channel.channel_id, found, who=who, now=now)
        return found


def _refuse_unfit(cursor: duckdb.DuckDBPyConnection, kept: KeptDraft, channel: Channel, now: datetime) -> None:
    if not makes_templates(channel):
        raise StateError(reason=MADE_ELSEWHERE)
    if kept.is_under_way:
        raise StateError(reason=N_("the provider has this draft already"))
    problems = [each for each in (*check_draft(kept.draft), *name_problems(cursor, kept, now)) if each.is_error]
    if problems:
        raise InputError(reason=problems[0].what.format(**problems[0].values), field=problems[0].part)


def _keep_problem(warehouse: Warehouse, draft_id: str, said: str) -> None:
    with warehouse.writing() as cursor:
        cursor.execute("UPDATE template_drafts SET problem = ? WHERE draft_id = ?", [said or None, draft_id])


def _client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport) if transport else make_client()
