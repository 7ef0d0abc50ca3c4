"""What is malformed is refused, with the Cloud API's codes; what is right is accepted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.sandbox_desk import Desk, named, open_desk, template_message, texts, winter_sale

Message = dict[str, Any]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        opened.put("people", {"enabled": False})
        yield opened


def autumn(**values: str) -> Message:
    filled = {"first_name": "Ayşe", "discount": "%15", "last_day": "15 Aralık", **values}
    return template_message(name="autumn_offer", components=[{"type": "body", "parameters": named(**filled)}])


def media(kind: str, name: str, *values: str) -> Message:
    header = {"type": "header", "parameters": [{"type": kind, kind: {"link": "https://cdn.example/file"}}]}
    return template_message(name=name, components=[header, {"type": "body", "parameters": texts(*values)}])


def coupon(code: str) -> Message:
    button = {
        "type": "button",
        "sub_type": "copy_code",
        "index": 0,
        "parameters": [{"type": "coupon_code", "coupon_code": code}],
    }
    body = {"type": "body", "parameters": texts("Ayşe", "%10")}
    return template_message(name="welcome_coupon", components=[body, button])


def store_opening() -> Message:
    place = {"latitude": 39.78, "longitude": 30.52, "name": "Ulak", "address": "Eskişehir"}
    return template_message(
        name="store_opening",
        components=[
            {"type": "header", "parameters": [{"type": "location", "location": place}]},
            {"type": "body", "parameters": named(first_name="Ayşe", city="Eskişehir", opening_day="12 Aralık")},
        ],
    )


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(template_message(), id="no variable"),
        pytest.param(template_message(components=[]), id="an empty list of components"),
        pytest.param(winter_sale(), id="image, positional, link, quick reply"),
        pytest.param(autumn(), id="named"),
        pytest.param(media("video", "product_film", "Ayşe"), id="video"),
        pytest.param(media("document", "invoice_ready", "Ayşe Yılmaz", "Kasım", "₺9", "5 Aralık"), id="document"),
        pytest.param(coupon("HOSGELDIN10"), id="copy code"),
        pytest.param(store_opening(), id="location"),
        pytest.param({**template_message(), "to": "90 (532) 123-45-67"}, id="a number as people write it"),
        pytest.param({**template_message(), "to": None, "recipient": "TR.13491208655302741918"}, id="a user id"),
    ],
)
def test_a_right_message_is_accepted(desk: Desk, message: Message) -> None:
    answer = desk.send({key: value for key, value in message.items() if value is not None})
    assert answer.status_code == 200, answer.text
    assert answer.json()["messages"][0]["message_status"] == "accepted"


def edited(edit: Callable[[Message], Any]) -> Message:
    message = copy.deepcopy(winter_sale())
    edit(message)
    return message


def body_of(message: Message) -> list[Message]:
    return message["template"]["components"][1]["parameters"]


def header_of(message: Message) -> Message:
    return message["template"]["components"][0]["parameters"][0]


def button_of(message: Message) -> Message:
    return message["template"]["components"][2]


WRONG = [
    ("unknown template", edited(lambda m: m["template"].update(name="summer_sale")), 132001),
    ("unknown language", edited(lambda m: m["template"]["language"].update(code="tr_TR")), 132001),
    ("pending template", template_message(name="spring_collection"), 132001),
    ("rejected template", template_message(name="prize_draw"), 132001),
    ("paused template", template_message(name="new_year_special"), 132015),
    ("one parameter too few", edited(lambda m: body_of(m).pop()), 132000),
    ("one parameter too many", edited(lambda m: body_of(m).extend(texts("x"))), 132000),
    ("no body at all", edited(lambda m: m["template"]["components"].pop(1)), 132000),
    ("no components at all", edited(lambda m: m["template"].pop("components")), 132012),
    ("no media header", edited(lambda m: m["template"]["components"].pop(0)), 132012),
    ("text for an image", edited(lambda m: m["template"]["components"][0].update(parameters=texts("x"))), 132012),
    ("video for an image", media("video", "winter_sale", "Ayşe", "%20", "30 Kasım"), 132012),
    ("an image without id or link", edited(lambda m: header_of(m).update(image={})), 131008),
    ("an image that is not there", edited(lambda m: header_of(m).update(image={"id": "42"})), 131053),
    ("a link without TLS", edited(lambda m: header_of(m).update(image={"link": "http://cdn.example/a"})), 131053),
    ("a body's image", edited(lambda m: body_of(m)[0].update(type="image")), 132012),
    ("an empty value", edited(lambda m: body_of(m)[0].update(text="")), 131008),
    ("a value that is missing", edited(lambda m: body_of(m)[0].pop("text")), 131008),
    ("a new line", edited(lambda m: body_of(m)[0].update(text="Ayşe\nYılmaz")), 132018),
    ("a tab", edited(lambda m: body_of(m)[0].update(text="Ayşe\tYılmaz")), 132018),
    ("five spaces", edited(lambda m: body_of(m)[0].update(text="Ayşe     Yılmaz")), 132018),
    ("too long", edited(lambda m: body_of(m)[0].update(text="x" * 1000)), 132005),
    ("a name where places count", edited(lambda m: body_of(m)[0].update(parameter_name="first_name")), 132012),
    ("a place where names count", template_message(name="autumn_offer", components=[
        {"type": "body", "parameters": texts("Ayşe", "%15", "15 Aralık")}]), 100),
    ("a name of another template", template_message(name="autumn_offer", components=[
        {"type": "body", "parameters": named(first_name="Ayşe", discount="%15", city="İzmir")}]), 132000),
    ("a dynamic link without its end", edited(lambda m: m["template"]["components"].pop(2)), 131008),
    ("a button of another kind", edited(lambda m: button_of(m).update(sub_type="copy_code")), 132012),
    ("a button that is not there", edited(lambda m: button_of(m).update(index="2")), 131008),
    ("a third button", edited(lambda m: m["template"]["components"].append({**button_of(m), "index": 5})), 131009),
    ("a button without index", edited(lambda m: button_of(m).pop("index")), 131008),
    ("the same button twice", edited(lambda m: m["template"]["components"].append(button_of(m))), 100),
    ("an unknown component", edited(lambda m: m["template"]["components"][1].update(type="text")), 100),
    ("an unknown key", edited(lambda m: m["template"].update(policy="x")), 100),
    ("a key of the wrong type", edited(lambda m: m["template"].update(name=7)), 100),
    ("no template", {"messaging_product": "whatsapp", "to": "+905321234567", "type": "template"}, 100),
    ("no product", edited(lambda m: m.pop("messaging_product")), 100),
    ("another product", edited(lambda m: m.update(messaging_product="sms")), 100),
    ("nobody", edited(lambda m: m.pop("to")), 100),
    ("a national number", edited(lambda m: m.update(to="05321234567")), 100),
    ("no number", edited(lambda m: m.update(to="Ayşe")), 100),
    ("a number that is too short", edited(lambda m: m.update(to="+90532")), 100),
    ("a callback that is too long", edited(lambda m: m.update(biz_opaque_callback_data="x" * 513)), 100),
    ("another kind of message", edited(lambda m: m.update(type="reaction")), 131051),
    ("a code that is no code", coupon("NOT A CODE!"), 131009),
    ("a text outside the window", {"messaging_product": "whatsapp", "to": "+905321234567", "type": "text",
                                   "text": {"body": "Merhaba"}}, 131047),
]  # fmt: skip


@pytest.mark.parametrize(("message", "code"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_wrong_message_is_refused_with_metas_code(desk: Desk, message: Message, code: int) -> None:
    answer = desk.send(message)
    error = answer.json()["error"]
    assert error["code"] == code, error
    assert error["message"].startswith(f"(#{code})")
    assert {"message", "type", "code", "fbtrace_id"} <= error.keys()
    assert answer.status_code >= 400
    assert desk.ledger()["accepted"] == 0


def test_the_details_name_the_count_as_meta_does(desk: Desk) -> None:
    details = desk.send(edited(lambda m: body_of(m).pop())).json()["error"]["error_data"]
    assert details["messaging_product"] == "whatsapp"
    assert details["details"] == (
        "body: number of localizable_params (2) does not match the expected number of params (3)"
    )


def test_a_wrong_and_a_missing_token_are_told_apart(desk: Desk) -> None:
    assert desk.send(winter_sale(), token="wrong").json()["error"]["code"] == 190
    assert desk.send(winter_sale(), token=None).json()["error"]["code"] == 104


def test_another_phone_number_id_is_an_unknown_object(desk: Desk) -> None:
    error = desk.call("POST", "/v25.0/5550001112223/messages", json=winter_sale()).json()["error"]
    assert (error["code"], error["error_subcode"], error["type"]) == (100, 33, "GraphMethodException")


def test_a_body_that_is_no_json_is_refused(desk: Desk) -> None:
    path = f"/v25.0/{desk.credentials.phone_number_id}/messages"
    assert desk.call("POST", path, content=b"{not json").json()["error"]["code"] == 100


def test_an_uploaded_picture_can_be_sent_and_a_document_not_in_its_place(desk: Desk) -> None:
    path = f"/v25.0/{desk.credentials.phone_number_id}/media"
    found = {}
    for kind in ("image/png", "application/pdf"):
        file = {"file": ("file", b"content", kind)}
        found[kind] = desk.call("POST", path, data={"messaging_product": "whatsapp"}, files=file).json()["id"]
    right = edited(lambda m: header_of(m).update(image={"id": found["image/png"]}))
    wrong = edited(lambda m: header_of(m).update(image={"id": found["application/pdf"]}))
    assert desk.send(right).status_code == 200
    assert desk.send(wrong).json()["error"]["code"] == 132012
    desk.call("DELETE", f"/v25.0/{found['image/png']}")
    assert desk.send(right).json()["error"]["code"] == 131053


def test_media_of_a_type_or_size_that_whatsapp_refuses_is_refused(desk: Desk) -> None:
    path = f"/v25.0/{desk.credentials.phone_number_id}/media"
    form = {"messaging_product": "whatsapp"}
    webpage = {"file": ("a.html", b"<p>", "text/html")}
    large = {"file": ("a.png", b"x" * (5 * 1_048_576 + 1), "image/png")}
    assert desk.call("POST", path, data=form, files=webpage).json()["error"]["code"] == 100
    assert desk.call("POST", path, data=form, files=large).json()["error"]["code"] == 131053
    assert desk.call("POST", path, data={}, files=webpage).json()["error"]["code"] == 100


def test_the_bytes_of_a_medium_need_the_token_too(desk: Desk) -> None:
    path = f"/v25.0/{desk.credentials.phone_number_id}/media"
    file = {"file": ("a.png", b"content", "image/png")}
    media_id = desk.call("POST", path, data={"messaging_product": "whatsapp"}, files=file).json()["id"]
    url = desk.call("GET", f"/v25.0/{media_id}").json()["url"]
    assert desk.call("GET", url).content == b"content"
    assert desk.call("GET", url, token=None).status_code == 401


def test_a_text_is_accepted_within_the_window_that_the_person_opened(desk: Desk) -> None:
    desk.call("POST", "/sandbox/inbound", json={"phone": "+905321234567", "text": "Merhaba"})
    desk.until(lambda: bool(desk.receiver.posts))
    message = {"messaging_product": "whatsapp", "to": "+905321234567", "type": "text", "text": {"body": "Merhaba"}}
    assert desk.send(message).status_code == 200


def test_an_inbound_message_can_be_marked_read(desk: Desk) -> None:
    mark = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.abc"}
    assert desk.send(mark).json() == {"success": True}
    assert desk.ledger()["posts"] == 0
