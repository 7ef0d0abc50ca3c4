"""The SQL page: a question, its answer as table, chart, CSV and list, and refusals in words."""

from __future__ import annotations

import polars as pl
import redis

from engine.warehouse.shared import shared_warehouse
from pages.ui.sql_answer import to_csv
from tests.pages.operations_pages import open_page, said, world_behind


def ask_for(statement: str, language: str = "en"):
    app = open_page("sql", language)
    app.text_area(key="sql.statement").set_value(statement)
    app.button(key="FormSubmitter:sql.form-" + ("Run" if language == "en" else "Çalıştır")).click()
    return app.run()


def test_a_statement_is_answered_with_its_rows(live: redis.Redis) -> None:
    world_behind(live)
    app = ask_for("SELECT consent, count(*) AS people FROM contacts GROUP BY ALL ORDER BY people DESC")
    assert not app.exception
    assert "2 rows" in said(app)
    assert app.dataframe[0].value["people"].tolist() == [11, 1]


def test_what_is_not_one_select_is_refused_in_words(live: redis.Redis) -> None:
    world_behind(live)
    app = ask_for("DELETE FROM contacts")
    assert not app.exception
    assert "only SELECT can be run here" in said(app)
    assert shared_warehouse().cursor().execute("SELECT count(*) FROM contacts").fetchall() == [(12,)]


def test_an_example_runs_at_once(live: redis.Redis) -> None:
    world_behind(live)
    app = open_page("sql")
    app.button(key="sql.example.0").click().run()
    assert not app.exception
    assert len(app.dataframe) == 1


def test_the_people_of_an_answer_become_a_list(live: redis.Redis) -> None:
    world_behind(live)
    app = ask_for("SELECT contact_id FROM contacts WHERE consent IS DISTINCT FROM 'opted_out'")
    app.text_input(key="sql.list_name").set_value("Reachable").run()
    app.button(key="sql.make_list").click().run()
    assert not app.exception
    assert "The list “Reachable” has 11 people." in "".join(each.value for each in app.success)


def test_a_csv_holds_no_formula_and_keeps_every_row() -> None:
    frame = pl.DataFrame(
        {"name": ["=1+1", "Elif", None, "@x"], "n": [-1, 2, 3, 4], "tags": [["a"], [], None, ["b", "c"]]}
    )
    lines = to_csv(frame).decode("utf-8-sig").splitlines()
    assert lines[0] == "name,n,tags"
    assert lines[1].startswith("'=1+1,-1,")
    assert lines[4].startswith("'@x,4,")
    assert len(lines) == 5
