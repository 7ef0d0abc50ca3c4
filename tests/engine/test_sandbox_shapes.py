"""The sandbox's answers have the keys and types of Meta's own examples (`graph_examples/`, with their licence)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox.catalogue import NODE_FIELDS
from tests.engine.sandbox_desk import Desk, open_desk, winter_sale

EXAMPLES = Path(__file__).parent / "graph_examples"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        yield opened


def example(noun: str, name: str) -> Any:
    return json.loads((EXAMPLES / f"{noun}.json").read_text("utf-8"))[name]


def assert_same_shape(ours: Any, theirs: Any, where: str = "answer") -> None:
    """Each key of the example is there with a value of the same type; lists by their first element."""
    assert type(ours) is type(theirs), f"{where}: {type(ours).__name__}, the example has {type(theirs).__name__}"
    if isinstance(theirs, dict):
        missing = set(theirs) - set(ours)
        assert not missing, f"{where} lacks {missing}"
        for key, value in theirs.items():
            assert_same_shape(ours[key], value, f"{where}.{key}")
    elif isinstance(theirs, list) and theirs:
        assert ours, f"{where} is empty"
        assert_same_shape(ours[0], theirs[0], f"{where}[0]")


def test_the_comparison_itself_notices_a_missing_key_and_a_wrong_type() -> None:
    with pytest.raises(AssertionError, match="lacks"):
        assert_same_shape({"a": [{}]}, {"a": [{"b": 1}]})
    with pytest.raises(AssertionError, match=r"answer\.a"):
        assert_same_shape({"a": 1}, {"a": "1"})


def test_an_accepted_message_answers_like_metas_example(desk: Desk) -> None:
    answer = desk.send(winter_sale()).json()
    theirs = example("messages", "sent")
    assert_same_shape(answer, theirs)
    assert set(answer) == set(theirs)
    # What the example lacks is documented for templates since: the message's status.
    assert set(answer["messages"][0]) - set(theirs["messages"][0]) == {"message_status"}


def test_the_phone_number_node_has_the_examples_fields(desk: Desk) -> None:
    path = f"/v25.0/{desk.credentials.phone_number_id}"
    assert_same_shape(desk.call("GET", path).json(), example("phone_number", "default"))
    theirs = example("phone_number", "with_more")
    answer = desk.call("GET", path, params={"fields": ",".join(theirs)}).json()
    assert_same_shape(answer, theirs)
    assert set(answer) == set(theirs)


def test_the_list_of_phone_numbers_has_the_examples_fields(desk: Desk) -> None:
    answer = desk.call("GET", f"/v25.0/{desk.credentials.waba_id}/phone_numbers").json()
    assert_same_shape(answer, example("phone_numbers", "one"))


def test_the_account_node_has_the_examples_fields(desk: Desk) -> None:
    theirs = example("account", "verified")
    answer = desk.call("GET", f"/v25.0/{desk.credentials.waba_id}", params={"fields": ",".join(theirs)}).json()
    assert_same_shape(answer, theirs)


def test_a_page_of_templates_has_the_examples_shape(desk: Desk) -> None:
    theirs = example("templates", "list")
    answer = desk.call("GET", f"/v25.0/{desk.credentials.waba_id}/message_templates").json()
    assert set(answer) == set(theirs)
    assert_same_shape(answer["paging"], theirs["paging"])
    for node in answer["data"]:
        assert_components_like(node["components"], theirs["data"])
        assert set(node) <= NODE_FIELDS


def test_a_template_node_has_the_examples_fields(desk: Desk) -> None:
    listed = desk.call("GET", f"/v25.0/{desk.credentials.waba_id}/message_templates").json()["data"]
    found = next(node for node in listed if node["name"] == "autumn_offer")
    answer = desk.call("GET", f"/v25.0/{found['id']}").json()
    theirs = example("templates", "node")
    assert set(theirs) <= set(answer)
    assert answer["components"][-1]["buttons"][0].keys() == theirs["components"][-1]["buttons"][0].keys()


def assert_components_like(components: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> None:
    kinds = {part["type"]: part for node in nodes for part in node["components"]}
    for component in components:
        theirs = kinds.get(component["type"], {"type": ""})  # the examples have no carousel and no offer
        shared = set(component) & set(theirs)
        assert {key: type(component[key]) for key in shared} == {key: type(theirs[key]) for key in shared}
        assert {"type"} <= shared


def test_media_answers_like_metas_examples(desk: Desk) -> None:
    form = {"messaging_product": "whatsapp", "type": "image/png"}
    path = f"/v25.0/{desk.credentials.phone_number_id}/media"
    answer = desk.call("POST", path, data=form, files={"file": ("a.png", b"\x89PNG1234", "image/png")})
    uploaded = answer.json()
    assert uploaded.keys() == example("media", "uploaded").keys()
    node = desk.call("GET", f"/v25.0/{uploaded['id']}").json()
    assert_same_shape(node, example("media", "node"))
    assert node.keys() == example("media", "node").keys()
    assert desk.call("DELETE", f"/v25.0/{uploaded['id']}").json() == example("media", "deleted")


def test_the_subscription_answers_like_metas_examples(desk: Desk) -> None:
    path = f"/v25.0/{desk.credentials.waba_id}/subscribed_apps"
    assert_same_shape(desk.call("GET", path).json(), example("subscribed_apps", "list"))
    assert desk.call("POST", path).json() == example("subscribed_apps", "subscribed")
    assert desk.call("DELETE", path).json() == example("subscribed_apps", "left")


@pytest.mark.parametrize(
    ("name", "path", "token"),
    [
        pytest.param("invalid_token", "/v25.0/{phone}", "wrong", id="a wrong token"),
        pytest.param("missing_token", "/v25.0/{phone}", None, id="no token"),
        pytest.param("invalid_fields", "/v25.0/{phone}?fields=id,colour", "", id="an unknown field"),
        pytest.param("invalid_version", "/latest/{phone}", "", id="no version"),
    ],
)
def test_errors_have_the_keys_of_metas_examples(desk: Desk, name: str, path: str, token: str | None) -> None:
    answer = desk.call("GET", path.format(phone=desk.credentials.phone_number_id), token=token)
    theirs = example("errors", name)
    assert_same_shape(answer.json(), theirs)
    assert answer.json()["error"].keys() == theirs["error"].keys()
    assert answer.json()["error"]["code"] == theirs["error"]["code"]


def test_inbound_webhooks_have_the_shape_of_metas_examples(desk: Desk) -> None:
    desk.quick(presses=1)
    desk.send(winter_sale())
    desk.until(lambda: bool(desk.receiver.of("messages", "messages")))
    assert_same_shape(whole_webhook(desk, "messages"), example("webhooks", "button"))
    desk.call("POST", "/sandbox/inbound", json={"phone": "+905321234599", "text": "Merhaba"})
    desk.until(lambda: len(desk.receiver.of("messages", "messages")) == 2)
    desk.receiver.posts = desk.receiver.posts[-1:]
    assert_same_shape(whole_webhook(desk, "messages"), example("webhooks", "text"))


def whole_webhook(desk: Desk, part: str) -> dict[str, Any]:
    """The last webhook that has the part, with that change alone."""
    for post in reversed(desk.receiver.posts):
        body: dict[str, Any] = json.loads(post.content)
        changes = [change for change in body["entry"][0]["changes"] if part in change["value"]]
        if changes:
            body["entry"][0]["changes"] = changes
            return body
    raise AssertionError(f"no webhook with {part}")
