"""What the facet panel draws: order, rows, histograms, quick ranges, searches; in both languages, no browser."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.contacts.fields import Field, FieldRegistry, FieldType
from engine.segments import Context, FacetChoice, FacetValue
from engine.segments.context import ImportedFile, SentOperation
from pages.ui import facet_panel, facet_words, i18n
from pages.ui.facet_fields import arranged, facet_names, kind_of, open_at_first
from pages.ui.facet_views import (
    MOST_SENT,
    FacetView,
    fitting_choice,
    folded_view,
    range_view,
    search,
    sought_view,
    values_view,
)
from pages.ui.facet_words import value_title

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REGISTRY = FieldRegistry((
    Field("name", "Name", FieldType.TEXT, built_in=True),
    Field("origin", "Conversation began by", FieldType.CHOICE, built_in=True),
    Field("consent", "Consent", FieldType.CHOICE, built_in=True),
    Field("country", "Country", FieldType.CHOICE, built_in=True),
    Field("created_at", "Created", FieldType.DATE, built_in=True),
    Field("city", "City", FieldType.CHOICE), Field("vip", "VIP", FieldType.BOOL),
    Field("age", "Age", FieldType.NUMBER), Field("birthday", "Birthday", FieldType.DATE),
    Field("tags", "Tags", FieldType.LIST),
))  # fmt: skip
CONTEXT = Context(
    REGISTRY, NOW, UTC, lists={"lst-a": "Ege"}, imports={"imp-a": ImportedFile("a.csv", NOW)},
    operations={"op-a": SentOperation("Autumn", 7, "x.parquet")},
)  # fmt: skip
BINS = ("..0", "0..10", "10..20", "20..")


@pytest.fixture(autouse=True, params=["en"])
def speaking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    code: str = request.param
    for module in (i18n, facet_panel):
        monkeypatch.setattr(module, "language", lambda: code)
    monkeypatch.setattr("pages.ui.formats.language", lambda: code)
    return code


def _values(*pairs: tuple[str | None, int]) -> list[FacetValue]:
    return [FacetValue(value, count) for value, count in pairs]


def _view(name: str) -> FacetView:
    return folded_view(name, CONTEXT, used=True)


def test_every_field_is_a_facet_once_and_how_it_began_stands_for_its_origin() -> None:
    names = facet_names(CONTEXT)
    assert len(names) == len(set(names))
    assert set(names) == {*REGISTRY.names(), "@began", "@window", "@last_message", "@last_answer", "@list", "@import",
                          "@operation"} - {"origin"}  # fmt: skip
    assert names[:3] == ("@began", "consent", "@window")


def test_a_persons_order_holds_and_new_fields_keep_their_neighbour() -> None:
    assert arranged(["a", "b", "c"], []) == ("a", "b", "c")
    assert arranged(["a", "b", "new", "c"], ["c", "gone", "b", "a"]) == ("c", "b", "new", "a")
    assert arranged(["new", "a"], ["a"]) == ("a", "new")


def test_facets_of_a_few_values_are_open_at_first() -> None:
    names = facet_names(CONTEXT)
    assert open_at_first(names, {"@began", "city", "age", "vip", "@list"}, {"city"}, CONTEXT) == ["@began", "vip"]
    assert [kind_of(name, CONTEXT) for name in ("age", "birthday", "tags", "@list")] == [
        "numbers", "days", "values", "values",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "english", "turkish"),
    [
        ("country", "TR", "Türkiye", "Türkiye"),
        ("country", "DE", "Germany", "Almanya"),
        ("@list", "lst-a", "Ege", "Ege"),
        ("@operation", "op-a", "Autumn · 7", "Autumn · 7"),
        ("age", "0..10", "0 to under 10", None),
        ("created_at", "last:30", "in the last 30 days", None),
        ("birthday", "2026-03", "March 2026", "Mart 2026"),
        ("age", "not a range", "not a range", "not a range"),
        ("@import", "gone", "gone", "gone"),
    ],
)
@pytest.mark.parametrize("speaking", ["en", "tr"], indirect=True)
def test_values_are_said_as_people_know_them(
    speaking: str, name: str, value: str, english: str, turkish: str | None
) -> None:
    said = value_title(name, value, CONTEXT)
    assert said == english if speaking == "en" else said == turkish if turkish else said != english


def test_a_long_facet_sends_the_first_values_and_what_is_chosen() -> None:
    counted = _values(*((f"v{number}", 1000 - number) for number in range(500)), (None, 3))
    view = values_view(_view("city"), counted, FacetChoice(exclude=frozenset({"v400"})), CONTEXT)
    assert view.rows is not None
    assert len(view.rows) == MOST_SENT + 2
    assert ("v400", "v400", 600) in view.rows
    assert view.rows[-1] == (None, "none", 3)
    assert view.size == 500


def test_a_search_in_a_facet_looks_at_labels_and_ignores_turkish_letters() -> None:
    counted = _values(("İzmir", 3), ("Şanlıurfa", 2), ("Ankara", 1), (None, 4))
    assert [each.value for each in search("city", counted, "SANLI", CONTEXT)] == ["Şanlıurfa"]
    assert [each.value for each in search("city", counted, "izm", CONTEXT)] == ["İzmir"]
    assert [each.value for each in search("country", _values(("DE", 1), ("TR", 2)), "germ", CONTEXT)] == ["DE"]
    view = sought_view(_view("city"), "izm", _values(("İzmir", 3)), 1, CONTEXT)
    assert view.as_json()["sought"] == {"needle": "izm", "rows": (("İzmir", "İzmir", 3),), "size": 1}


def test_a_range_that_is_no_bin_stays_visible_beside_the_histogram() -> None:
    counted = _values(("..0", 1), ("0..10", 5), ("10..20", 0), ("20..", 2), ("3..=7", 4), (None, 9))
    view = range_view(_view("age"), counted, BINS, CONTEXT)
    assert [row[0] for row in view.bars] == list(BINS)
    assert view.ends == ("< 0", "≥ 20")
    assert view.rows == (("3..=7", "3 to 7", 4), (None, "none", 9))
    assert view.quick == ()


def test_few_single_numbers_are_rows_and_days_have_quick_ranges() -> None:
    view = range_view(_view("age"), _values(("1", 1), ("2", 2), ("3", 3), ("4", 4)), {"1", "2", "3", "4"}, CONTEXT)
    assert not view.bars
    assert view.rows is not None
    assert [row[1] for row in view.rows] == ["1", "2", "3", "4"]
    quick = range_view(_view("birthday"), [], (), CONTEXT).quick
    assert [each[0] for each in quick] == ["last:7", "last:30", "last:90", "next:7", "next:30"]
    assert [each[0] for each in range_view(_view("created_at"), [], (), CONTEXT).quick] == [
        "last:7", "last:30", "last:90",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        ("age", {"5..=5", "1..x", "9..=1", "1.50..=2"}, {"5", "1.5..=2"}),
        ("birthday", {"2026-13", "last:30", "2026-03-01..=", "..="}, {"last:30", "2026-03-01..="}),
        ("@list", {"lst-a", "gone", None}, {"lst-a", None}),
        ("@operation", {"op-a", None}, {"op-a"}),
        ("@window", {"true", "maybe"}, {"true"}),
        ("city", {"anything", None}, {"anything", None}),
    ],
)
def test_only_values_that_a_facet_can_have_are_taken(name: str, sent: set[Any], kept: set[Any]) -> None:
    assert fitting_choice(name, FacetChoice(include=frozenset(sent)), CONTEXT).include == kept
    assert fitting_choice(name, FacetChoice(exclude=frozenset(sent)), CONTEXT).exclude == kept


def _heard() -> None:
    import streamlit as st

    from pages.ui.facet_panel import arranged_facets, opened_facets, sought_value

    st.session_state["heard"] = (
        opened_facets("panel", ["a", "b"]), arranged_facets("panel", ["a", "b"]), sought_value("panel", ["a", "b"]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        ({"opened": ["b", "x", "a", "b"], "arranged": ["b", "a"], "sought": {"field": "a", "needle": " iz  m "}},
         (("b", "a"), ("b", "a"), ("a", "iz m"))),
        ({"opened": "ab", "arranged": None, "sought": {"field": "x", "needle": "y"}}, ((), (), None)),
        ({"sought": {"field": "a", "needle": 3}}, ((), (), None)),
    ],
    ids=["as it is", "another shape", "no text"],
)  # fmt: skip
def test_what_the_browser_says_is_believed_only_in_its_own_shape(sent: dict[str, Any], heard: Any) -> None:
    at = AppTest.from_function(_heard)
    at.session_state["panel"] = sent
    at.run()
    assert not at.exception
    assert at.session_state["heard"] == heard


def test_titles_name_what_is_no_field() -> None:
    assert facet_words.facet_title("@window", CONTEXT) == "Service window"
    assert value_title("@window", "false", CONTEXT) == "closed"
    assert value_title("@list", None, CONTEXT) == "in no list"
