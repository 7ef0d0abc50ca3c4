"""Exports of other programs are known by their headers and mapped at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.contacts.fields import FieldType, add_field, load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.importing import begin_import, import_contacts
from engine.contacts.known_exports import KNOWN_EXPORTS, find_export
from engine.contacts.mapping import Mapping
from engine.settings import Settings
from engine.warehouse import Warehouse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "imports"
MAPPED = {
    "google_contacts.csv": (
        "Google Contacts",
        {
            "First Name": "name",
            "Last Name": "surname",
            "E-mail 1 - Value": "email",
            "Phone 1 - Value": "phone",
            "Address 1 - City": "city",
            "Address 1 - Country": "country",
        },
    ),
    "google_contacts_old.csv": (
        "Google Contacts",
        {
            "Given Name": "name",
            "Family Name": "surname",
            "Language": "language",
            "E-mail 1 - Value": "email",
            "Phone 1 - Value": "phone",
            "Address 1 - City": "city",
            "Address 1 - Country": "country",
        },
    ),
    "outlook.csv": (
        "Outlook",
        {
            "First Name": "name",
            "Last Name": "surname",
            "Home City": "city",
            "Home Country/Region": "country",
            "Mobile Phone": "phone",
            "E-mail Address": "email",
        },
    ),
    "hubspot.csv": (
        "HubSpot",
        {
            "First Name": "name",
            "Last Name": "surname",
            "Email": "email",
            "Phone Number": "phone",
            "Contact owner": "assignee",
            "Country/Region": "country",
        },
    ),
    "mailchimp.csv": (
        "Mailchimp",
        {
            "Email Address": "email",
            "First Name": "name",
            "Last Name": "surname",
            "Phone Number": "phone",
            "CC": "country",
        },
    ),
    "shopify_customers.csv": (
        "Shopify customers",
        {
            "First Name": "name",
            "Last Name": "surname",
            "Email": "email",
            "Default Address City": "city",
            "Default Address Country Code": "country",
            "Default Address Phone": "phone",
        },
    ),
    "woocommerce.csv": (
        "WooCommerce",
        {
            "billing_first_name": "name",
            "billing_last_name": "surname",
            "email": "email",
            "billing_city": "city",
            "billing_country": "country",
            "billing_phone": "phone",
        },
    ),
    "chatwoot.csv": ("Chatwoot", {"name": "name", "email": "email", "phone_number": "phone"}),
    "wati.csv": (
        "Wati",
        {"Name": "name", "CountryCode": "country", "Phone": "phone", "AllowBroadcast": "consent"},
    ),
}


def built_in(mapping: Mapping) -> dict[str, str | None]:
    return {each.header: each.target for _, each in mapping if each.new is None}


@pytest.mark.parametrize("name", MAPPED)
def test_a_known_export_is_mapped_at_once(name: str, warehouse: Warehouse, settings: Settings) -> None:
    source = begin_import(settings, FOLDER / name, now=NOW)
    program, targets = MAPPED[name]
    assert source.known_export == program
    found = built_in(guess_mapping(source, load_registry(warehouse.cursor())))
    if name == "shopify_customers.csv":  # its own number is as good as that of the address
        found = {("Default Address Phone" if header == "Phone" else header): each for header, each in found.items()}
    assert found == targets


@pytest.mark.parametrize("name", ["shopify_customers.csv", "mailchimp.csv", "hubspot.csv"])
def test_subscribing_to_a_newsletter_is_no_consent_to_messages(
    name: str, warehouse: Warehouse, settings: Settings
) -> None:
    import_contacts(warehouse, settings, FOLDER / name, who="Elif", now=NOW)
    consents = warehouse.cursor().execute("SELECT DISTINCT consent FROM contacts").fetchall()
    assert not {"opted_in", "opted_out"} & {consent for (consent,) in consents}


def test_who_is_out_of_broadcasts_is_opted_out(warehouse: Warehouse, settings: Settings) -> None:
    import_contacts(warehouse, settings, FOLDER / "wati.csv", who="Elif", now=NOW)
    rows = warehouse.cursor().execute("SELECT name, phone, country, consent FROM contacts ORDER BY phone").fetchall()
    assert rows == [
        ("Ayşe", "+905321234501", "TR", None),  # on is only what the program begins with
        ("Ömer", "+905321234502", "TR", "opted_out"),
    ]


def test_the_number_comes_from_the_column_that_is_not_nearly_empty(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    header, *_ = (FOLDER / "outlook.csv").read_text("utf-8").splitlines()
    cells = header.split(",")
    row = [f"0532 123 45 0{n}" if name == "Home Phone" else "x" * (name == "Notes") for n, name in enumerate(cells)]
    path = tmp_path / "outlook.csv"
    path.write_text("\n".join([header, ",".join(row)]) + "\n", "utf-8")
    mapping = guess_mapping(begin_import(settings, path, now=NOW), load_registry(warehouse.cursor()))
    assert built_in(mapping)["Home Phone"] == "phone"
    assert "Mobile Phone" not in built_in(mapping)


def test_a_field_made_by_the_first_import_is_found_by_the_second(warehouse: Warehouse, settings: Settings) -> None:
    add_field(warehouse, "accepts", "Accepts Email Marketing", FieldType.BOOL, who="Elif", now=NOW)
    source = begin_import(settings, FOLDER / "shopify_customers.csv", now=NOW)
    assert built_in(guess_mapping(source, load_registry(warehouse.cursor())))["Accepts Email Marketing"] == "accepts"


def test_headers_of_nobody_are_no_known_export() -> None:
    assert find_export(("Ad", "Soyad", "Telefon")) is None
    assert find_export(("First Name", "Last Name", "Phone")) is None


@pytest.mark.parametrize("export", KNOWN_EXPORTS, ids=lambda export: f"{export.name} {export.marks[0]}")
def test_an_export_is_found_by_its_own_marks(export: object) -> None:
    assert find_export(export.marks) is export  # type: ignore[attr-defined]
