"""What a request says about an import, besides the file; checked before anything begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import phonenumbers
from fastapi import Form

from engine.contacts.encodings import ENCODING_LABELS
from engine.contacts.fields import load_registry
from engine.contacts.guessing import guess_mapping
from engine.contacts.import_work import Choose
from engine.contacts.mapping import Mapping
from engine.contacts.mapping_file import mapping_from_json
from engine.contacts.mappings import get_mapping
from engine.contacts.options import Duplicates, FieldPolicy, ImportOptions
from engine.contacts.source import DELIMITERS, ReadOptions, SourceFile
from engine.errors import InputError
from engine.words import N_
from worker.api import Services

OPT_IN_AGAIN = "opt in again"
DELIMITER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


@dataclass
class Asked:
    """The fields of the form."""

    region: Annotated[str, Form(description="region of numbers without a country code, such as TR")] = ""
    mapping: Annotated[str, Form(description="where columns go: JSON, or the name of a saved mapping")] = ""
    policy: Annotated[
        Sequence[str], Form(description="FIELD=overwrite, fill or keep; of a list add, replace or remove")
    ] = ()
    identity: Annotated[str, Form(description="a field that names a person beside phone and user id")] = ""
    duplicates: Annotated[str, Form(description="first or last: which row of a person counts")] = ""
    list: Annotated[str, Form(description="put everybody into this list; made if there is none")] = ""
    part: Annotated[str, Form(description="the sheet of a workbook, the file in a zip")] = ""
    encoding: Annotated[str, Form(description="utf-8, utf-16-le, cp1254, …; found out if not given")] = ""
    delimiter: Annotated[str, Form(description="comma, semicolon, tab or bar; found out if not given")] = ""
    header: Annotated[str, Form(description="yes or no: whether the first row names the columns")] = ""
    opt_in_again: Annotated[
        str, Form(description=f"“{OPT_IN_AGAIN}”: opt-ins count for people who opted out too")
    ] = ""
    dry_run: Annotated[bool, Form(description="stop before anything is written; `merge` carries it out")] = False

    def check(self) -> None:
        """Refuse what can't be meant.

        Raises:
            InputError: with the reason.
        """
        self.read_options()
        self._said()
        self._policies()
        if self.region and self.region not in phonenumbers.SUPPORTED_REGIONS:
            raise InputError(reason=N_("the region must be two capital letters, such as TR"))
        if self.opt_in_again and self.opt_in_again != OPT_IN_AGAIN:
            raise InputError(reason=N_("to opt in again people who opted out, say exactly “opt in again”"))

    def read_options(self) -> ReadOptions:
        """How the file is to be read."""
        mark = DELIMITER_NAMES.get(self.delimiter, self.delimiter)
        if mark and mark not in DELIMITERS:
            raise InputError(reason=N_("the delimiter must be comma, semicolon, tab or bar"))
        if self.encoding and self.encoding not in ENCODING_LABELS:
            raise InputError(reason=N_("the encoding is none that can be read"))
        if self.header not in ("", "yes", "no"):
            raise InputError(reason=N_("whether there is a header is yes or no"))
        return ReadOptions(
            encoding=self.encoding or None,
            delimiter=mark or None,
            has_header=self.header == "yes" if self.header else None,
            part=self.part or None,
        )

    def chooser(self, doors: Services) -> Choose:
        """What says, once the file is read, where its columns go."""

        def choose(source: SourceFile) -> tuple[Mapping, ImportOptions]:
            cursor = doors.warehouse().cursor()
            registry = load_registry(cursor)
            usual = ImportOptions(region=self.region or doors.settings.default_region)
            if self.mapping.lstrip().startswith("{"):
                mapping, options = mapping_from_json(self.mapping, source, registry, usual)
            elif self.mapping:
                saved = get_mapping(cursor, self.mapping)
                mapping, options = saved.fit(source, registry), saved.options
            else:
                mapping, options = guess_mapping(source, registry, region=usual.region), usual
            return mapping, self._over(options)

        return choose

    def _over(self, options: ImportOptions) -> ImportOptions:
        """The options, with what this request says going first."""
        said = self._said()
        return options.model_copy(update=said | {"policies": options.policies | self._policies()})

    def _policies(self) -> dict[str, FieldPolicy]:
        return dict(_policy(text) for text in self.policy)

    def _said(self) -> dict[str, object]:
        said: dict[str, object] = {}
        if self.region:
            said["region"] = self.region
        if self.identity:
            said["identity"] = self.identity
        if self.duplicates:
            if self.duplicates not in list(Duplicates):
                raise InputError(reason=N_("of duplicates the first or the last counts"))
            said["duplicates"] = Duplicates(self.duplicates)
        if self.opt_in_again:
            said["opt_in_again"] = True
        return said


def _policy(text: str) -> tuple[str, FieldPolicy]:
    name, _, word = text.partition("=")
    if not name or word not in list(FieldPolicy):
        raise InputError(reason=N_("a policy is FIELD=overwrite, fill, keep, add, replace or remove"))
    return name, FieldPolicy(word)
