"""Templates made in the sandbox: what is refused at once, what a review rejects, edits, deletion, example files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox.nodes import APP_ID
from tests.engine.sandbox_desk import Desk, open_desk

BODY = {"type": "BODY", "text": "Hello {{1}}, welcome to our shop.", "example": {"body_text": [["Ayşe"]]}}
NEW = {"name": "hello_there", "language": "en", "category": "UTILITY", "components": [BODY]}
TWO = {"body_text": [["a", "b"]]}
FIELD = "message_template_status_update"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as desk:
        desk.put("review", {"seconds": [0, 0]})
        yield desk


def path(desk: Desk) -> str:
    return f"/v25.0/{desk.credentials.waba_id}/message_templates"


def make(desk: Desk, *components: dict[str, Any], **more: Any) -> Any:
    given = {**NEW, **more} | ({"components": list(components)} if components else {})
    return desk.call("POST", path(desk), json=given)


def told(desk: Desk) -> list[tuple[str, str]]:
    changes = [change["value"] for change in desk.receiver.changes() if change["field"] == FIELD]
    return [(value["event"], value["reason"]) for value in changes]


def status_of(desk: Desk, template_id: str) -> tuple[str, str]:
    node = desk.call("GET", f"/v25.0/{template_id}?fields=status,rejected_reason").json()
    return node["status"], node["rejected_reason"]


def upload(desk: Desk, content: bytes, scheme: str = "OAuth") -> Any:
    query = f"file_name=a.png&file_length={len(content)}&file_type=image/png"
    session = desk.call("POST", f"/v25.0/{APP_ID}/uploads?{query}").json()["id"]
    headers = {"Authorization": f"{scheme} {desk.credentials.access_token}", "file_offset": "0"}
    return desk.call("POST", f"/v25.0/{session}", token=None, content=content, headers=headers)


def test_a_good_template_is_pending_then_approved_and_the_webhook_says_so(desk: Desk) -> None:
    desk.put("review", {"enabled": False})
    made = make(desk).json()
    assert (made["status"], made["category"]) == ("PENDING", "UTILITY")
    assert status_of(desk, made["id"]) == ("PENDING", "NONE")
    desk.put("review", {"seconds": [0, 0]})
    other = make(desk, {**BODY, "text": "Hello {{1}}, good to see you here."}, name="other").json()
    desk.until(lambda: len(told(desk)) == 1)
    assert told(desk) == [("APPROVED", "NONE")]
    assert status_of(desk, other["id"]) == ("APPROVED", "NONE")


@pytest.mark.parametrize(
    ("components", "reason"),
    [
        ([{**BODY, "text": "Dear {{1}}{{2}} and all of you, welcome.", "example": TWO}], "INVALID_FORMAT"),
        ([{"type": "BODY", "text": "Please answer with your password to go on."}], "SCAM"),
    ],
)
def test_a_review_rejects_with_its_reason(desk: Desk, components: list[dict[str, Any]], reason: str) -> None:
    made = make(desk, *components).json()
    desk.until(lambda: bool(told(desk)))
    assert told(desk) == [("REJECTED", reason)]
    assert status_of(desk, made["id"]) == ("REJECTED", reason)


@pytest.mark.parametrize(
    ("given", "subcode"),
    [
        ({"components": [{**BODY, "text": "{{1}} hello and welcome to our shop"}]}, 2388299),
        ({"components": [{**BODY, "text": "Hi {{1}}"}]}, 2388299),
        ({"components": [{**BODY, "text": "Hi {{1}} you"}]}, 2388293),
        ({"components": [{**BODY, "text": "x" * 1025}]}, 2388040),
        ({"components": [{"type": "BODY", "text": BODY["text"]}]}, 2388043),
        ({"components": [{"type": "BODY", "text": "One.\n\n\nTwo."}]}, 2388072),
        ({"components": [BODY, {"type": "FOOTER", "text": "For {{1}}"}]}, 2388073),
        ({"components": [BODY, {"type": "HEADER", "format": "TEXT", "text": "A *word*"}]}, 2388047),
        ({"components": [BODY, {"type": "HEADER", "format": "IMAGE"}]}, 2388273),
        ({"components": []}, 2388043),
        ({"name": "Hello"}, None),
        ({"category": "NEWS"}, None),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_subcode(
    desk: Desk, given: dict[str, Any], subcode: int | None
) -> None:
    answer = make(desk, **given)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error.get("error_subcode")) == (100, subcode)
    assert subcode is None or error["error_user_msg"]


def test_a_utility_template_that_sells_gets_the_category_marketing(desk: Desk) -> None:
    assert make(desk, {"type": "BODY", "text": "Today 20% off everything."}).json()["category"] == "MARKETING"


def test_a_name_and_language_is_made_once_and_locked_after_deletion(desk: Desk) -> None:
    made = make(desk).json()
    assert make(desk).json()["error"]["error_subcode"] == 2388024
    desk.until(lambda: bool(told(desk)))
    assert desk.call("DELETE", f"{path(desk)}?name=hello_there&hsm_id={made['id']}").json() == {"success": True}
    assert make(desk).json()["error"]["error_subcode"] == 2388023
    desk.until(lambda: len(told(desk)) == 2)
    assert told(desk)[1] == ("PENDING_DELETION", "NONE")


def test_an_approved_template_is_edited_once_a_day_and_reviewed_again(desk: Desk) -> None:
    made = make(desk).json()
    change = {"components": [{**BODY, "text": "Hello {{1}}, it is good to see you."}]}
    assert "edited" in str(desk.call("POST", f"/v25.0/{made['id']}", json=change).json())
    desk.until(lambda: len(told(desk)) == 1)
    moved = desk.call("POST", f"/v25.0/{made['id']}", json={**change, "category": "MARKETING"})
    assert "category" in moved.json()["error"]["error_user_msg"]
    assert desk.call("POST", f"/v25.0/{made['id']}", json=change).json() == {"success": True}
    assert status_of(desk, made["id"])[0] == "PENDING"
    desk.until(lambda: len(told(desk)) == 2)
    again = desk.call("POST", f"/v25.0/{made['id']}", json=change)
    assert "24 hours" in again.json()["error"]["error_user_msg"]


def test_an_example_file_is_uploaded_named_by_its_handle_and_read_back_as_a_link(desk: Desk) -> None:
    assert upload(desk, b"\x89PNG", scheme="Bearer").status_code == 401
    handle = upload(desk, b"\x89PNG").json()["h"]
    assert handle.startswith("4::")
    header = {"type": "header", "format": "image", "example": {"header_handle": [handle]}}
    made = make(desk, header, BODY).json()
    read = desk.call("GET", f"/v25.0/{made['id']}?fields=components").json()["components"][0]
    link = read["example"]["header_handle"][0]
    assert (read["type"], read["format"]) == ("HEADER", "IMAGE")
    assert desk.call("GET", link.removeprefix("http://testserver")).content == b"\x89PNG"


def test_what_was_made_outlives_a_restart(tmp_path: Path) -> None:
    with open_desk(tmp_path) as desk:
        desk.put("review", {"seconds": [0, 0]})
        made, gone = make(desk).json(), make(desk, {"type": "BODY", "text": "Bye all."}, name="bye").json()
        desk.until(lambda: len(told(desk)) == 2)
        desk.call("DELETE", f"{path(desk)}?name=bye")
        desk.until(lambda: len(told(desk)) == 3)
    with open_desk(tmp_path, desk.credentials) as desk:
        assert status_of(desk, made["id"]) == ("APPROVED", "NONE")
        assert desk.call("GET", f"/v25.0/{gone['id']}").status_code == 400
