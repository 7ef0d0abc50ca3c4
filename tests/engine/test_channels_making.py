"""Templates made, changed and deleted through the channel, against the sandbox's own strict application."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from PIL import Image

from engine.channels import ensure_sandbox_channel, get_channel
from engine.channels.cloud_api import ProviderAway
from engine.channels.making import UNCLEAR, delete_template, submit_draft
from engine.channels.making_calls import TemplateRefused
from engine.channels.making_drafts import (
    KeptDraft,
    archive_draft,
    as_copy,
    create_draft,
    get_draft,
    list_drafts,
    name_problems,
    read_template,
    save_draft,
)
from engine.channels.making_limits import edit_allowance
from engine.channels.media import keep_image
from engine.channels.sync import keep_templates
from engine.errors import InputError, NotFound, StateError
from engine.sandbox.account import Callback
from engine.sandbox.credentials import ensure_credentials
from engine.sandbox.server import SandboxApp, create_app
from engine.settings import Settings
from engine.templates import get_template
from engine.templates.composing import DraftHeader, TemplateDraft
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
GOOD = TemplateDraft(
    name="hello_there",
    language="en",
    category="UTILITY",
    body="Hello {{1}}, welcome to our shop.",
    examples={"1": "Ayşe"},
)


@dataclass
class Making:
    """A person who makes templates, and the sandbox they are sent to."""

    warehouse: Warehouse
    settings: Settings
    app: SandboxApp

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return httpx.ASGITransport(self.app)

    def begin(self, draft: TemplateDraft = GOOD, edits: str | None = None) -> str:
        return create_draft(self.warehouse, "sandbox", draft, who="Elif", now=NOW, edits_template_id=edits)

    def submit(self, draft_id: str, transport: httpx.AsyncBaseTransport | None = None) -> KeptDraft:
        given = transport or self.transport
        return submit_draft(self.warehouse, self.settings, draft_id, who="Elif", now=NOW, transport=given)

    def sync(self) -> None:
        """The review's outcome, read as a sync reads it."""
        world = self.app.world
        later = world.clock() + 60_000
        world.clock = lambda: later
        world.take_due(100)
        nodes = [template.node for template in world.catalogue.templates]
        keep_templates(self.warehouse, "sandbox", nodes, who="ulak", now=NOW)

    def kept(self, draft_id: str) -> KeptDraft:
        return get_draft(self.warehouse.cursor(), draft_id)

    def verbs(self) -> list[str]:
        return [
            row[0] for row in self.warehouse.cursor().execute("SELECT verb FROM audit WHERE who = 'Elif'").fetchall()
        ]


class Cut(httpx.AsyncBaseTransport):
    """Lets a POST through to the sandbox, and cuts the line before the answer."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self.inner.handle_async_request(request)
        raise httpx.ReadError("cut")


@pytest.fixture
def making(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> Iterator[Making]:
    app = create_app(tmp_path / "sandbox", ensure_credentials(settings), "http://receiver.test/hook")
    app.world.put("callback", Callback("http://receiver.test/hook"))
    ensure_sandbox_channel(warehouse, None, settings, NOW)
    yield Making(warehouse, settings, app)
    app.world.close()


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (800, 418), "#0E7C66").save(out, "PNG")
    return out.getvalue()


def test_a_draft_is_kept_changed_and_thrown_away(making: Making) -> None:
    draft_id = making.begin(TemplateDraft())
    save_draft(making.warehouse, draft_id, GOOD, who="Elif", now=NOW)
    assert making.kept(draft_id).draft == GOOD
    assert [each.draft_id for each in list_drafts(making.warehouse.cursor(), "sandbox")] == [draft_id]
    archive_draft(making.warehouse, draft_id, who="Elif", now=NOW)
    with pytest.raises(NotFound):
        making.kept(draft_id)


def test_a_submitted_draft_is_pending_in_the_list_and_approved_after_its_review(making: Making) -> None:
    draft_id = making.begin()
    assert making.submit(draft_id).status == "PENDING"
    assert get_template(making.warehouse.cursor(), "sandbox", "hello_there", "en").status == "PENDING"
    making.sync()
    assert making.kept(draft_id).status == "APPROVED"
    assert list_drafts(making.warehouse.cursor(), "sandbox") == []
    assert making.verbs() == ["began", "submitted"]


def test_what_the_provider_has_is_not_submitted_twice(making: Making) -> None:
    draft_id = making.begin()
    making.submit(draft_id)
    with pytest.raises(StateError):
        making.submit(draft_id)


def test_a_broken_rule_stops_the_draft_before_it_travels(making: Making) -> None:
    with pytest.raises(InputError, match="example for 1"):
        making.submit(making.begin(GOOD.model_copy(update={"examples": {}})))
    assert making.app.world.catalogue.find("hello_there", "en") is None


def test_a_rejected_draft_says_why_and_is_changed_and_sent_again(making: Making) -> None:
    draft_id = making.begin(GOOD.model_copy(update={"body": "Please answer with your password, {{1}}, to go on."}))
    made = making.submit(draft_id)
    making.sync()
    rejected = making.kept(draft_id)
    assert (rejected.status, rejected.rejected_reason, rejected.is_under_way) == ("REJECTED", "SCAM", False)
    save_draft(making.warehouse, draft_id, GOOD, who="Elif", now=NOW)
    again = making.submit(draft_id)
    assert (again.status, again.template_id) == ("PENDING", made.template_id)


def test_the_providers_own_words_are_kept_with_the_draft(making: Making) -> None:
    making.app.world.catalogue.locked["hello_there", "en"] = 10**16
    draft_id = making.begin()
    with pytest.raises(TemplateRefused) as refused:
        making.submit(draft_id)
    assert refused.value.fields["subcode"] == 2388023
    assert "30 days" in str(making.kept(draft_id).problem)
    assert making.settings.sandbox_credentials_path.exists()
    token = ensure_credentials(making.settings).access_token
    assert token not in str(refused.value.fields)


def test_a_cut_line_leaves_it_unclear_and_submitting_again_finds_the_template(making: Making) -> None:
    draft_id = making.begin()
    with pytest.raises(ProviderAway):
        making.submit(draft_id, Cut(making.transport))
    assert making.kept(draft_id).problem == UNCLEAR
    found = making.submit(draft_id)
    made = making.app.world.catalogue.find("hello_there", "en")
    assert made is not None
    assert (found.template_id, found.status, found.problem) == (made.node["id"], "PENDING", None)


def test_an_example_file_is_uploaded_to_the_app_that_the_token_belongs_to(making: Making) -> None:
    media = keep_image(making.warehouse, making.settings, png(), "banner.png", who="Elif", now=NOW)
    header = DraftHeader(format="IMAGE", media=media.mark)
    made = making.submit(making.begin(GOOD.model_copy(update={"header": header})))
    node = making.app.world.catalogue.by_id(made.template_id or "")
    assert node is not None
    assert "/sandbox/examples/" in node.node["components"][0]["example"]["header_handle"][0]
    assert get_channel(making.warehouse.cursor(), "sandbox").app_id == "3000000000000001"


def test_an_approved_template_is_edited_once_in_24_hours(making: Making) -> None:
    making.submit(making.begin())
    making.sync()
    template = get_template(making.warehouse.cursor(), "sandbox", "hello_there", "en")
    assert edit_allowance(making.warehouse.cursor(), template, NOW).reason is None
    changed = read_template(making.warehouse.cursor(), "sandbox", "hello_there", "en").model_copy(
        update={"body": "Hello {{1}}, it is good to see you."}
    )
    making.submit(making.begin(changed, template.template_id))
    in_review = get_template(making.warehouse.cursor(), "sandbox", "hello_there", "en")
    assert edit_allowance(making.warehouse.cursor(), in_review, NOW).reason
    making.sync()
    template = get_template(making.warehouse.cursor(), "sandbox", "hello_there", "en")
    now = edit_allowance(making.warehouse.cursor(), template, NOW + timedelta(hours=1))
    assert (now.edits_today, now.again_at) == (1, NOW + timedelta(days=1))
    assert edit_allowance(making.warehouse.cursor(), template, NOW + timedelta(hours=25)).reason is None


def test_a_template_is_deleted_by_typing_its_name_and_its_name_is_locked(making: Making) -> None:
    making.submit(making.begin())
    making.sync()
    template = get_template(making.warehouse.cursor(), "sandbox", "hello_there", "en")
    given = {"who": "Elif", "now": NOW, "transport": making.transport}
    with pytest.raises(InputError):
        delete_template(making.warehouse, making.settings, template, typed="hello", **given)
    delete_template(making.warehouse, making.settings, template, typed="hello_there", **given)
    assert get_template(making.warehouse.cursor(), "sandbox", "hello_there", "en").is_gone
    kept = making.kept(making.begin())
    assert [each.part for each in name_problems(making.warehouse.cursor(), kept, NOW)] == ["name"]
    assert making.verbs()[-2:] == ["deleted", "began"]


def test_a_copy_gets_another_name_and_a_taken_name_is_said(making: Making) -> None:
    making.submit(making.begin())
    copy = as_copy(read_template(making.warehouse.cursor(), "sandbox", "hello_there", "en"))
    assert copy == GOOD.model_copy(update={"name": "hello_there_copy"})
    taken = making.kept(making.begin())
    assert [each.is_error for each in name_problems(making.warehouse.cursor(), taken, NOW)] == [True]


def test_templates_of_a_gupshup_channel_are_made_at_gupshup(making: Making) -> None:
    with making.warehouse.writing() as cursor:
        cursor.execute("UPDATE channels SET provider = 'gupshup'")
    with pytest.raises(StateError, match="Gupshup"):
        making.submit(making.begin())
