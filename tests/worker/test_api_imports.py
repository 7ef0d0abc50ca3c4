"""Imports by REST: begin, look, carry out, give up, undo, their files; and the same key twice is one import."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.contacts.import_jobs import import_jobs
from engine.contacts.importing import count_contacts
from engine.segments import list_lists
from engine.settings import Settings
from engine.warehouse import Warehouse
from tests.worker.api_world import Api
from tests.worker.test_import_jobs import held

ROWS = (
    "Ad;Telefon;Şehir\nAyşe;0532 111 11 01;Ankara\nMehmet;0532 111 11 02;İzmir\n"
    "Kimse;12;İzmir\nAyşe;0532 111 11 01;Bursa\n"
)


@pytest.fixture
def api(warehouse: Warehouse, settings: Settings) -> Api:
    return Api(warehouse, settings)


def begin(api: Api, text: str = ROWS, *, wait: bool = True, key: str = "", **form: Any) -> Any:
    files = {"file": ("liste.csv", text.encode(), "text/csv")}
    headers = {"Idempotency-Key": key} if key else {}
    params = {"wait": "true"} if wait else {}
    return api.call("POST", "/contacts/imports", files=files, data=form, params=params, headers=headers)


def contacts(warehouse: Warehouse) -> int:
    return count_contacts(warehouse.cursor())


def test_begun_at_once_and_looked_at_until_it_is_done(api: Api, warehouse: Warehouse, settings: Settings) -> None:
    answer = begin(api, wait=False)
    assert answer.status_code == 202
    import_id = answer.json()["import_id"]
    import_jobs(settings, lambda: warehouse).wait(import_id, 60)
    row = api.call("GET", f"/contacts/imports/{import_id}").json()
    assert (row["state"], row["progress"], row["who"]) == ("done", 1.0, "Elif")
    assert (row["rows"], row["new"], row["duplicates"], row["rejected"]) == (4, 2, 1, 1)
    assert [each["import_id"] for each in api.call("GET", "/contacts/imports").json()] == [import_id]


def test_waited_for_it_answers_with_what_it_did(api: Api, warehouse: Warehouse) -> None:
    answer = begin(api)
    assert answer.status_code == 200
    assert answer.json()["mapping"] == {"Ad": "name", "Telefon": "phone", "Şehir": "city"}
    assert contacts(warehouse) == 2


def test_a_dry_run_is_carried_out_at_a_word_and_once(api: Api, warehouse: Warehouse) -> None:
    row = begin(api, dry_run="true").json()
    assert (row["state"], row["new"], contacts(warehouse)) == ("planned", 2, 0)
    path = f"/contacts/imports/{row['import_id']}"
    assert "0532" not in api.call("GET", path).text
    assert "12;İzmir" in api.call("GET", f"{path}/rejects.csv").content.decode("utf-8-sig")
    for _ in range(2):
        merged = api.call("POST", f"{path}/merge", params={"wait": "true"}).json()
        assert (merged["state"], merged["new"]) == ("done", 2)
    assert contacts(warehouse) == 2


def test_the_same_key_twice_is_one_import(api: Api, warehouse: Warehouse) -> None:
    first, again = begin(api, key="k1").json(), begin(api, key="k1").json()
    assert (first["import_id"], first["repeated"]) == (again["import_id"], False)
    assert again["repeated"] is True
    assert warehouse.cursor().execute("SELECT count(*) FROM imports").fetchall() == [(1,)]
    assert begin(api, ROWS + "Yeni;0532 111 11 09;Van\n", key="k1").status_code == 409


def test_files_are_there_to_be_mended(api: Api) -> None:
    path = f"/contacts/imports/{begin(api).json()['import_id']}"
    rejects = api.call("GET", f"{path}/rejects.csv")
    assert rejects.headers["content-type"].startswith("text/csv")
    assert rejects.content.decode("utf-8-sig").splitlines()[1].startswith("4;")
    assert api.call("GET", f"{path}/duplicates.csv").content.decode("utf-8-sig").splitlines()[1].startswith("2;5;")
    assert api.call("GET", "/contacts/imports/imp-none/rejects.csv").status_code == 404


def test_giving_up_leaves_nothing_and_twice_is_no_error(api: Api, warehouse: Warehouse) -> None:
    path = f"/contacts/imports/{begin(api, dry_run='true').json()['import_id']}"
    for _ in range(2):
        assert api.call("DELETE", path).json()["state"] == "cancelled"
    assert api.call("POST", f"{path}/merge").status_code == 409
    assert contacts(warehouse) == 0


def test_one_at_work_is_given_up_in_the_middle(
    api: Api, warehouse: Warehouse, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(monkeypatch, "plan_import") as (begun, go_on):
        import_id = begin(api, wait=False).json()["import_id"]
        assert begun.wait(60)
        assert api.call("DELETE", f"/contacts/imports/{import_id}").json()["state"] == "cancelled"
        go_on.set()
        import_jobs(settings, lambda: warehouse).wait(import_id, 60)
    assert contacts(warehouse) == 0


def test_an_import_is_undone(api: Api, warehouse: Warehouse) -> None:
    path = f"/contacts/imports/{begin(api).json()['import_id']}"
    planned = api.call("POST", f"{path}/undo", params={"dry_run": "true"}).json()
    assert (planned["deleted"], planned["restored"], planned["kept"], contacts(warehouse)) == (2, 0, 0, 2)
    assert api.call("POST", f"{path}/undo").json()["deleted"] == 2
    assert contacts(warehouse) == 0
    assert api.call("GET", path).json()["state"] == "undone"
    assert api.call("POST", f"{path}/undo").status_code == 409


def test_a_mapping_says_where_columns_go(api: Api, warehouse: Warehouse) -> None:
    mapping = {"columns": {"Telefon": "phone", "Ad": "surname"}, "options": {"duplicates": "first"}}
    row = begin(api, mapping=json.dumps(mapping)).json()
    assert row["mapping"] == {"Ad": "surname", "Telefon": "phone"}
    assert warehouse.cursor().execute("SELECT count(city), count(surname) FROM contacts").fetchall() == [(0, 2)]


def test_policies_say_what_becomes_of_values_that_are_there(api: Api, warehouse: Warehouse) -> None:
    begin(api)
    begin(api, "Ad;Telefon;Şehir\nGül;0532 111 11 01;Van\n", policy=["name=keep", "city=overwrite"])
    rows = warehouse.cursor().execute("SELECT name, city FROM contacts WHERE phone LIKE '%01'").fetchall()
    assert rows == [("Ayşe", "Van")]


def test_everybody_goes_into_a_list_that_is_made_for_them(api: Api, warehouse: Warehouse) -> None:
    begin(api, list="Fuar")
    begin(api, "Ad;Telefon\nYeni;0532 111 11 09\n", list="Fuar")
    assert [(each.name, each.member_count) for each in list_lists(warehouse.cursor())] == [("Fuar", 3)]


@pytest.mark.parametrize(
    "form",
    [
        {"region": "XX"},
        {"encoding": "klingon"},
        {"delimiter": "/"},
        {"header": "maybe"},
        {"duplicates": "both"},
        {"policy": "city"},
        {"policy": "city=smash"},
        {"opt_in_again": "yes"},
        {"mapping": "{"},
        {"mapping": '{"columns": {"Nowhere": "phone"}}'},
        {"identity": "nothing"},
    ],
    ids=lambda form: "-".join(form.values())[:20],
)
def test_what_cant_be_meant_is_refused_and_nothing_is_imported(
    api: Api, warehouse: Warehouse, settings: Settings, form: dict[str, str]
) -> None:
    answer = begin(api, **form)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]
    assert contacts(warehouse) == 0
    assert not list((settings.home / "imports").glob("*/*"))


def test_a_failed_import_says_why_to_whoever_looks_later(api: Api, warehouse: Warehouse, settings: Settings) -> None:
    import_id = begin(api, "%PDF-1.7", wait=False).json()["import_id"]
    import_jobs(settings, lambda: warehouse).wait(import_id, 60)
    row = api.call("GET", f"/contacts/imports/{import_id}").json()
    assert (row["state"], row["error"]["type"]) == ("failed", "UnreadableFile")
