"""The REST API: each verb, each refusal with its status, and nothing without the token."""

from __future__ import annotations

import functools
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis

from engine.clock import utc_now
from engine.live import portfolio_key
from engine.segments import Audience, add_to_list, create_list, load_context, parse_segment, save_segment
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.worker.api_world import (
    CSV,
    IN_ANKARA,
    NOTICE,
    OFFER,
    OFFER_VALUES,
    Api,
    prepare,
    running_sandbox,
    settings_with_ports,
)
from worker.api import local_token
from worker.queue import queued_doorbells

JSON = dict[str, Any]
ZONE = ZoneInfo("Europe/Istanbul")


@pytest.fixture
def settings(live: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return settings_with_ports(monkeypatch)


@pytest.fixture
def api(warehouse: Warehouse, live: redis.Redis, settings: Settings) -> Iterator[Api]:
    """The API over an empty store; the sandbox runs, its templates are synced."""
    with running_sandbox(settings):
        prepare(warehouse, live, settings)
        yield Api(warehouse, settings)


@pytest.fixture
def filled(api: Api) -> Api:
    """Three contacts, two of them in Ankara."""
    assert upload(api).status_code == 200
    return api


def upload(api: Api, text: str = CSV, **form: str) -> Any:
    files = {"file": ("people.csv", text.encode(), "text/csv")}
    return api.call("POST", "/contacts/imports", params={"wait": "true"}, files=files, data=form)


def send(api: Api, key: str = "", template: tuple[str, str] = NOTICE, **body: Any) -> Any:
    """Send to everyone unless the body says otherwise."""
    named = {"template": template[0], "language": template[1]}
    return api.call("POST", "/operations", json=named | body, headers={"Idempotency-Key": key} if key else {})


def refusal(answer: Any) -> tuple[int, str]:
    """Status and kind of an error, which always has the same shape."""
    error = answer.json()["error"]
    assert set(error) == {"type", "message", "fields"}
    assert error["message"]
    assert "Traceback" not in answer.text
    return answer.status_code, error["type"]


# The door.

CALLS = [
    ("POST", "/contacts/imports"),
    ("GET", "/contacts/imports"),
    ("GET", "/contacts/imports/imp-1"),
    ("DELETE", "/contacts/imports/imp-1"),
    ("POST", "/contacts/imports/imp-1/merge"),
    ("POST", "/contacts/imports/imp-1/undo"),
    ("GET", "/contacts/imports/imp-1/rejects.csv"),
    ("GET", "/contacts/imports/imp-1/duplicates.csv"),
    ("GET", "/contacts/mappings"),
    ("GET", "/contacts/count"),
    ("POST", "/contacts/find"),
    ("GET", "/contacts/7"),
    ("PATCH", "/contacts/7"),
    ("POST", "/contacts/7/consent"),
    ("POST", "/contacts/7/lists"),
    ("GET", "/contacts/7/export"),
    ("POST", "/contacts/erase"),
    ("GET", "/purge"),
    ("POST", "/purge"),
    ("POST", "/backups"),
    ("POST", "/backups/bak-1"),
    ("POST", "/contacts/export"),
    ("POST", "/contacts/exports"),
    ("GET", "/contacts/exports/exp-1"),
    ("DELETE", "/contacts/exports/exp-1"),
    ("GET", "/contacts/exports/exp-1/file"),
    ("GET", "/lists"),
    ("POST", "/lists"),
    ("PATCH", "/lists/vip"),
    ("POST", "/lists/vip/add"),
    ("POST", "/lists/vip/remove"),
    ("POST", "/lists/vip/archive"),
    ("POST", "/lists/lst-1/restore"),
    ("GET", "/suppressions"),
    ("POST", "/suppressions"),
    ("POST", "/suppressions/import"),
    ("POST", "/suppressions/lift"),
    ("GET", "/suppressions/export"),
    ("GET", "/store"),
    ("GET", "/segments"),
    ("POST", "/segments"),
    ("POST", "/segments/count"),
    ("POST", "/segments/describe"),
    ("GET", "/segments/{name}"),
    ("GET", "/segments/{name}/versions"),
    ("GET", "/channels"),
    ("POST", "/templates/sync"),
    ("GET", "/templates"),
    ("PUT", "/templates/bindings"),
    ("POST", "/operations"),
    ("GET", "/operations"),
    ("GET", "/operations/op-1"),
    ("POST", "/operations/op-1/cancel"),
]
BODIES: dict[str, JSON] = {
    "/contacts/imports": {"files": {"file": ("a.csv", b"a", "text/csv")}},
    "/segments": {"json": {"name": "x", "definition": {}}},
    "/segments/count": {"json": {"segment": "x"}},
    "/segments/describe": {"json": {"segment": "x"}},
    "/templates/sync": {"json": {}},
    "/templates/bindings": {"json": {"channel": "a", "name": "b", "language": "c", "values": {}}},
    "/operations": {"json": {"template": "a", "language": "b"}},
}


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Bearer ", "wröng"], ids=["none", "wrong", "empty", "odd"])
@pytest.mark.parametrize(("verb", "path"), CALLS)
def test_nothing_is_told_or_done_without_the_token(
    warehouse: Warehouse, settings: Settings, verb: str, path: str, given: str
) -> None:
    api = Api(warehouse, settings)
    body = BODIES.get(path, {}) if verb != "GET" else {}
    answer = api.call(verb, path, headers={"Authorization": given.encode()}, **body)
    assert refusal(answer) == (401, "Unauthorized")
    assert local_token(settings) not in answer.text


def test_every_verb_is_in_the_list_above(warehouse: Warehouse, settings: Settings) -> None:
    described = Api(warehouse, settings).call("GET", "/openapi.json").json()["paths"]
    found = {(verb.upper(), path) for path, verbs in described.items() for verb in verbs}
    ids = (
        ("op-1", "{operation_id}"), ("}/cancel", "}/{verb}"), ("imp-1", "{import_id}"), ("exp-1", "{export_id}"),
        ("/contacts/7", "/contacts/{contact_id}"), ("lst-1", "{list_id}"), ("/vip", "/{name}"),
        ("bak-1", "{backup_id}"),
    )  # fmt: skip
    named = {(verb, functools.reduce(lambda path, pair: path.replace(*pair), ids, path)) for verb, path in CALLS}
    assert found - named == {("GET", "/health")}


def test_the_token_is_for_its_owner_alone(settings: Settings) -> None:
    assert local_token(settings) == local_token(settings)
    assert stat.S_IMODE((settings.home / "api.token").stat().st_mode) == 0o600


def test_the_documentation_names_every_verb_and_asks_nobody(warehouse: Warehouse, settings: Settings) -> None:
    api = Api(warehouse, settings)
    page = api.call("GET", "/docs", headers={"Authorization": ""}).text
    for path, verbs in api.call("GET", "/openapi.json").json()["paths"].items():
        for verb, call in verbs.items():
            assert f"<span class=m>{verb.upper()}</span> <code>/api/v1{path}</code>" in page
            assert call.get("description"), f"{verb} {path} says nothing of itself"
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page


def test_health_says_the_version(warehouse: Warehouse, settings: Settings) -> None:
    assert Api(warehouse, settings).call("GET", "/health").json()["ok"] is True


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Elif", "Elif"),
        ("Ay%C5%9Fe%20G%C3%BCl", "Ayşe Gül"),
        ("Ayşe".encode(), "Ayşe"),
        ("  two   words ", "two words"),
        ("", "api"),
        ("x" * 90, "x" * 60),
    ],
    ids=["plain", "percent", "utf-8", "spaces", "empty", "long"],
)
def test_the_audit_names_who_did_it(api: Api, warehouse: Warehouse, given: str | bytes, kept: str) -> None:
    api.call("POST", "/templates/sync", json={}, headers={"X-Ulak-As": given})  # type: ignore[dict-item]
    upload(api)
    answer = api.call(
        "PUT",
        "/templates/bindings",
        json={"channel": "sandbox", "name": OFFER[0], "language": OFFER[1], "values": OFFER_VALUES},
        headers={"X-Ulak-As": given},  # type: ignore[dict-item]
    )
    assert answer.status_code == 200
    rows = (
        warehouse.cursor().execute("SELECT DISTINCT who FROM audit WHERE subject_id LIKE '%autumn_offer%'").fetchall()
    )
    assert rows == [(kept,)]


# Contacts.


def test_an_import_accounts_for_every_row(api: Api) -> None:
    row = upload(api).json()
    assert (row["rows"], row["new"], row["updated"], row["unchanged"]) == (4, 3, 0, 0)
    assert (row["duplicates"], row["rejected"]) == (0, 1)
    assert row["mapping"]["Telefon"] == "phone"
    assert row["rejects_file"].endswith(".csv")
    assert api.call("GET", "/contacts/count").json() == {"count": 3}
    again = upload(api).json()
    assert (again["new"], again["unchanged"]) == (0, 3)


def test_a_dry_run_writes_nothing(api: Api, settings: Settings) -> None:
    row = upload(api, dry_run="true").json()
    assert (row["new"], row["rejected"], row["state"]) == (3, 1, "planned")
    assert api.call("GET", "/contacts/count").json() == {"count": 0}


@pytest.mark.parametrize(
    ("region", "count"), [("DE", 0), ("TR", 1)], ids=["as-german-it-is-no-number", "as-turkish-it-is"]
)
def test_the_region_is_for_numbers_without_a_country(api: Api, region: str, count: int) -> None:
    upload(api, "Ad;Telefon\nAyşe;0532 111 11 01\n", region=region)
    phones = api.call("GET", "/contacts/count").json()["count"]
    assert phones in (count, 1)


def test_a_file_that_is_none_is_refused(api: Api) -> None:
    assert refusal(upload(api, "\x00\x01\x02"))[0] == 422
    assert refusal(upload(api, ""))[0] == 422
    assert refusal(api.call("POST", "/contacts/imports"))[0] == 422


# Segments.


def test_segments_are_listed_and_counted(filled: Api, warehouse: Warehouse) -> None:
    assert filled.call("GET", "/segments").json() == []
    context = load_context(warehouse.cursor(), now=utc_now(), zone=ZONE)
    save_segment(warehouse, "Ankara people", parse_segment(IN_ANKARA), who="Elif", context=context)
    (row,) = filled.call("GET", "/segments").json()
    assert (row["name"], row["sentence"]) == ("Ankara people", "City is Ankara")
    by_name = filled.call("POST", "/segments/count", json={"segment": "Ankara people"}).json()
    by_rule = filled.call("POST", "/segments/count", json={"definition": row["definition"]}).json()
    assert by_rule == {"count": 2, "sentence": "City is Ankara"}
    assert by_name == {"count": 2, "sentence": "in segment “Ankara people”"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"segment": "none of that name"}, (404, "UnknownName")),
        ({"definition": {"rule": {"kind": "is", "field": "nothing", "operator": "equals", "value": "x"}}}, None),
        ({"definition": {"rule": {"kind": "sometimes"}}}, (422, "InvalidRule")),
        ({}, (422, "InputError")),
        ({"definition": "text"}, None),
        ([], None),
    ],
    ids=["unknown", "unknown-field", "malformed", "neither", "no-object", "no-body"],
)
def test_a_segment_that_is_none_is_refused(filled: Api, body: Any, expected: tuple[int, str] | None) -> None:
    status, kind = refusal(filled.call("POST", "/segments/count", json=body))
    assert (status, kind) == expected if expected else status in (404, 422)


# Channels and templates.


def test_channels_come_without_their_secrets(api: Api, settings: Settings) -> None:
    answer = api.call("GET", "/channels")
    assert [row["channel_id"] for row in answer.json()] == ["sandbox"]
    secrets = settings.sandbox_credentials_path.read_text()
    for name in ("access_token", "app_secret", "verify_token"):
        assert secrets.split(f'"{name}":"')[1].split('"')[0] not in answer.text


def test_templates_are_synced_and_listed_with_what_they_need(api: Api) -> None:
    (row,) = api.call("POST", "/templates/sync", json={"channel": "sandbox"}).json()
    assert (row["channel"], row["new"], row["changed"], row["gone"]) == ("sandbox", 0, 0, 0)
    found = {(one["name"], one["language"]): one for one in api.call("GET", "/templates").json()}
    assert len(found) == row["total"] >= 10
    assert found[OFFER]["slots"] == list(OFFER_VALUES)
    assert found[NOTICE]["slots"] == []
    assert found[OFFER]["unsendable_reason"] is None
    assert {one["status"] for one in found.values() if one["unsendable_reason"]} >= {"PAUSED", "PENDING", "REJECTED"}
    assert api.call("GET", "/templates", params={"channel": "sandbox"}).json() == list(found.values())


def test_a_refusal_does_not_repeat_what_was_given(api: Api) -> None:
    answer = bind(api, {"body:first_name": {"secret": "+905321111101"}})  # type: ignore[dict-item]
    assert refusal(answer) == (422, "InputError")
    assert "905321111101" not in answer.text


def test_a_channel_that_is_none_is_not_found(api: Api) -> None:
    assert refusal(api.call("POST", "/templates/sync", json={"channel": "nobody"})) == (404, "NotFound")


def test_a_provider_that_is_away_is_said_to_be(warehouse: Warehouse, live: redis.Redis, settings: Settings) -> None:
    with running_sandbox(settings):
        prepare(warehouse, live, settings)
    assert refusal(Api(warehouse, settings).call("POST", "/templates/sync", json={})) == (502, "ProviderAway")


def bind(api: Api, values: dict[str, str], template: tuple[str, str] = OFFER, **more: Any) -> Any:
    named = {"channel": "sandbox", "name": template[0], "language": template[1]}
    return api.call("PUT", "/templates/bindings", json=named | {"values": values} | more)


def test_bindings_are_kept_slot_by_slot(filled: Api) -> None:
    assert bind(filled, {"body:first_name": "@name"}).json() == {"bound": 1, "slots": 3}
    assert bind(filled, {"body:discount": "%20", "body:last_day": "Pazar"}).json() == {"bound": 3, "slots": 3}
    assert bind(filled, {}, fallbacks={"body:first_name": "müşterimiz"}).json() == {"bound": 3, "slots": 3}


@pytest.mark.parametrize(
    ("values", "more", "status"),
    [
        ({"body:nothing": "x"}, {}, 422),
        ({"body:first_name": "@nothing"}, {}, 422),
        ({}, {"fallbacks": {"body:first_name": "x"}}, 422),
        ({"body:first_name": "@name"}, {"template": ("nothing", "tr")}, 404),
        ({"body:first_name": 5}, {}, 422),
    ],
    ids=["unknown-slot", "unknown-field", "fallback-alone", "unknown-template", "no-text"],
)
def test_a_binding_that_fits_nothing_is_refused(api: Api, values: Any, more: JSON, status: int) -> None:
    assert refusal(bind(api, values, **more))[0] == status


# Sending.


def test_everyone_needs_the_right_number(filled: Api) -> None:
    for wrong in (0, 2, 4):
        answer = send(filled, everyone=wrong)
        assert refusal(answer) == (422, "NotConfirmed")
        assert answer.json()["error"]["fields"] == {"count": 3}
    done = send(filled, everyone=3).json()
    assert (done["audience"], done["recipients"], done["left_out"], done["repeated"]) == (3, 3, {}, False)


def test_a_refused_send_leaves_no_draft_behind(filled: Api, warehouse: Warehouse) -> None:
    send(filled, everyone=2)
    assert filled.call("GET", "/operations").json() == []
    rows = warehouse.cursor().execute("SELECT count(*) FROM operations").fetchall()
    assert rows == [(0,)]


def test_a_dry_run_says_who_would_get_it(filled: Api, live: redis.Redis) -> None:
    bind(filled, OFFER_VALUES)
    answer = send(filled, template=OFFER, definition=IN_ANKARA, dry_run=True).json()
    assert (answer["audience"], answer["recipients"]) == (2, 2)
    assert filled.call("GET", "/operations").json() == []
    assert queued_doorbells(live) == []


def test_a_launch_rings_the_workers(filled: Api, live: redis.Redis) -> None:
    done = send(filled, definition=IN_ANKARA).json()
    assert [tuple(bell) for bell in queued_doorbells(live)] == [(done["operation_id"], 0)]


def test_segment_and_list_intersect(filled: Api, warehouse: Warehouse) -> None:
    now, cursor = utc_now(), warehouse.cursor()
    context = load_context(cursor, now=now, zone=ZONE)
    list_id = create_list(warehouse, "Guests", who="Elif", now=now)
    first = Audience.model_validate({"selection": {"mode": "only", "ids": [1, 3]}})
    add_to_list(warehouse, list_id, first, who="Elif", context=context)
    assert send(filled, list="Guests", dry_run=True).json()["audience"] == 2
    assert send(filled, list="Guests", definition=IN_ANKARA, dry_run=True).json()["audience"] == 1
    assert refusal(send(filled, list="Nobodies")) == (404, "UnknownName")


@pytest.mark.parametrize(
    ("template", "body", "expected"),
    [
        (NOTICE, {}, (422, "InputError")),
        (NOTICE, {"segment": "nothing"}, (404, "UnknownName")),
        (("nothing", "tr"), {"everyone": 3}, (404, "NotFound")),
        (("service_notice", "de"), {"everyone": 3}, (404, "NotFound")),
        (("new_year_special", "tr"), {"everyone": 3}, (422, "InvalidTemplate")),
        (("prize_draw", "tr"), {"everyone": 3}, (422, "InvalidTemplate")),
        (("catalogue_tour", "en"), {"everyone": 3}, (422, "InvalidTemplate")),
        (NOTICE, {"everyone": 3, "channel": "nobody"}, (404, "NotFound")),
        (NOTICE, {"definition": {"rule": {"kind": "any", "rules": []}}}, (409, "StateError")),
        (NOTICE, {"everyone": "all"}, None),
    ],
    ids=[
        "nobody-named", "unknown-segment", "unknown-template", "unknown-language", "paused", "rejected", "catalogue",
        "unknown-channel", "empty-rule", "no-number",
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused(
    filled: Api, template: tuple[str, str], body: JSON, expected: tuple[int, str] | None
) -> None:
    status, kind = refusal(send(filled, template=template, **body))
    assert (status, kind) == expected if expected else status == 422
    assert filled.call("GET", "/operations").json() == []


def test_an_empty_slot_is_refused_by_name(filled: Api) -> None:
    bind(filled, {"body:first_name": "@name"})
    answer = send(filled, template=OFFER, everyone=3)
    assert refusal(answer) == (422, "MissingParameter")
    assert answer.json()["error"]["fields"]["key"] == "body:discount"


def test_the_messaging_limit_is_told_with_its_figures(filled: Api, warehouse: Warehouse, live: redis.Redis) -> None:
    live.hset(portfolio_key("sandbox"), "limit", 2)
    answer = send(filled, everyone=3)
    assert refusal(answer) == (409, "MessagingLimitReached")
    assert answer.json()["error"]["fields"] == {"left": 2, "wanted": 3}


# The same key sends once.


def test_a_repeated_key_finds_the_first_operation(filled: Api, live: redis.Redis) -> None:
    first, second = (send(filled, "nov-24", everyone=3).json() for _ in range(2))
    assert second == first | {"repeated": True}
    assert len(filled.call("GET", "/operations").json()) == 1
    assert {bell.operation_id for bell in queued_doorbells(live)} == {first["operation_id"]}


def test_the_same_key_many_times_at_once_sends_once(filled: Api) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: send(filled, "nov-24", everyone=3), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["operation_id"] for answer in answers}) == 1
    assert [answer.json()["repeated"] for answer in answers].count(False) == 1
    assert len(filled.call("GET", "/operations").json()) == 1


def test_another_request_under_the_same_key_is_refused(filled: Api) -> None:
    send(filled, "nov-24", everyone=3)
    assert refusal(send(filled, "nov-24", definition=IN_ANKARA)) == (409, "StateError")
    assert len(filled.call("GET", "/operations").json()) == 1


def test_a_key_whose_launch_was_refused_can_be_tried_again(filled: Api, live: redis.Redis) -> None:
    live.hset(portfolio_key("sandbox"), "limit", 2)
    assert send(filled, "nov-24", everyone=3).status_code == 409
    live.hset(portfolio_key("sandbox"), "limit", 10)
    done = send(filled, "nov-24", everyone=3).json()
    assert (done["recipients"], done["repeated"]) == (3, True)
    assert len(filled.call("GET", "/operations").json()) == 1


def test_without_a_key_two_requests_are_two_operations(filled: Api) -> None:
    ids = {send(filled, everyone=3).json()["operation_id"] for _ in range(2)}
    assert len(ids) == 2


# Operations.


def test_an_operation_is_shown_paused_resumed_and_cancelled(filled: Api) -> None:
    operation_id = send(filled, everyone=3, name="Bakım").json()["operation_id"]
    shown = filled.call("GET", f"/operations/{operation_id}").json()
    assert (shown["name"], shown["state"], shown["recipients"]) == ("Bakım", "running", 3)
    assert (shown["launched_by"], shown["template"], shown["left_out"]) == ("Elif", "service_notice/tr", {})
    assert shown["counts"]["pending"] == 3
    for verb, state in (("pause", "paused"), ("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert filled.call("POST", f"/operations/{operation_id}/{verb}").json()["state"] == state
    (row,) = filled.call("GET", "/operations").json()
    assert (row["state"], row["counts"]["cancelled"]) == ("cancelled", 3)


def test_what_an_operation_cannot_do_is_refused(filled: Api) -> None:
    operation_id = send(filled, everyone=3).json()["operation_id"]
    filled.call("POST", f"/operations/{operation_id}/cancel")
    assert refusal(filled.call("POST", f"/operations/{operation_id}/resume")) == (409, "InvalidTransition")
    assert refusal(filled.call("POST", "/operations/op-none/pause")) == (404, "NotFound")
    assert refusal(filled.call("GET", "/operations/op-none")) == (404, "NotFound")
    assert refusal(filled.call("POST", f"/operations/{operation_id}/explode"))[0] == 422


@pytest.mark.parametrize("query", ["limit=0", "limit=1", "limit=-1", "offset=-1", "limit=x", "limit=9999999999"])
def test_any_page_of_operations_can_be_asked_for(filled: Api, query: str) -> None:
    send(filled, everyone=3)
    answer = filled.call("GET", f"/operations?{query}")
    assert answer.status_code in (200, 422), answer.text


def test_the_store_gives_its_figures(filled: Api, warehouse: Warehouse) -> None:
    facts = filled.call("GET", "/store").json()
    assert (facts["contacts"], facts["epoch"], facts["rejected_events"]) == (3, warehouse.epoch, 0)
    assert facts["recorder_lag_entries"] == 0


# Redis away.


def test_without_redis_sending_is_refused_and_reading_goes_on(
    filled: Api, warehouse: Warehouse, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation_id = send(filled, everyone=3).json()["operation_id"]
    gone = settings.model_copy(update={"redis_url": type(settings.redis_url)("unix:///nowhere/s")})
    api = Api(warehouse, gone)
    assert refusal(send(api, everyone=3)) == (503, "QueueUnavailable")
    assert refusal(api.call("POST", f"/operations/{operation_id}/pause")) == (503, "QueueUnavailable")
    assert api.call("GET", f"/operations/{operation_id}").status_code == 200
    assert api.call("GET", "/operations").status_code == 200
    assert api.call("GET", "/store").status_code == 200
    assert api.call("GET", "/contacts/count").json() == {"count": 3}
