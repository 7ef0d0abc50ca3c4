"""The shipped templates and how they are listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox.catalogue import Catalogue
from engine.sandbox.shapes import VARIABLE
from tests.engine.sandbox_desk import Desk, open_desk

NODES = [template.node for template in Catalogue().templates]
IDS = [f"{node['name']}/{node['language']}" for node in NODES]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        yield opened


def listing(desk: Desk, **query: Any) -> dict[str, Any]:
    answer = desk.call("GET", f"/v25.0/{desk.credentials.waba_id}/message_templates", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def part(node: dict[str, Any], kind: str) -> dict[str, Any]:
    return next((one for one in node["components"] if one["type"] == kind), {})


def buttons(node: dict[str, Any]) -> list[dict[str, Any]]:
    return part(node, "BUTTONS").get("buttons", [])


def test_the_templates_cover_what_a_sender_meets() -> None:
    assert len(NODES) >= 10
    assert {node["language"] for node in NODES} >= {"tr", "en"}
    formats = {part(node, "HEADER").get("format") for node in NODES}
    assert formats >= {"TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION", None}
    assert {button["type"] for node in NODES for button in buttons(node)} >= {"QUICK_REPLY", "URL", "COPY_CODE"}
    assert {node["parameter_format"] for node in NODES} == {"POSITIONAL", "NAMED"}
    assert any(not VARIABLE.search(part(node, "BODY")["text"]) for node in NODES)
    assert any(VARIABLE.search(part(node, "HEADER").get("text", "")) for node in NODES)
    assert any(VARIABLE.search(button.get("url", "")) for node in NODES for button in buttons(node))
    assert {node["status"] for node in NODES} == {"APPROVED", "PAUSED", "REJECTED", "PENDING"}
    assert [node["rejected_reason"] for node in NODES if node["status"] == "REJECTED"] == ["TAG_CONTENT_MISMATCH"]
    assert {node["quality_score"]["score"] for node in NODES} == {"GREEN", "YELLOW", "RED", "UNKNOWN"}
    assert len({node["id"] for node in NODES}) == len(NODES) == len(set(IDS))


@pytest.mark.parametrize("node", NODES, ids=IDS)
def test_each_template_would_pass_metas_own_rules(node: dict[str, Any]) -> None:
    body = part(node, "BODY")["text"]
    assert len(body) <= 1024
    assert not body.startswith("{{")
    assert not body.endswith("}}")
    assert "}}{{" not in body
    assert len(part(node, "HEADER").get("text", "")) <= 60
    assert len(part(node, "FOOTER").get("text", "")) <= 60
    assert all(len(button["text"]) <= 25 for button in buttons(node))
    names = VARIABLE.findall(body)
    if node["parameter_format"] == "POSITIONAL":
        assert names == [str(number) for number in range(1, len(names) + 1)]
    else:
        assert all(name == name.lower() and not name.isdigit() for name in names)
    example = part(node, "BODY").get("example", {})
    given = example.get("body_text", [[]])[0] or example.get("body_text_named_params", [])
    assert len(given) == len(set(names))


def test_paging_visits_each_template_once_and_the_last_page_has_no_next(desk: Desk) -> None:
    seen, query, pages = [], {"limit": "5", "fields": "id,name"}, 0
    while True:
        page = listing(desk, **query)
        seen += [node["id"] for node in page["data"]]
        pages += 1
        if "next" not in page["paging"]:
            break
        query["after"] = page["paging"]["cursors"]["after"]
        assert f"after={query['after']}" in page["paging"]["next"]
    assert seen == [node["id"] for node in NODES]
    assert pages == -(-len(NODES) // 5)
    assert page["paging"]["cursors"].keys() == {"before", "after"}
    back = listing(desk, limit="5", before=page["paging"]["cursors"]["before"])
    assert [node["id"] for node in back["data"]] == seen[-(len(NODES) % 5 or 5) - 5 : -(len(NODES) % 5 or 5)]


@pytest.mark.parametrize("status", ["approved", "APPROVED"])
def test_the_status_filter_takes_either_case(desk: Desk, status: str) -> None:
    found = listing(desk, status=status, limit=100)["data"]
    assert {node["status"] for node in found} == {"APPROVED"}
    assert len(found) == sum(node["status"] == "APPROVED" for node in NODES)


def test_the_name_filter_matches_a_part_of_the_name(desk: Desk) -> None:
    assert [node["language"] for node in listing(desk, name="winter")["data"]] == ["tr", "en"]


def test_only_the_fields_asked_for_come_and_the_id(desk: Desk) -> None:
    assert {frozenset(node) for node in listing(desk, fields="name,status")["data"]} == {
        frozenset({"id", "name", "status"})
    }


def test_without_fields_the_quality_is_missing_as_at_meta(desk: Desk) -> None:
    assert all("quality_score" not in node for node in listing(desk)["data"])


@pytest.mark.parametrize(
    "query", [{"fields": "name,colour"}, {"limit": "0"}, {"limit": "many"}, {"after": "!!"}], ids=str
)
def test_a_malformed_listing_is_refused_with_code_100(desk: Desk, query: dict[str, str]) -> None:
    answer = desk.call("GET", f"/v25.0/{desk.credentials.waba_id}/message_templates", params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_another_accounts_templates_are_an_unknown_object(desk: Desk) -> None:
    error = desk.call("GET", "/v25.0/123456789012345/message_templates").json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, 33)


def test_an_image_headers_example_is_a_picture_that_loads(desk: Desk) -> None:
    found = listing(desk, name="winter_sale")["data"][0]
    link = found["components"][0]["example"]["header_handle"][0]
    assert link.startswith("http://testserver/sandbox/media/")
    answer = desk.call("GET", link, token=None)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")


def test_a_status_that_changes_is_listed_and_told_by_webhook(desk: Desk) -> None:
    answer = desk.call("PUT", "/sandbox/templates/winter_sale/tr", json={"status": "PAUSED"})
    assert answer.json() == {"status": "PAUSED"}
    assert listing(desk, name="winter_sale")["data"][0]["status"] == "PAUSED"
    desk.until(lambda: bool(desk.receiver.posts))
    (change,) = desk.receiver.changes()
    assert change["field"] == "message_template_status_update"
    assert change["value"]["event"] == "PAUSED"
    assert str(change["value"]["message_template_id"]) == listing(desk, name="winter_sale")["data"][0]["id"]


def test_the_health_of_a_paused_template_says_blocked(desk: Desk) -> None:
    paused = listing(desk, status="PAUSED", fields="health_status")["data"][0]
    assert paused["health_status"]["can_send_message"] == "BLOCKED"
    assert paused["health_status"]["entities"][0]["errors"][0]["error_code"] == 141002
