"""Every error of Ulak, one tree:

    UlakError
    ├── InputError              a person can mend it
    │   ├── InvalidPhone  InvalidRule  InvalidField  InvalidTemplate  MissingParameter
    │   ├── UnreadableFile  InvalidMapping  UnknownName  NotConfirmed
    ├── StateError              the right request at the wrong moment
    │   ├── InvalidTransition  NotFound  MessagingLimitReached  AlreadyRunning  Cancelled  ChangedMeanwhile
    ├── ProviderError           the provider said no: code, subcode, trace id
    ├── StoreError              DuckDB
    │   └── NewerDatabase
    ├── QueueUnavailable        Redis is away, or not fit
    └── SettingsError           a setting is unknown or malformed

Fields, not prose: the class docstring is the message, with the fields filled in. Pages write their own
sentences from the fields. No phone number, token or message text belongs in a field.
"""

from __future__ import annotations

from typing import Any


class UlakError(Exception):
    """Something went wrong."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        super().__init__(self.message)

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__.get("fields", {})
        if name in fields:
            return fields[name]
        raise AttributeError(name)

    @property
    def message(self) -> str:
        """The class docstring's first line with the fields filled in."""
        template = (type(self).__doc__ or "").strip().splitlines()[0]
        try:
            return template.format(**self.fields)
        except (KeyError, IndexError):
            return f"{template} {self.fields}"


class InputError(UlakError):
    """The input can't be used: {reason}"""


class InvalidPhone(InputError):
    """The phone number can't be used: {reason}"""


class InvalidRule(InputError):
    """The rule can't be used: {reason}"""


class InvalidField(InputError):
    """The field {name} can't be used: {reason}"""


class InvalidTemplate(InputError):
    """The template {name} ({language}) can't be sent: {reason}"""


class MissingParameter(InputError):
    """The slot {slot} of the template is empty; fill it first."""


class UnreadableFile(InputError):
    """The file can't be read: {reason}"""


class InvalidMapping(InputError):
    """The column {column} can't be mapped: {reason}"""


class UnknownName(InputError):
    """There is no {kind} named {name}."""


class NotConfirmed(InputError):
    """This reaches {count} people; confirm it by giving exactly that number."""


class StateError(UlakError):
    """Not possible now: {reason}"""


class InvalidTransition(StateError):
    """An operation that is {state} can't {verb}."""


class NotFound(StateError):
    """There is no {kind} {id}."""


class MessagingLimitReached(StateError):
    """The messaging limit leaves {left} people today, and this operation has {wanted}."""


class AlreadyRunning(StateError):
    """Ulak already runs on {home} (process {pid})."""


class Cancelled(StateError):
    """It was given up before anything was written."""


class ChangedMeanwhile(StateError):
    """{who} changed the {kind} “{name}” meanwhile (version {version}); look at it, then save again."""


class ProviderError(UlakError):
    """The provider refused with code {code}."""


class StoreError(UlakError):
    """The store refused: {reason}"""


class NewerDatabase(StoreError):
    """The database is from a newer Ulak (schema {found}, this one knows {known}); install that version or newer."""


class QueueUnavailable(UlakError):
    """Redis can't be used: {reason}"""


class SettingsError(UlakError):
    """{name} {reason}"""
