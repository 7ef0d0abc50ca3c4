"""The exports of other programs, known by their headers: which columns hold what, without guessing.

Subscribing to an e-mail newsletter or to SMS is no consent to WhatsApp messages, so those columns stay fields of
their own. A switch that is on unless somebody turns it off says something only where it is off. Sources: the headers
that these programs write, as found in public files and code, November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.contacts.headers import fold_header


@dataclass(frozen=True, slots=True)
class KnownExport:
    """One program's export.

    `marks`: headers that are all there. `targets`: for each target the headers that may hold it, the best first.
    `own`: headers that another file might mean otherwise; here they are new fields. `ignored`: left out.
    `refusals`: headers whose yes is the program's own default, so that only a no says something of the person.
    """

    name: str
    marks: tuple[str, ...]
    targets: dict[str, tuple[str, ...]]
    own: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()

    def choose(self, headers: Sequence[str], filled: Callable[[int], int]) -> dict[int, str]:
        """The target of each column that has one; of several for one target the best that is not nearly empty."""
        numbers = {fold_header(header): number for number, header in reversed(list(enumerate(headers)))}
        chosen: dict[int, str] = {}
        for target, names in self.targets.items():
            there = [numbers[fold_header(name)] for name in names if fold_header(name) in numbers]
            most = max((filled(number) for number in there), default=0)
            best = next((number for number in there if filled(number) * 2 >= most), None)
            if best is not None:
                chosen[best] = target
        return chosen

    def is_own(self, header: str) -> bool:
        """Whether this column is a field of its own, whatever its header means elsewhere."""
        return fold_header(header) in set(map(fold_header, self.own))

    def tells_refusals_alone(self, header: str) -> bool:
        """Whether a yes in this column says nothing about consent."""
        return fold_header(header) in set(map(fold_header, self.refusals))

    def is_ignored(self, header: str) -> bool:
        """Whether this column repeats another."""
        return fold_header(header) in set(map(fold_header, self.ignored))


_NAMES = {"name": ("First Name",), "surname": ("Last Name",)}
_GOOGLE = {
    "phone": ("Phone 1 - Value", "Phone 2 - Value", "Phone 3 - Value"),
    "email": ("E-mail 1 - Value",),
    "city": ("Address 1 - City",),
    "country": ("Address 1 - Country",),
}
_OUTLOOK_PHONES = ("Mobile Phone", "Primary Phone", "Home Phone", "Business Phone", "Other Phone")
_SHOPIFY_OWN = ("Accepts Marketing", "Accepts Email Marketing", "Accepts SMS Marketing")
_MAILCHIMP_OWN = ("OPTIN_TIME", "CONFIRM_TIME", "Status", "UNSUB_TIME")

KNOWN_EXPORTS: tuple[KnownExport, ...] = (
    KnownExport(
        "Google Contacts",
        ("First Name", "Last Name", "Labels", "Phone 1 - Label", "Phone 1 - Value"),
        _NAMES | _GOOGLE,
    ),
    KnownExport(
        "Google Contacts",
        ("Given Name", "Family Name", "Group Membership", "Phone 1 - Value"),
        {"name": ("Given Name", "Name"), "surname": ("Family Name",), "language": ("Language",)} | _GOOGLE,
        ignored=("Name",),
    ),
    KnownExport(
        "Outlook",
        ("First Name", "Last Name", "E-mail Address", "Mobile Phone", "Business Phone"),
        _NAMES
        | {
            "phone": _OUTLOOK_PHONES,
            "email": ("E-mail Address",),
            "city": ("Home City", "Business City", "Other City"),
            "country": ("Home Country/Region", "Business Country/Region", "Home Country", "Business Country"),
            "language": ("Language",),
        },
        own=("Location",),
    ),
    KnownExport(
        "HubSpot",
        ("Record ID", "First Name", "Last Name", "Email"),
        _NAMES
        | {
            "phone": ("WhatsApp Phone Number", "Mobile Phone Number", "Phone Number", "Phone"),
            "email": ("Email",),
            "city": ("City",),
            "country": ("Country/Region", "Country"),
            "language": ("Preferred language",),
            "assignee": ("Contact owner",),
        },
        own=("Marketing contact status", "Unsubscribed from all email", "Lead Status"),
    ),
    KnownExport(
        "Mailchimp",
        ("MEMBER_RATING", "OPTIN_TIME", "LAST_CHANGED"),
        {
            "name": ("First Name", "FNAME"),
            "surname": ("Last Name", "LNAME"),
            "phone": ("Phone Number", "PHONE", "SMS Phone Number"),
            "email": ("Email Address", "EMAIL"),
            "country": ("CC", "Country"),
            "language": ("Language",),
        },
        own=_MAILCHIMP_OWN,
        ignored=("OPTIN_IP", "CONFIRM_IP", "LATITUDE", "LONGITUDE", "GMTOFF", "DSTOFF", "LEID", "EUID"),
    ),
    KnownExport(
        "Shopify customers",
        ("First Name", "Last Name", "Email", "Total Spent", "Total Orders", "Tax Exempt"),
        _NAMES
        | {
            "phone": ("Phone", "Default Address Phone"),
            "email": ("Email",),
            "city": ("Default Address City", "City"),
            "country": ("Default Address Country Code", "Country Code", "Country"),
            "consent": ("Accepts WhatsApp Marketing",),
        },
        own=_SHOPIFY_OWN,
    ),
    KnownExport(
        "WooCommerce",
        ("billing_first_name", "billing_last_name", "billing_phone"),
        {
            "name": ("billing_first_name", "first_name"),
            "surname": ("billing_last_name", "last_name"),
            "phone": ("billing_phone",),
            "email": ("billing_email", "email", "user_email"),
            "city": ("billing_city",),
            "country": ("billing_country",),
        },
        ignored=("first_name", "last_name", "user_pass"),
    ),
    KnownExport(
        "WooCommerce",
        ("Name", "Username", "Last Active", "Total Spend", "AOV"),
        {"name": ("Name",), "email": ("Email",), "city": ("City",), "country": ("Country / Region",)},
    ),
    KnownExport(
        "Chatwoot",
        ("id", "name", "email", "phone_number"),
        {"name": ("name",), "email": ("email",), "phone": ("phone_number",), "city": ("city",)},
    ),
    KnownExport(
        "Wati",
        ("Name", "Phone", "AllowBroadcast"),
        {"name": ("Name",), "phone": ("Phone",), "country": ("CountryCode",), "consent": ("AllowBroadcast",)},
        own=("AllowSMS",),
        refusals=("AllowBroadcast",),
    ),
    KnownExport(
        "WhatsApp Business",
        ("wa_id", "profile_name"),
        {"name": ("profile_name",), "phone": ("wa_id",), "user_id": ("user_id",)},
    ),
)


def find_export(headers: Sequence[str]) -> KnownExport | None:
    """The export that has these headers; None when it isn't known."""
    folded = set(map(fold_header, headers))
    return next((each for each in KNOWN_EXPORTS if all(fold_header(mark) in folded for mark in each.marks)), None)
