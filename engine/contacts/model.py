"""The constants of a contact that importing, rules, templates and pages share."""

from __future__ import annotations

from enum import StrEnum

from engine.words import N_


class Consent(StrEnum):
    """What a person said about marketing messages; no value means: not known."""

    OPTED_IN = "opted_in"
    OPTED_OUT = "opted_out"


CONSENT_LABELS: dict[str, str] = {Consent.OPTED_IN: N_("Opted in"), Consent.OPTED_OUT: N_("Opted out")}


class Origin(StrEnum):
    """How the conversation with a contact began."""

    CUSTOMER = "customer"
    BUSINESS = "business"
    AD = "ad"
    IMPORT = "import"


ORIGIN_LABELS: dict[str, str] = {
    Origin.CUSTOMER: N_("Customer"),
    Origin.BUSINESS: N_("Business"),
    Origin.AD: N_("Ad"),
    Origin.IMPORT: N_("File import"),
}

# ISO 639-1; the names that a file may hold for them are in `cells.py`.
LANGUAGES: dict[str, str] = {
    "ar": N_("Arabic"),
    "az": N_("Azerbaijani"),
    "bg": N_("Bulgarian"),
    "de": N_("German"),
    "el": N_("Greek"),
    "en": N_("English"),
    "es": N_("Spanish"),
    "fa": N_("Persian"),
    "fr": N_("French"),
    "it": N_("Italian"),
    "ku": N_("Kurdish"),
    "nl": N_("Dutch"),
    "pl": N_("Polish"),
    "pt": N_("Portuguese"),
    "ro": N_("Romanian"),
    "ru": N_("Russian"),
    "tr": N_("Turkish"),
    "uk": N_("Ukrainian"),
}
