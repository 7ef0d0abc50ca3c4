"""How well the values of each column fit where it goes: counted once for a column and a target, then remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict

from engine.contacts.fields import FieldRegistry
from engine.contacts.fitting import Fit, fit_columns
from engine.contacts.mapping import ColumnTarget, Mapping
from engine.contacts.options import ImportOptions
from engine.contacts.source import SourceFile
from pages.ui.import_state import Place
from pages.ui.services import settings

_MOST_FILES = 8
_lock = threading.Lock()
_known: OrderedDict[tuple[str, int, str], dict[tuple[int, str], Fit]] = OrderedDict()


def fits_of(
    source: SourceFile, mapping: Mapping, registry: FieldRegistry, options: ImportOptions, place: Place
) -> dict[int, Fit]:
    """The fit of each column that goes somewhere; only those that changed are counted anew."""
    country = next((each.header for _, each in mapping if each.target == "country"), "")
    file = (source.import_id, place.reading, f"{options.region}/{country}")
    wanted = {
        number: (number, f"{each.model_dump_json()}{options.month_first.get(each.header)}")
        for number, each in mapping
    }
    with _lock:
        known = dict(_known.get(file, {}))
    missing = {number for number, key in wanted.items() if key not in known}
    if missing:
        found = fit_columns(
            source,
            _only(mapping, missing),
            registry,
            region=options.region,
            zone=settings().timezone,
            month_first=options.month_first,
        )
        known |= {wanted[number]: fit for number, fit in found.items() if number in wanted}
        with _lock:
            _known[file] = known
            _known.move_to_end(file)
            while len(_known) > _MOST_FILES:
                _known.popitem(last=False)
    return {number: known[key] for number, key in wanted.items() if key in known}


def _only(mapping: Mapping, numbers: set[int]) -> Mapping:
    """The mapping of these columns; the country stays, for phones are read by it."""
    columns = [
        each if number in numbers or each.target == "country" else ColumnTarget(header=each.header)
        for number, each in enumerate(mapping.columns)
    ]
    return Mapping(columns=tuple(columns))
