"""REST and command line: lists, suppressions, and audiences as files."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import redis

from engine.live import STORE, SUPPRESSED
from engine.segments import parse_segment, save_segment
from engine.segments.export_jobs import DONE, export_secret, exports_folder, wait_for_export
from engine.settings import Settings
from engine.warehouse import Warehouse
from engine.warehouse.shared import close_shared_warehouse, shared_warehouse
from tests.engine.operations_world import add_contacts
from tests.engine.test_exporting import fresh
from tests.worker.api_world import IN_ANKARA, Api, settings_with_ports
from tests.worker.test_cli import Terminal
from worker.recorder import Recorder

JSON = dict[str, Any]


@pytest.fixture
def settings(live: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Settings:
    live.hset(STORE, mapping={"epoch": "e1", "suppressions": "1"})
    return settings_with_ports(monkeypatch)


@pytest.fixture
def api(warehouse: Warehouse, settings: Settings) -> Api:
    """Twelve contacts, seven of them in İzmir."""
    add_contacts(warehouse, [{"city": "İzmir"} if number < 7 else {} for number in range(12)])
    return Api(warehouse, settings)


@pytest.fixture
def ulak(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal beside a store on disk with twelve contacts."""
    add_contacts(shared_warehouse(), [{"city": "İzmir"} if number < 7 else {} for number in range(12)])
    close_shared_warehouse()
    return Terminal(monkeypatch, capsys)


def ok(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_list_is_made_filled_renamed_emptied_and_archived(api: Api, warehouse: Warehouse) -> None:
    made = ok(api.call("POST", "/lists", json={"name": "Fair", "description": "who came"}))
    assert (made["count"], made["created_by"]) == (0, "Elif")
    assert ok(api.call("POST", "/lists/Fair/add", json={"definition": IN_ANKARA}))["added"] == 5
    ok(api.call("PATCH", "/lists/fair", json={"name": "Autumn fair"}))
    assert ok(api.call("POST", "/lists/Autumn fair/remove", json={"list": "autumn fair"}))["removed"] == 5
    (row,) = ok(api.call("GET", "/lists"))
    assert (row["name"], row["description"], row["count"]) == ("Autumn fair", "who came", 0)
    ok(api.call("POST", "/lists/Autumn fair/archive"))
    assert ok(api.call("GET", "/lists")) == []
    (kept,) = ok(api.call("GET", "/lists", params={"archived": True}))
    assert ok(api.call("POST", f"/lists/{kept['list_id']}/restore"))["archived_at"] is None


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("POST", "/lists", {"name": " "}, 422),
        ("POST", "/lists/Nobody/add", {"everyone": True}, 404),
        ("POST", "/lists/Fair/add", {}, 422),
        ("POST", "/suppressions", {"who": "12"}, 422),
        ("POST", "/suppressions", {"who": "05320000001", "scope": "some"}, 422),
        ("POST", "/suppressions", {"who": "05320000001", "reason": "m:x;a"}, 422),
        ("POST", "/contacts/export", {}, 422),
        ("POST", "/contacts/export", {"everyone": True, "columns": ["shoe_size"]}, 404),
        ("POST", "/contacts/export", {"everyone": True, "delimiter": "::"}, 422),
        ("GET", "/contacts/exports/exp-1", None, 404),
    ],
)
def test_what_cannot_be_done_is_refused(api: Api, verb: str, path: str, body: JSON | None, status: int) -> None:
    ok(api.call("POST", "/lists", json={"name": "Fair"}))
    assert api.call(verb, path, **({} if body is None else {"json": body})).status_code == status


def test_nothing_of_it_is_had_without_the_token(api: Api) -> None:
    for verb, path in (("GET", "/lists"), ("GET", "/suppressions"), ("GET", "/suppressions/export"),
                       ("POST", "/contacts/export"), ("GET", "/contacts/exports/exp-1/file")):  # fmt: skip
        assert api.call(verb, path, headers={"Authorization": "Bearer no"}).status_code == 401


def test_a_suppression_is_in_redis_before_the_answer_and_is_lifted_again(api: Api, live: redis.Redis) -> None:
    body = {"who": "0532 000 00 01", "scope": "all", "reason": "complaint"}
    assert ok(api.call("POST", "/suppressions", json=body)) == {"new": True}
    assert live.hvals(SUPPRESSED) == [b"a;a:complaint"]
    assert ok(api.call("POST", "/suppressions", json=body)) == {"new": False}
    assert ok(api.call("POST", "/suppressions/lift", json={"who": "+905320000001"})) == {"lifted": 1}
    assert live.hlen(SUPPRESSED) == 0


def test_a_file_of_numbers_is_rehearsed_then_in_force(api: Api, live: redis.Redis) -> None:
    text = "Telefon\n05320000001\n05320000002\n12\n05329999999\n"
    upload = {"file": ("stop.csv", text.encode(), "text/csv")}
    rehearsed = ok(api.call("POST", "/suppressions/import", files=upload, data={"dry_run": "true"}))
    assert (rehearsed["people"], rehearsed["contacts"], rehearsed["in_force"]) == (3, 2, False)
    assert rehearsed["rejected"][0]["line"] == 4
    assert live.hlen(SUPPRESSED) == 0
    done = ok(api.call("POST", "/suppressions/import", files=upload, data={"scope": "all", "reason": "legal"}))
    assert (done["new"], done["in_force"]) == (3, True)
    assert set(live.hvals(SUPPRESSED)) == {b"a;a:legal"}


def test_without_redis_a_file_is_kept_and_said_to_wait(
    api: Api, live: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.settings import current_settings

    monkeypatch.setenv("ULAK_REDIS_URL", "unix:///nowhere/redis.sock")
    current_settings.cache_clear()
    away = Api(api._app.state.services.warehouse(), current_settings())
    upload = {"file": ("stop.csv", b"05320000001\n", "text/csv")}
    assert ok(away.call("POST", "/suppressions/import", files=upload))["in_force"] is False
    (row,) = ok(away.call("GET", "/suppressions"))["rows"]
    assert (row["phone"], row["in_force"]) == ("+905320000001", False)
    assert away.call("POST", "/suppressions", json={"who": "05320000002"}).status_code == 503


def test_the_list_of_the_suppressed_comes_as_a_guarded_csv(api: Api, warehouse: Warehouse, live: redis.Redis) -> None:
    warehouse.cursor().execute("UPDATE contacts SET name = '=1+1' WHERE contact_id = 1")
    upload = {"file": ("stop.csv", b"05320000001\n05329999999\n", "text/csv")}
    ok(api.call("POST", "/suppressions/import", files=upload))
    Recorder(warehouse, live).drain()
    text = api.call("GET", "/suppressions/export").content.decode("utf-8-sig")
    frame = pl.read_csv(io.StringIO(text), separator=";", infer_schema=False)
    assert frame["phone"].to_list().count(None) == 1
    known = frame.filter(pl.col("phone").is_not_null())
    assert known.select("phone", "name", "scope", "reason", "by_whom").row(0) == (
        "+905320000001", "'=1+1", "marketing", "import", "Elif",
    )  # fmt: skip
    assert {len(each) for each in frame["person"]} == {16}


def test_an_audience_comes_as_a_file_in_the_answer_and_nothing_of_it_stays(
    api: Api, warehouse: Warehouse, settings: Settings
) -> None:
    save_segment(warehouse, "Ankara", parse_segment(IN_ANKARA), who="Elif", context=fresh(warehouse))
    body = {"segment": "Ankara", "columns": ["phone", "city"], "bom": False, "delimiter": ","}
    answer = api.call("POST", "/contacts/export", json=body)
    assert answer.headers["X-Ulak-Count"] == "5"
    assert answer.content.decode().splitlines()[0] == "phone,city"
    assert len(answer.content.decode().splitlines()) == 6
    assert list(exports_folder(settings).iterdir()) == []
    audited = warehouse.cursor().execute("SELECT who FROM audit WHERE verb = 'exported'").fetchall()
    assert audited == [("Elif",)]


def test_a_job_tells_its_progress_and_its_file_is_fetched_by_token_or_by_its_secret(
    api: Api, settings: Settings
) -> None:
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from worker.api_exports import download_routes

    begun = ok(api.call("POST", "/contacts/exports", json={"everyone": True, "format": "parquet", "title": "All"}))
    job = wait_for_export(begun["export_id"])
    found = ok(api.call("GET", f"/contacts/exports/{job.export_id}"))
    assert (found["state"], found["count"], found["file_name"]) == (DONE, 12, "All.parquet")
    by_token = api.call("GET", f"/contacts/exports/{job.export_id}/file").content
    assert len(pl.read_parquet(io.BytesIO(by_token))) == 12
    browser = TestClient(Starlette(routes=download_routes()))
    right = browser.get(f"/download/{job.export_id}/{export_secret(job.export_id)}")
    assert right.content == by_token
    assert 'filename="All.parquet"' in right.headers["content-disposition"]
    assert browser.get(f"/download/{job.export_id}/guessed").status_code == 404
    assert browser.get("/download/exp-1/").status_code == 404


def test_the_command_line_fills_a_list_and_exports_it(ulak: Terminal, tmp_path: Path) -> None:
    assert ulak.json("lists", "create", "Güz", "--everyone")["count"] == 12
    (row,) = ulak.json("lists", "list")
    assert row["name"] == "Güz"
    assert ulak.json("lists", "rename", "güz", "Güz fuarı")["name"] == "Güz fuarı"
    target = tmp_path / "out.parquet"
    said = ulak.json("contacts", "export", str(target), "--list", "Güz fuarı", "--columns", "contact_id, phone")
    assert (said["count"], pl.read_parquet(target).columns) == (12, ["contact_id", "phone"])
    assert ulak.json("lists", "remove", "Güz fuarı", "--everyone")["removed"] == 12
    assert ulak("lists", "archive", "Güz fuarı").code == 0
    assert ulak.json("lists", "restore", row["list_id"])["count"] == 0


def test_a_refused_export_leaves_no_file(ulak: Terminal, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    said = ulak("contacts", "export", str(target), "--everyone", "--columns", "shoe_size")
    assert (said.code, "shoe_size" in said.err) == (1, True)
    for words in ((str(target),), (str(tmp_path / "out.doc"), "--everyone")):
        assert ulak("contacts", "export", *words).code == 2
    assert list(tmp_path.glob("out*")) == []


def test_the_command_line_suppresses_finds_lifts_imports_and_exports(
    ulak: Terminal, tmp_path: Path, live: redis.Redis
) -> None:
    assert ulak.json("suppressions", "add", "0532 000 00 03", "--scope", "all", "--reason", "asked")["new"]
    assert live.hvals(SUPPRESSED) == [b"a;a:asked"]
    assert ulak.json("suppressions", "lift", "05320000003")["lifted"] == 1
    file = tmp_path / "stop.txt"
    file.write_text("05320000001\nnobody\n", "utf-8")
    said = ulak("suppressions", "import", str(file))
    assert "1 people (1 new, 1 contacts)" in said.out
    Recorder(shared_warehouse(), live).drain()
    close_shared_warehouse()
    assert ulak.json("suppressions", "list", "--search", "05320000001")["people"] == 1
    target = tmp_path / "all.csv"
    ulak.json("suppressions", "export", str(target))
    assert "+905320000001" in target.read_text("utf-8-sig")


def test_a_moment_in_a_file_is_the_zones(ulak: Terminal, tmp_path: Path) -> None:
    shared_warehouse().cursor().execute(
        "UPDATE contacts SET created_at = ?", [datetime(2026, 11, 22, 22, 30, tzinfo=UTC).replace(tzinfo=None)]
    )
    close_shared_warehouse()
    target = tmp_path / "out.csv"
    ulak.json("contacts", "export", str(target), "--everyone", "--columns", "created_at", "--delimiter", "comma")
    assert target.read_text("utf-8-sig").splitlines()[1] == "2026-11-23 01:30:00"
