"""What a person decides about an import besides the columns: region, what goes before what, consent, a list."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from engine.contacts.fields import FieldType
from engine.contacts.mapping import OWN_ID_TYPES
from engine.errors import InputError, InvalidMapping
from engine.words import N_


class FieldPolicy(StrEnum):
    """What the file's value does to a contact that is known already; an empty cell never changes anything."""

    OVERWRITE = "overwrite"
    FILL = "fill"
    KEEP = "keep"
    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


POLICY_LABELS: dict[FieldPolicy, str] = {
    FieldPolicy.OVERWRITE: N_("Overwrite"),
    FieldPolicy.FILL: N_("Fill only what is empty"),
    FieldPolicy.KEEP: N_("Keep what is there"),
    FieldPolicy.ADD: N_("Add to the list"),
    FieldPolicy.REPLACE: N_("Replace the list"),
    FieldPolicy.REMOVE: N_("Take off the list"),
}
VALUE_POLICIES = (FieldPolicy.OVERWRITE, FieldPolicy.FILL, FieldPolicy.KEEP)
LIST_POLICIES = (FieldPolicy.ADD, FieldPolicy.REPLACE, FieldPolicy.REMOVE, FieldPolicy.FILL, FieldPolicy.KEEP)


class Duplicates(StrEnum):
    """Which of several rows about one person counts."""

    LAST = "last"
    FIRST = "first"


class ImportOptions(BaseModel):
    """The decisions of one import; its JSON is kept with it.

    Args:
        region: ISO country of numbers without a country code; a mapped country column goes before it.
        policies: by target. Without one a value overwrites, a list is added to, and a phone number is kept: `phone`
            says what happens when a row finds its contact by an id and brings another number.
        identity: the target that names a person beside the phone and the user id, such as a customer number.
        month_first: by header, for dates that can be read both ways.
        opt_in_again: an opt-in counts even for those who opted out. Suppressions stay: an import never lifts one.
        list_id: the list that everybody in the file is put into.
        consent_channel: where consent was given, unless a column says so.
    """

    model_config = ConfigDict(frozen=True)

    region: str
    policies: dict[str, FieldPolicy] = {}
    identity: str | None = None
    duplicates: Duplicates = Duplicates.LAST
    month_first: dict[str, bool] = {}
    opt_in_again: bool = False
    list_id: str | None = None
    consent_channel: str | None = None

    def policy(self, target: str, *, is_list: bool = False) -> FieldPolicy:
        """What happens to this field of a known contact."""
        usual = FieldPolicy.KEEP if target == "phone" else FieldPolicy.ADD if is_list else FieldPolicy.OVERWRITE
        return self.policies.get(target, usual)


_NO_IDENTITY = frozenset({"phone", "user_id", "language", "country", "email", "consent", "consent_source"})
_FOR_LISTS = N_("adding, replacing and taking off are for lists alone")


def check_options(options: ImportOptions, types: dict[str, FieldType]) -> None:
    """Refuse options that can't be carried out; policies of targets that no column goes to say nothing.

    Args:
        types: of each target but the phone.

    Raises:
        InvalidMapping: a policy is not for that type.
        InputError: the identity can't tell people apart.
    """
    for target, policy in options.policies.items():
        is_list = types.get(target) is FieldType.LIST
        if (target in types or target == "phone") and policy not in (LIST_POLICIES if is_list else VALUE_POLICIES):
            raise InvalidMapping(column=target, reason=_FOR_LISTS)
    if not options.identity:
        return
    if options.identity not in types:
        raise InputError(reason=N_("no column goes to the field that people are to be told apart by"))
    if options.identity in _NO_IDENTITY or types[options.identity] not in OWN_ID_TYPES:
        raise InputError(reason=N_("that field can't tell people apart: take a number or a code of their own"))
