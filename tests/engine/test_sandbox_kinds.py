"""The sandbox takes every kind of message as the product builds it, and refuses what the API refuses.

Frozen audiences are read and built as a worker does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.operations.snapshot import freeze
from engine.operations.snapshot_reader import open_snapshot, read_batch
from engine.templates import PayloadBuilder, Template, resolve_parameters
from tests.engine.media_files import PDF
from tests.engine.sandbox_desk import Desk, open_desk
from tests.engine.templates_filled import LINK, SENDABLE, bindings_for, filled, values_of
from tests.engine.templates_world import shipped

Message = dict[str, Any]
HASH = "ab" * 32


def build(found: Template, values: list[str], media: dict[str, str] | None = None) -> Message:
    return PayloadBuilder(found, media).build("+905321234567", None, values, "op-1:0:1")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with open_desk(tmp_path_factory.mktemp("desk")) as opened:
        opened.put("people", {"enabled": False})
        yield opened


@pytest.mark.parametrize("found", SENDABLE, ids=lambda found: f"{found.name}/{found.language}")
def test_the_sandbox_takes_every_template_as_it_is_built(desk: Desk, found: Template) -> None:
    answer = desk.send(build(found, values_of(found, filled(found))))
    assert answer.status_code == 200, answer.text


def test_the_sandbox_has_every_kind_that_can_be_sent() -> None:
    kinds = {slot.kind for found in SENDABLE for slot in found.slots}
    assert kinds == {"text", "image", "video", "document", "number", "moment", "url_suffix", "code"}
    assert {button.kind for found in SENDABLE for button in found.buttons} >= {"COPY_CODE", "OTP", "FLOW"}
    assert {slot.card for found in SENDABLE for slot in found.slots} >= {0, 1, 2}


def broken(name: str, language: str, path: str, value: Any) -> Message:
    """A right message with one thing changed; None takes it away."""
    found = shipped(name, language)
    message = build(found, values_of(found, filled(found)))
    at: Any = message["template"]["components"]
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in way:
        at = at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return message


@pytest.mark.parametrize(
    ("name", "language", "path", "value", "code"),
    [
        ("new_arrivals", "tr", "1", None, 132000),
        ("new_arrivals", "tr", "1.cards.2", None, 132000),
        ("new_arrivals", "tr", "1.cards.1.card_index", 0, 131009),
        ("new_arrivals", "tr", "1.cards.0.components.0", None, 132012),
        ("new_arrivals", "tr", "1.cards.0.components.1.parameters", [], 132000),
        ("new_arrivals", "tr", "1.cards.0.components.1.parameters.0.text", "x" * 200, 132005),
        ("new_arrivals", "tr", "1.cards.1.components.3", None, 131008),
        ("flash_sale", "tr", "2", None, 132000),
        ("flash_sale", "tr", "2.parameters.0.limited_time_offer.expiration_time_ms", 1, 131009),
        ("flash_sale", "tr", "2.parameters.0.limited_time_offer.expiration_time_ms", "soon", 100),
        ("flash_sale", "tr", "3.parameters.0.coupon_code", "KIS 20", 131009),
        ("flash_sale", "tr", "1.parameters.0.text", "x" * 600, 132005),
        ("sign_in_code", "en", "1", None, 131008),
        ("sign_in_code", "tr", "1.parameters.0.text", "1" * 16, 131009),
        ("service_survey", "en", "1.parameters.0.action", {}, 131008),
        ("service_survey", "en", "1", None, 131008),
        ("store_opening", "tr", "0.parameters.0.location.latitude", 91, 131009),
        ("invoice_ready", "tr", "0.parameters.0", {"type": "document", "document": {"id": "404"}}, 131053),
        ("product_film", "tr", "0.parameters.0", {"type": "image", "image": {"link": LINK}}, 132012),
    ],
)
def test_the_sandbox_refuses_what_the_api_refuses(
    desk: Desk, name: str, language: str, path: str, value: Any, code: int
) -> None:
    answer = desk.send(broken(name, language, path, value))
    assert answer.json()["error"]["code"] == code, answer.text


def test_the_sandboxs_ledger_shows_what_cards_and_coupons_each_person_got(desk: Desk) -> None:
    found = shipped("new_arrivals", "tr")
    message = {**build(found, values_of(found, filled(found, "Zeynep"))), "to": "+905329999999"}
    assert desk.send(message).status_code == 200
    texts = desk.ledger("?to=905329999999")["messages"]["905329999999"][-1]["texts"]
    assert texts == ["Zeynep", "Zeynep", "a1", "Zeynep", "a1", "Zeynep", "a1"]


@pytest.mark.parametrize(
    ("name", "language"), [("flash_sale", "tr"), ("new_arrivals", "tr"), ("invoice_ready", "tr")]
)
def test_a_frozen_audience_is_sent_as_it_was_filled(desk: Desk, tmp_path: Path, name: str, language: str) -> None:
    found, media = shipped(name, language), LINK
    media_ids: dict[str, str] = {}
    if name == "invoice_ready":
        form = {"messaging_product": "whatsapp", "type": "application/pdf"}
        path = f"/v25.0/{desk.credentials.phone_number_id}/media"
        answer = desk.call("POST", path, data=form, files={"file": ("fatura.pdf", PDF, "application/pdf")})
        media, media_ids = f"media:{HASH}", {HASH: answer.json()["id"]}
    people = pl.DataFrame({"word": ["Ayşe", "Zeynep"]})
    values = resolve_parameters(people, found, bindings_for(found, media)).drop("missing", "too_long", "invalid")
    columns = {
        "recipient_no": pl.Series([0, 1], dtype=pl.UInt32),
        "person_key": pl.Series([1, 2], dtype=pl.UInt64),
        "phone": ["+905328880000", "+905328880001"],
        "user_id": pl.Series([None, None], dtype=pl.String),
    }
    facts = {"template": found.model_dump(mode="json"), "batch_size": 5_000, "media_ids": media_ids}
    freeze(pl.DataFrame(columns).hstack(values), tmp_path / "op" / "recipients.parquet", facts)
    snapshot = open_snapshot(tmp_path / "op" / "recipients.parquet")
    builder = PayloadBuilder(Template.model_validate(snapshot.facts["template"]), snapshot.facts["media_ids"])
    for person, word in zip(read_batch(snapshot, 0), people["word"], strict=True):
        answer = desk.send(builder.build(person.phone, person.user_id, person.parameters, "op-1:0:1"))
        assert answer.status_code == 200, answer.text
        assert word in desk.ledger(f"?to={person.phone[1:]}")["messages"][person.phone[1:]][0]["texts"]
