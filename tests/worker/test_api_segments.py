"""Saved segments by REST and by command: shown, saved, described, their versions, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.segments import list_versions
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.engine.operations_world import add_contacts
from tests.worker.api_world import Api, settings_with_ports
from tests.worker.test_cli import Terminal

IN_ANKARA = {"facets": {}, "rule": {"kind": "is", "field": "city", "operator": "equals", "value": "Ankara"}}
IN_IZMIR = {"facets": {"city": {"include": ["İzmir"], "exclude": []}}, "rule": None}


@pytest.fixture
def api(warehouse: Warehouse, settings: Settings) -> Api:
    add_contacts(warehouse, [{"city": "Ankara"}, {"city": "Ankara"}, {"city": "İzmir"}])
    return Api(warehouse, settings)


def save(api: Api, name: str = "Ankara", definition: Any = IN_ANKARA, **more: Any) -> Any:
    answer = api.call("POST", "/segments", json={"name": name, "definition": definition, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_saving_twice_makes_one_and_a_change_is_the_next_version(api: Api, warehouse: Warehouse) -> None:
    first, again, changed = (
        save(api),
        save(api, "  ankara "),
        save(api, definition=IN_IZMIR, description="By the sea"),
    )
    assert [(each["created"], each["changed"], each["version"]) for each in (first, again, changed)] == [
        (True, False, 1), (False, False, 1), (False, True, 2),
    ]  # fmt: skip
    assert {first["segment_id"], again["segment_id"], changed["segment_id"]} == {first["segment_id"]}
    versions = api.call("GET", "/segments/Ankara/versions").json()
    assert [(each["version"], each["by"], each["definition"]) for each in versions] == [
        (2, "Elif", IN_IZMIR), (1, "Elif", IN_ANKARA),
    ]  # fmt: skip
    shown = api.call("GET", f"/segments/{first['segment_id']}").json()
    assert (shown["description"], shown["sentence"], shown["size"]) == ("By the sea", "City is İzmir", None)


def test_a_count_is_kept_as_the_size_and_the_list_says_it(api: Api) -> None:
    save(api, "a/b")
    assert api.call("POST", "/segments/count", json={"segment": "A/B"}).json()["count"] == 2
    (row,) = api.call("GET", "/segments").json()
    assert (row["name"], row["size"], row["operations"]) == ("a/b", 2, 0)
    assert api.call("GET", "/segments/a%2Fb").json()["size"] == 2
    assert api.call("GET", "/segments/a%2Fb/versions").json()[0]["version"] == 1


def test_who_saves_what_somebody_changed_meanwhile_is_told_who(
    api: Api, warehouse: Warehouse, settings: Settings
) -> None:
    seen = save(api)["edition"]
    Api(warehouse, settings, "Can").call("POST", "/segments", json={"name": "Ankara", "definition": {}})
    body = {"name": "Ankara", "definition": IN_IZMIR, "edition": seen}
    refused = api.call("POST", "/segments", json=body)
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "ChangedMeanwhile")
    assert "Can changed the segment" in refused.json()["error"]["message"]
    segment_id = api.call("GET", "/segments/Ankara").json()["segment_id"]
    assert [each.by_whom for each in list_versions(warehouse.cursor(), segment_id)] == ["Can", "Elif"]


@pytest.mark.parametrize("path", ["/segments", "/segments/count", "/segments/describe", "/operations"])
def test_a_mistake_in_a_definition_is_named_with_its_place_everywhere(api: Api, path: str) -> None:
    wrong = {"rule": {"kind": "all", "rules": [{"kind": "is", "field": "citty", "operator": "equals", "value": "x"}]}}
    body = {"name": "x", "definition": wrong, "template": "x", "language": "tr"}
    answer = api.call("POST", path, json=body)
    assert answer.status_code == 422
    assert "rule.rules[0].field: there is no field 'citty'; did you mean 'city'?" in answer.json()["error"]["message"]


@pytest.fixture
def ulak(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal on a home of its own, where nothing runs."""
    settings_with_ports(monkeypatch)
    monkeypatch.setenv("COLUMNS", "400")
    return Terminal(monkeypatch, capsys)


def test_the_way_of_a_segment_by_command(ulak: Terminal, tmp_path: Path) -> None:
    bare, kept = tmp_path / "ankara.json", tmp_path / "kept.json"
    bare.write_text(json.dumps(IN_ANKARA), "utf-8")
    assert ulak("segments", "save", str(bare)).code == 2  # it has no name
    assert ulak("segments", "save", str(bare), "--name", "Ankara").out == "Ankara: made, version 1\n"
    assert ulak("segments", "save", str(bare), "--name", "Ankara").out == "Ankara: as it was, version 1\n"
    assert json.loads(ulak("segments", "show", "Ankara").out) == IN_ANKARA
    shown = ulak.json("segments", "show", "Ankara")
    kept.write_text(json.dumps(shown | {"definition": IN_IZMIR}), "utf-8")
    assert ulak.json("segments", "save", str(kept), "--as", "Can")["version"] == 2
    assert ulak.json("segments", "save", str(kept))["changed"] is False
    kept.write_text(json.dumps(shown | {"definition": {}}), "utf-8")
    refused = ulak("segments", "save", str(kept))
    assert (refused.code, "Can changed" in refused.err) == (1, True)
    assert ulak("segments", "save", str(kept), "--over").out == "Ankara: changed, version 3\n"
    assert [each["version"] for each in ulak.json("segments", "versions", "Ankara")] == [3, 2, 1]
    assert ulak("segments", "describe", str(bare)).out == "City is Ankara\n"
    assert ulak("segments", "describe", "ankara").out == "Everybody\n"


def test_a_wrong_file_ends_with_the_place_of_the_mistake(ulak: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text('{"rule": {"kind": "is",}}', "utf-8")
    said = ulak("segments", "count", str(file))
    assert (said.code, "line 1" in said.err) == (2, True)
    file.write_text('{"rule": {"kind": "is", "field": "city", "operator": "like", "value": "x"}}', "utf-8")
    for words in (("segments", "count", str(file)), ("send", "--template", "a/tr", "--segment", str(file))):
        said = ulak(*words)
        assert (said.code, "rule.operator: 'like' is unknown; allowed for city: equals" in said.err) == (1, True)
