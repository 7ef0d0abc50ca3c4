from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.clock import utc_now
from engine.contacts import FieldType
from engine.contacts.import_history import past_imports
from engine.contacts.import_jobs import ImportJobs, import_jobs
from engine.contacts.importing import count_contacts, load_source
from engine.segments import create_list, list_lists
from engine.settings import Settings, load_settings
from engine.warehouse.shared import shared_warehouse
from pages.ui.import_state import NEW, Key, Place
from pages.ui.shell import PERSON_KEY

APP = Path(__file__).parents[2] / "app.py"
TEN = "Ad;Telefon;Puan\n" + "".join(f"Kişi {n};0532 000 00 {n:02d};{n}\n" for n in range(10))


@pytest.fixture
def page() -> Iterator[AppTest]:
    """The app at its import page, with a person."""
    at = open_page()
    yield at
    assert not at.exception


def open_page() -> AppTest:
    at = AppTest.from_file(str(APP), default_timeout=60)
    at.session_state[PERSON_KEY] = "Elif"
    at.run()
    at.switch_page("pages/import_contacts.py").run()
    return at


def settle(page: AppTest) -> AppTest:
    """Wait for the work under way, then look again."""
    if Key.FILE in page.session_state:
        jobs_of_test().wait(page.session_state[Key.FILE], 60)
        page.run()
    return page


def jobs_of_test() -> ImportJobs:
    return import_jobs(load_settings(), shared_warehouse)


def give(page: AppTest, content: str | bytes, name: str = "liste.csv") -> None:
    page.file_uploader[0].upload(name, content if isinstance(content, bytes) else content.encode(), "text/csv").run()
    settle(page)


def press(page: AppTest, key: str) -> None:
    page.button(key=key).click().run()
    settle(page)


def place(page: AppTest) -> Place:
    source = load_source(load_settings(), page.session_state[Key.FILE])
    reading = zlib.crc32(repr((source.headers, source.part, source.has_header)).encode())
    number = f"{Key.BASE}.number.{source.import_id}"
    known = number in page.session_state
    return Place(source.import_id, reading, page.session_state[number] if known else 0)


def texts(page: AppTest) -> str:
    shown = [*page.markdown, *page.caption, *page.subheader, *page.error, *page.warning, *page.text, *page.title]
    return "\n".join(str(each.value) for each in shown)


def metrics(page: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in page.metric}


def test_the_sample_goes_from_one_click_to_contacts(page: AppTest, settings: Settings) -> None:
    press(page, "import.sample")
    assert "**1,200** rows" in texts(page)
    assert "“sample contacts.csv” was read" in texts(page)
    press(page, "import.check")
    assert (metrics(page)["New"], metrics(page)["Rejected"], metrics(page)["Twice in the file"]) == (
        "1,188",
        "9",
        "3",
    )
    assert count_contacts(shared_warehouse().cursor()) == 0
    assert page.button(key="import.carry_out").label == "Import 1,188 contacts"

    press(page, "import.carry_out")
    assert count_contacts(shared_warehouse().cursor()) == 1_188
    assert "1,188 contacts imported" in texts(page)
    (past,) = past_imports(shared_warehouse().cursor())
    assert (past.who, past.file_name, past.rejected_count) == ("Elif", "sample contacts.csv", 9)
    press(page, "import.again")
    assert "Earlier imports" in texts(page)


def test_an_uploaded_file_is_read_from_disk_and_its_copy_goes(page: AppTest, settings: Settings) -> None:
    give(page, TEN)
    assert "**10** rows" in texts(page)
    assert not list((settings.home / "imports").glob("upload-*"))


def test_a_file_that_cant_be_read_is_told_with_the_way_out(page: AppTest, settings: Settings) -> None:
    give(page, b"%PDF-1.7 rest", "liste.csv")
    (error,) = page.error
    assert "liste.csv" in error.value
    assert "it is a PDF; export the table as CSV" in error.value
    assert "Nothing was imported" in error.value
    give(page, TEN)
    assert not page.error
    assert "**10** rows" in texts(page)


def test_without_a_phone_column_the_check_is_closed_and_says_why(page: AppTest) -> None:
    give(page, TEN)
    page.selectbox(key=place(page).key(Key.TARGET, 1)).set_value("").run()
    assert page.button(key="import.check").disabled
    assert "no column is the phone number" in texts(page)


def test_two_columns_to_one_field_is_a_problem_said_in_words(page: AppTest) -> None:
    give(page, TEN)
    page.selectbox(key=place(page).key(Key.TARGET, 0)).set_value("phone").run()
    assert "two columns go to the same field" in texts(page)


def test_a_new_field_has_the_type_a_person_chose(page: AppTest) -> None:
    give(page, TEN)
    at = place(page)
    assert page.selectbox(key=at.key(Key.TARGET, 2)).value == NEW
    assert page.selectbox(key=at.key(Key.TYPE, 2)).value == FieldType.NUMBER
    page.selectbox(key=at.key(Key.TYPE, 2)).set_value(FieldType.TEXT).run()
    press(page, "import.check")
    press(page, "import.carry_out")
    rows = shared_warehouse().cursor().execute("SELECT type FROM fields WHERE name = 'puan'").fetchall()
    assert rows == [("text",)]


def test_values_that_dont_fit_are_counted_with_examples(page: AppTest) -> None:
    give(page, TEN.replace(";3\n", ";yok\n"))
    page.selectbox(key=place(page).key(Key.TYPE, 2)).set_value(FieldType.NUMBER).run()
    assert "1 doesn’t fit" in texts(page)
    assert "“yok”" in texts(page)


def test_dates_that_can_be_read_two_ways_are_a_persons_choice(page: AppTest) -> None:
    give(page, "Ad;Telefon;Gün\n" + "".join(f"K{n};0532 000 00 {n:02d};03/0{n + 1}/2026\n" for n in range(8)))
    chosen = page.get("button_group")
    assert "Dates such as 03/04/2026 are read" in texts(page)
    assert chosen
    page.session_state[place(page).key(Key.MONTH, 2)] = True
    page.run()
    press(page, "import.check")
    press(page, "import.carry_out")
    rows = shared_warehouse().cursor().execute("SELECT max(month(gun)) FROM contacts").fetchall()
    assert rows == [(3,)]


def test_another_way_of_reading_begins_the_columns_anew(page: AppTest) -> None:
    give(page, "Ali;0532 000 00 01\nVeli;0532 000 00 02\n")
    before = "**1** row" in texts(page)
    wanted = next(each for each in page.selectbox if each.label == "The first row")
    wanted.set_value(not wanted.value).run()
    settle(page)
    assert ("**1** row" in texts(page)) is not before


def test_everybody_in_the_file_is_put_into_a_list(page: AppTest) -> None:
    list_id = create_list(shared_warehouse(), "Fuar 2026", who="Elif", now=utc_now())
    give(page, TEN)
    page.selectbox(key=place(page).key(Key.LIST)).set_value(list_id).run()
    press(page, "import.check")
    assert list_lists(shared_warehouse().cursor())[0].member_count == 0
    press(page, "import.carry_out")
    assert list_lists(shared_warehouse().cursor())[0].member_count == 10


def test_the_next_file_of_this_shape_has_its_columns_as_last_time(page: AppTest) -> None:
    give(page, TEN)
    page.selectbox(key=place(page).key(Key.TARGET, 2)).set_value("").run()
    press(page, "import.check")
    press(page, "import.carry_out")
    press(page, "import.again")
    give(page, TEN.replace("Kişi", "Kız"))
    assert "Columns as last time" in texts(page)
    assert page.selectbox(key=place(page).key(Key.TARGET, 2)).value == ""
    press(page, "import.guess")
    assert page.selectbox(key=place(page).key(Key.TARGET, 2)).value == NEW


def test_going_back_keeps_what_was_chosen(page: AppTest) -> None:
    give(page, TEN)
    page.selectbox(key=place(page).key(Key.TARGET, 2)).set_value("").run()
    press(page, "import.check")
    press(page, "import.back")
    assert page.selectbox(key=place(page).key(Key.TARGET, 2)).value == ""
    assert page.selectbox(key=place(page).key(Key.TARGET, 0)).value == "name"


def test_another_browser_finds_the_import_where_it_is(page: AppTest) -> None:
    give(page, TEN)
    page.selectbox(key=place(page).key(Key.TARGET, 2)).set_value("").run()
    other = open_page()
    assert "Not finished yet" in texts(other)
    other.button(key=f"import.open.{page.session_state[Key.FILE]}").click().run()
    assert other.selectbox(key=place(other).key(Key.TARGET, 2)).value == ""
    press(other, "import.check")
    page.run()
    assert metrics(page)["New"] == "10"
    assert not other.exception


def test_giving_up_leaves_nothing(page: AppTest, settings: Settings) -> None:
    give(page, TEN)
    press(page, "import.check")
    press(page, "import.give_up")
    assert not list((settings.home / "imports").glob("*/*"))
    assert count_contacts(shared_warehouse().cursor()) == 0
    assert page.file_uploader


def test_the_second_import_of_a_file_has_nothing_to_do(page: AppTest) -> None:
    for _ in range(2):
        give(page, TEN)
        press(page, "import.check")
        if page.button(key="import.carry_out").disabled:
            break
        press(page, "import.carry_out")
        press(page, "import.again")
    assert metrics(page)["Unchanged"] == "10"
    assert "There is nothing to import" in texts(page)


def test_what_changes_is_shown_before_and_after(page: AppTest) -> None:
    give(page, TEN)
    press(page, "import.check")
    press(page, "import.carry_out")
    press(page, "import.again")
    give(page, TEN.replace("Kişi 3", "Deniz"))
    press(page, "import.check")
    assert (metrics(page)["Updated"], metrics(page)["Unchanged"]) == ("1", "9")
    changes = next(each.value for each in page.dataframe if "Before" in each.value.columns)
    assert changes.iloc[0].tolist() == ["5", "+90 532 000 00 03", "Name", "Kişi 3", "Deniz"]


def test_the_people_of_an_import_are_shown_as_an_audience(page: AppTest) -> None:
    for rows in (TEN, TEN.replace("0532 000", "0532 111").replace("Kişi 3", "Deniz")):
        give(page, rows)
        press(page, "import.check")
        press(page, "import.carry_out")
        if rows is TEN:
            press(page, "import.again")
    page.button(key="import.audience").click().run()
    assert page.title[0].value == "Audience"
    shown = next(each.value for each in page.dataframe if "Deniz" in each.value.to_string())
    assert len(shown) == 10


def test_an_import_is_undone_after_a_question(page: AppTest) -> None:
    give(page, TEN)
    press(page, "import.check")
    press(page, "import.carry_out")
    import_id = page.session_state[Key.FILE]
    page.button(key=f"{Key.UNDO}.{import_id}").click().run()
    assert "**10** contacts that it brought are deleted" in texts(page)
    assert page.button(key="import.undo_go").disabled
    page.checkbox(key=f"import.undo_sure.{import_id}").check().run()
    page.button(key="import.undo_go").click().run()
    page.run()
    assert count_contacts(shared_warehouse().cursor()) == 0
    assert "Undone by Elif" in "\n".join(each.value for each in page.info)


def test_a_file_whose_work_is_gone_brings_back_to_the_start(page: AppTest, settings: Settings) -> None:
    give(page, TEN)
    folder = settings.home / "imports" / page.session_state[Key.FILE]
    for path in sorted(folder.iterdir()):
        path.unlink()
    page.run()
    assert page.file_uploader


def test_the_page_speaks_turkish(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ULAK_LANGUAGE", "tr")
    at = open_page()
    press(at, "import.sample")
    press(at, "import.check")
    assert not at.exception
    assert metrics(at)["Yeni"] == "1.188"
    assert at.button(key="import.carry_out").label == "1.188 kişiyi içe aktar"
    press(at, "import.carry_out")
    (rejects,) = (settings.home / "imports").glob("*/rejects.csv")
    assert "satır;neden;Ad;" in rejects.read_text("utf-8-sig").splitlines()[0]
    assert "satırda başlıktan az hücre var" in rejects.read_text("utf-8-sig")
