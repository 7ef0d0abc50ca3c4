"""Contacts: who a person is, phone numbers, the registry of fields, and importing."""

from __future__ import annotations

from engine.contacts.fields import Field, FieldRegistry, FieldType, add_field, load_registry
from engine.contacts.model import CONSENT_LABELS, LANGUAGES, ORIGIN_LABELS, Consent, Origin
from engine.contacts.person import bucket_of, key_from_int, key_to_int, person_key, person_numbers
from engine.contacts.phones import Phone, match_key, parse_phone

__all__ = [
    "CONSENT_LABELS",
    "LANGUAGES",
    "ORIGIN_LABELS",
    "Consent",
    "Field",
    "FieldRegistry",
    "FieldType",
    "Origin",
    "Phone",
    "add_field",
    "bucket_of",
    "key_from_int",
    "key_to_int",
    "load_registry",
    "match_key",
    "parse_phone",
    "person_key",
    "person_numbers",
]
