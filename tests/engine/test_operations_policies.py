"""What the house decided: kept with who and when, and asked by preflight for everybody."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.clock import to_store
from engine.contacts.regions import regions_of
from engine.errors import InputError
from engine.operations.category_hint import marketing_words
from engine.operations.left_out import ORDER, REASONS, first_reason_expr
from engine.operations.left_out_people import export_left_out, left_out_page
from engine.operations.policies import Policies, last_change, load_policies, parse_policies, save_policies
from engine.operations.preflight import Preflight, preflight
from engine.operations.snapshot import freeze
from engine.segments import Audience, Selection, SelectionMode, load_context
from engine.templates import Binding, get_template, parse_template
from engine.warehouse import Warehouse, open_warehouse
from tests.engine.operations_world import CHANNEL, NOW, UTILITY, WELCOME, add_contacts, add_templates

FLAGS = ("@by_hand", "@opted_out", "@suppressed", "@no_consent", "@blocked", "@recent")


@pytest.fixture
def store(warehouse: Warehouse) -> Warehouse:
    """Templates, and nobody yet."""
    add_templates(warehouse)
    return warehouse


def check(warehouse: Warehouse, template: str = WELCOME, audience: Audience | None = None) -> Preflight:
    """Preflight of everybody, the slot filled with the name."""
    cursor = warehouse.cursor()
    found = get_template(cursor, CHANNEL, template, "en")
    context = load_context(cursor, now=NOW, zone=UTC)
    return preflight(cursor, audience or Audience(), found, {"body:1": Binding.of("@name")}, context)


def got_one(warehouse: Warehouse, folder: Path, contact_id: int, *, days_ago: float, state: int = 6) -> None:
    """A marketing operation of one recipient, and what became of it."""
    path, moment = folder / f"op-{days_ago}-{state}" / "recipients.parquet", to_store(NOW - timedelta(days=days_ago))
    cursor = warehouse.cursor()
    rows = cursor.execute("SELECT person_key FROM contacts WHERE contact_id = ?", [contact_id]).fetchall()
    freeze(pl.DataFrame({"recipient_no": [0], "person_key": pl.Series(rows[0], dtype=pl.UInt64)}), path, {})
    (number,) = cursor.execute("SELECT count(*) + 1 FROM operations").fetchall()[0]
    cursor.execute(
        "INSERT INTO operations (operation_id, operation_no, name, state, template_category, snapshot_path,"
        " created_by, created_at, updated_at) VALUES (?, ?, 'n', 'completed', 'MARKETING', ?, 'Elif', ?, ?)",
        [f"op-{number}", number, str(path), moment, moment],
    )
    cursor.execute(
        "INSERT INTO deliveries (operation_no, recipient_no, state, attempt, code, pricing, accepted_at, updated_at)"
        " VALUES (?, 0, ?, 1, 0, 0, ?, ?)",
        [number, state, moment, moment],
    )


def test_policies_are_kept_with_who_and_when(store: Warehouse) -> None:
    assert load_policies(store.cursor()) == Policies()
    assert last_change(store.cursor()) is None
    assert parse_policies(Policies().model_dump()) == Policies()
    wanted = parse_policies({"needs_consent": ["MARKETING"], "cap_days": {"MARKETING": 2, "UTILITY": 0}})
    save_policies(store, wanted, "Elif", NOW)
    assert load_policies(store.cursor()) == wanted
    change = last_change(store.cursor())
    assert change is not None
    assert (change.who, change.changed_at) == ("Elif", NOW)
    noted = store.cursor().execute("SELECT subject_id FROM audit WHERE verb = 'changed_policy' ORDER BY 1").fetchall()
    assert noted == [("cap_days",), ("needs_consent",)]


@pytest.mark.parametrize("values", [{"cap_days": {"MARKETING": 400}}, {"blocked_countries": {"UTILITY": ["USA"]}}])
def test_a_rule_that_cannot_be_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(InputError):
        parse_policies(values)


def test_consent_is_asked_only_where_the_policy_says_so(store: Warehouse) -> None:
    add_contacts(store, [{}, {"consent": "opted_in"}, {"consent": "opted_out"}])
    assert check(store).reasons == {"opted_out": 1}
    save_policies(store, Policies(needs_consent=frozenset({"MARKETING"})), "Elif", NOW)
    assert dict(check(store).left_out.iter_rows()) == {1: "no_consent", 3: "opted_out"}
    assert check(store, UTILITY).reasons == {"opted_out": 1}


def test_a_cap_counts_what_arrived_in_its_days_and_nothing_that_failed(store: Warehouse, tmp_path: Path) -> None:
    add_contacts(store, [{}, {}, {}, {"person_key": 9}, {"person_key": 9}])
    got_one(store, tmp_path, 1, days_ago=1)
    got_one(store, tmp_path, 2, days_ago=3)
    got_one(store, tmp_path, 3, days_ago=1, state=8)
    got_one(store, tmp_path, 4, days_ago=0.5, state=3)
    assert "frequency" not in check(store).reasons
    save_policies(store, Policies(cap_days={"MARKETING": 2}), "Elif", NOW)
    assert dict(check(store).left_out.iter_rows()) == {1: "frequency", 4: "frequency", 5: "frequency"}
    assert "frequency" not in check(store, UTILITY).reasons


def test_marketing_to_american_numbers_is_left_out_and_canada_stays(store: Warehouse) -> None:
    phones = ["+12125550123", "+14165550123", "+18765550123", "+989121234567"]
    add_contacts(store, [{"phone": phone} for phone in phones])
    found = check(store)
    assert dict(found.left_out.iter_rows()) == {1: "country", 4: "country"}
    assert found.regions == {"CA": 1, "JM": 1}
    assert dict(check(store, UTILITY).left_out.iter_rows()) == {4: "country"}


def test_the_country_of_many_numbers_is_that_of_each(store: Warehouse) -> None:
    phones: list[str | None] = ["+905321112233", "+77011234567", "+79161234567", "+447400123456", "+447911123456"]
    phones += [None, None, "+80012345678"]
    users = [None, None, None, None, None, "TR.77", None, None]
    regions = regions_of(pl.Series(phones, dtype=pl.String), pl.Series(users, dtype=pl.String))
    assert regions.to_list() == ["TR", "KZ", "RU", "GB", "GG", "TR", None, None]


def test_those_left_out_by_hand_are_the_first_step(store: Warehouse) -> None:
    add_contacts(store, [{}, {"consent": "opted_out"}, {}])
    taken = Selection(mode=SelectionMode.EXCEPT, ids=frozenset({1, 2}))
    found = check(store, audience=Audience(selection=taken))
    assert found.audience_count == 3
    assert dict(found.left_out.iter_rows()) == {1: "by_hand", 2: "by_hand"}


def test_the_order_of_the_reasons_is_the_documented_one() -> None:
    assert ORDER == (
        "by_hand", "opted_out", "suppressed", "no_consent", "no_address", "country", "frequency",
        "missing:", "too_long:", "invalid:", "duplicate",
    )  # fmt: skip


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(*(st.booleans() for _ in FLAGS), st.sampled_from([None, "", "+905321112233"])), min_size=1
    )
)
def test_the_first_reason_that_holds_is_the_one(rows: list[tuple[object, ...]]) -> None:
    frame = pl.DataFrame(
        rows, schema={**dict.fromkeys(FLAGS, pl.Boolean), "phone": pl.String}, orient="row"
    ).with_columns(pl.lit(None, pl.String).alias("user_id"))
    said = frame.select(first_reason_expr()).to_series().to_list()
    for row, key in zip(rows, said, strict=True):
        holds = dict(zip(FLAGS, row[:-1], strict=True)) | {"@no_address": not row[-1]}
        names = {"country": "@blocked", "frequency": "@recent"}
        expected = [each.key for each in REASONS if holds[names.get(each.key, f"@{each.key}")]]
        assert key == (expected[0] if expected else None)


def test_a_fingerprint_is_of_who_gets_what(store: Warehouse) -> None:
    add_contacts(store, [{}, {}])
    before = check(store).fingerprint
    assert check(store).fingerprint == before
    store.cursor().execute("UPDATE contacts SET name = 'Other' WHERE contact_id = 2")
    assert check(store).fingerprint != before


def test_the_people_of_a_step_come_by_page_and_as_a_file_that_runs_nothing() -> None:
    store = open_warehouse(None)
    add_contacts(store, [{"name": "=1+1"}, {"name": "Ayşe", "surname": "Yılmaz"}])
    left_out = pl.DataFrame({"contact_id": [1, 2], "reason": ["opted_out", "suppressed"]})
    assert left_out_page(store.cursor(), left_out, "suppressed")["name"].to_list() == ["Ayşe Yılmaz"]
    text = export_left_out(
        store, left_out, None, headings="abcd", say=str.upper, operation_id="op-1", who="Elif", now=NOW
    ).decode("utf-8-sig")
    assert text.splitlines() == [
        "a;b;c;d",
        "1;'=1+1;+905320000001;OPTED_OUT",
        "2;Ayşe Yılmaz;+905320000002;SUPPRESSED",
    ]
    assert store.cursor().execute("SELECT who FROM audit WHERE verb = 'exported_left_out'").fetchall() == [("Elif",)]


@pytest.mark.parametrize(
    ("category", "text", "words"),
    [
        ("UTILITY", "Siparişinize %20 İNDİRİM kazandınız", ("indirim", "%20")),
        ("UTILITY", "A gift with your order, 15% less", ("gift", "15%")),
        ("UTILITY", "Your order 42 is on its way.", ()),
        ("MARKETING", "A gift for you", ()),
    ],
)
def test_a_utility_template_that_reads_like_marketing_is_hinted_at(
    category: str, text: str, words: tuple[str, ...]
) -> None:
    row = {
        "name": "x", "language": "en", "id": "1", "status": "APPROVED", "category": category,
        "components": [{"type": "BODY", "text": text}],
    }  # fmt: skip
    assert marketing_words(parse_template("ch", row)) == words
