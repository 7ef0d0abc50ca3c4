"""One contact over REST and the command line."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from engine.contacts.profile import load_profile
from engine.segments import create_list
from engine.settings import current_settings
from engine.warehouse import Warehouse
from engine.warehouse.shared import close_shared_warehouse, shared_warehouse
from tests.engine.operations_world import NOW, add_contacts
from tests.worker.api_world import Api, settings_with_ports
from worker.cli import app


@pytest.fixture
def api(warehouse: Warehouse, live: redis.Redis) -> Api:
    """Two contacts, and a list."""
    add_contacts(warehouse, [{}, {}])
    create_list(warehouse, "Friends", who="Elif", now=NOW)
    return Api(warehouse, current_settings())


def test_a_contact_is_found_and_shown(api: Api) -> None:
    for text in ("1", "0532 000 00 01"):
        assert api.call("POST", "/contacts/find", json={"contact": text}).json() == {"contact_id": 1}
    facts = api.call("GET", "/contacts/1").json()
    assert facts["fields"]["name"] == "Name 1"
    assert api.call("GET", "/contacts/99").status_code == 404
    assert api.call("GET", "/contacts/count").json() == {"count": 2}


def test_fields_are_changed_together_or_not_at_all(api: Api, warehouse: Warehouse) -> None:
    answer = api.call("PATCH", "/contacts/1", json={"fields": {"city": "Van", "email": "nobody"}})
    assert answer.status_code == 422
    answer = api.call("PATCH", "/contacts/1", json={"fields": {"city": "Van", "phone": "0532 111 22 33"}})
    assert answer.json() == {"contact_id": 1, "changed": ["phone", "city"]}
    assert load_profile(warehouse.cursor(), 1).phone == "+905321112233"
    taken = api.call("PATCH", "/contacts/1", json={"fields": {"phone": "0532 000 00 02"}})
    assert taken.status_code == 422
    assert "0002" not in taken.text


def test_consent_is_withdrawn_and_only_given_again_when_confirmed(api: Api, warehouse: Warehouse) -> None:
    body = {"consent": "opted_out", "source": "web"}
    assert api.call("POST", "/contacts/1/consent", json=body).json()["senders_know"] is True
    body = {"consent": "opted_in", "source": "web"}
    assert api.call("POST", "/contacts/1/consent", json=body).status_code == 422
    answer = api.call("POST", "/contacts/1/consent", json={**body, "confirmed": True})
    assert answer.json() == {"contact_id": 1, "consent": "opted_in", "lifted": 1}
    assert load_profile(warehouse.cursor(), 1).consent == "opted_in"


def test_lists_are_joined_and_left(api: Api) -> None:
    assert api.call("POST", "/contacts/1/lists", json={"add": ["Friends"]}).json()["lists"] == ["Friends"]
    assert api.call("POST", "/contacts/1/lists", json={"remove": ["Friends"]}).json()["lists"] == []
    assert api.call("POST", "/contacts/1/lists", json={"add": ["none"]}).status_code == 404


def test_all_that_is_held_comes_as_a_zip(api: Api) -> None:
    answer = api.call("GET", "/contacts/1/export")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert set(archive.namelist()) == {"person.json", "person.html"}


def test_the_command_shows_and_exports_one_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings_with_ports(monkeypatch)
    add_contacts(shared_warehouse(), [{}])
    close_shared_warehouse()
    runner = CliRunner()
    shown = runner.invoke(app, ["contacts", "show", "0532 000 00 01", "--json"])
    assert json.loads(shown.stdout)["fields"]["name"] == "Name 1"
    assert "Name: Name 1" in runner.invoke(app, ["contacts", "show", "1"]).stdout
    target = tmp_path / "person.zip"
    done = runner.invoke(app, ["contacts", "export-person", "1", str(target)])
    assert done.exit_code == 0
    assert zipfile.is_zipfile(target)
    assert runner.invoke(app, ["contacts", "export-person", "1", str(target)]).exit_code == 2
