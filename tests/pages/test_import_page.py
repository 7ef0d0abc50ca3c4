from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.contacts import FieldType
from engine.contacts.importing import count_contacts, list_imports
from engine.settings import Settings
from engine.warehouse.shared import shared_warehouse
from pages.ui.import_state import NEW, Key, target_key, type_key
from pages.ui.shell import PERSON_KEY

APP = Path(__file__).parents[2] / "app.py"
TEN = "Ad;Telefon;Puan\n" + "".join(f"Kişi {n};0532 000 00 {n:02d};{n}\n" for n in range(10))


@pytest.fixture
def page() -> Iterator[AppTest]:
    """The app at its import page, with a person."""
    at = AppTest.from_file(str(APP), default_timeout=30)
    at.session_state[PERSON_KEY] = "Elif"
    at.run()
    at.switch_page("pages/import_contacts.py").run()
    yield at
    assert not at.exception


def give(page: AppTest, content: str | bytes, name: str = "liste.csv") -> None:
    page.file_uploader[0].upload(name, content if isinstance(content, bytes) else content.encode(), "text/csv").run()


def texts(page: AppTest) -> str:
    shown = [*page.markdown, *page.caption, *page.subheader, *page.error, *page.warning, *page.text, *page.title]
    return "\n".join(str(each.value) for each in shown)


def metrics(page: AppTest) -> dict[str, str]:
    return {each.label: each.value for each in page.metric}


def test_the_sample_goes_from_one_click_to_contacts(page: AppTest, settings: Settings) -> None:
    page.button(key="import.sample").click().run()
    assert metrics(page)["Rows"] == "1,200"
    assert metrics(page)["Separator"] == "semicolon"
    page.button(key="import.check").click().run()
    assert metrics(page)["New"] == "1,188"
    assert "9 rows can't be taken" in texts(page)
    assert count_contacts(shared_warehouse().cursor()) == 0
    assert page.button(key="import.carry_out").label == "Import 1,188 contacts"

    page.button(key="import.carry_out").click().run()
    assert count_contacts(shared_warehouse().cursor()) == 1_188
    assert "1,188 contacts imported" in texts(page)
    (past,) = list_imports(shared_warehouse().cursor())
    assert (past.who, past.file_name, past.rejected_count) == ("Elif", "sample contacts.csv", 9)
    assert "Earlier imports" in texts(page)


def test_an_uploaded_file_is_read_from_disk_and_its_copy_goes(page: AppTest, settings: Settings) -> None:
    give(page, TEN)
    assert metrics(page)["Rows"] == "10"
    assert not list((settings.home / "imports").glob("upload-*"))


def test_a_file_that_cant_be_read_is_told_with_the_way_out(page: AppTest, settings: Settings) -> None:
    give(page, b"PK\x03\x04rest", "liste.csv")
    (error,) = page.error
    assert "“liste.csv” can't be read: it is an Excel workbook or a zip; save the sheet as “CSV UTF-8”" in error.value
    assert "Nothing was imported" in error.value
    give(page, TEN)
    assert not page.error
    assert metrics(page)["Rows"] == "10"


def test_without_a_phone_column_the_check_is_closed_and_says_why(page: AppTest) -> None:
    give(page, TEN)
    import_id = page.session_state[Key.FILE]
    page.selectbox(key=target_key(import_id, 1)).set_value("").run()
    assert page.button(key="import.check").disabled
    assert "no column is the phone number" in texts(page)


def test_two_columns_to_one_field_is_a_problem_said_in_words(page: AppTest) -> None:
    give(page, TEN)
    page.selectbox(key=target_key(page.session_state[Key.FILE], 0)).set_value("phone").run()
    assert "two columns go to the same field" in texts(page)


def test_a_new_field_has_the_type_a_person_chose(page: AppTest) -> None:
    give(page, TEN)
    import_id = page.session_state[Key.FILE]
    assert page.selectbox(key=target_key(import_id, 2)).value == NEW
    assert page.selectbox(key=type_key(import_id, 2)).value == FieldType.NUMBER
    page.selectbox(key=type_key(import_id, 2)).set_value(FieldType.TEXT).run()
    page.button(key="import.check").click().run()
    page.button(key="import.carry_out").click().run()
    rows = shared_warehouse().cursor().execute("SELECT type FROM fields WHERE name = 'puan'").fetchall()
    assert rows == [("text",)]


def test_going_back_keeps_what_was_chosen(page: AppTest) -> None:
    give(page, TEN)
    import_id = page.session_state[Key.FILE]
    page.selectbox(key=target_key(import_id, 2)).set_value("").run()
    page.button(key="import.check").click().run()
    page.button(key="import.back").click().run()
    assert page.selectbox(key=target_key(import_id, 2)).value == ""
    assert page.selectbox(key=target_key(import_id, 0)).value == "name"


def test_giving_up_leaves_nothing(page: AppTest, settings: Settings) -> None:
    give(page, TEN)
    page.button(key="import.check").click().run()
    page.button(key="import.give_up").click().run()
    assert not list((settings.home / "imports").glob("*/*"))
    assert count_contacts(shared_warehouse().cursor()) == 0
    assert page.file_uploader


def test_the_second_import_of_a_file_has_nothing_to_do(page: AppTest) -> None:
    for _ in range(2):
        give(page, TEN)
        page.button(key="import.check").click().run()
        if page.button(key="import.carry_out").disabled:
            break
        page.button(key="import.carry_out").click().run()
        page.button(key="import.again").click().run()
    assert metrics(page)["Unchanged"] == "10"
    assert "There is nothing to import" in texts(page)


def test_what_changes_is_shown_before_and_after(page: AppTest) -> None:
    give(page, TEN)
    page.button(key="import.check").click().run()
    page.button(key="import.carry_out").click().run()
    page.button(key="import.again").click().run()
    give(page, TEN.replace("Kişi 3", "Deniz"))
    page.button(key="import.check").click().run()
    assert (metrics(page)["Updated"], metrics(page)["Unchanged"]) == ("1", "9")
    assert "1 contact changes" in texts(page)
    changes = page.dataframe[0].value
    assert changes.iloc[0].tolist() == ["5", "+90 532 000 00 03", "Name", "Kişi 3", "Deniz"]


def test_a_file_carried_out_in_another_tab_brings_back_to_the_start(page: AppTest, settings: Settings) -> None:
    give(page, TEN)
    folder = settings.home / "imports" / page.session_state[Key.FILE]
    for path in sorted(folder.iterdir()):
        path.unlink()
    page.run()
    assert page.file_uploader


def test_the_page_speaks_turkish(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ULAK_LANGUAGE", "tr")
    at = AppTest.from_file(str(APP), default_timeout=30)
    at.session_state[PERSON_KEY] = "Elif"
    at.run()
    at.switch_page("pages/import_contacts.py").run()
    at.button(key="import.sample").click().run()
    at.button(key="import.check").click().run()
    assert not at.exception
    assert metrics(at)["Yeni"] == "1.188"
    assert at.button(key="import.carry_out").label == "1.188 kişiyi içe aktar"
    at.button(key="import.carry_out").click().run()
    (rejects,) = (settings.home / "imports").glob("*/rejects.csv")
    assert "satır;neden;Ad;" in rejects.read_text("utf-8-sig").splitlines()[0]
    assert "satırda başlıktan az hücre var" in rejects.read_text("utf-8-sig")
