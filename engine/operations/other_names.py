"""The other names of a person: keys made of a user id or of the number WhatsApp knows them by.

An opt-out holds under every name it may come back by, so one person may stand in the record several times. Whoever
counts people, or lifts what keeps messages from one, asks here.
"""

from __future__ import annotations

import duckdb
import polars as pl

from engine.contacts.person import key_from_int, key_to_int, person_numbers
from engine.contacts.phones import match_key

SCHEMA = {"person_key": pl.UInt64, "other_key": pl.UInt64}
_SAID = """
    SELECT DISTINCT person_key, user_id, wa_id FROM (
        SELECT person_key, user_id, wa_id FROM identities
        UNION ALL SELECT person_key, user_id, NULL FROM contacts WHERE user_id IS NOT NULL AND phone IS NOT NULL)
    WHERE person_key IN ({people})"""


def other_names(cursor: duckdb.DuckDBPyConnection, salt: bytes, people: str) -> pl.DataFrame:
    """The other names of some persons.

    Args:
        people: SQL of one column of person keys.

    Returns: Shape: person_key, other_key (UInt64); one row a name, the person's own key left out.
    """
    rows = cursor.execute(_SAID.format(people=people)).fetchall()
    named = [(person, user_id) for person, user_id, _ in rows if user_id]
    named += [(person, match_key(wa_id.lstrip("+"))) for person, _, wa_id in rows if wa_id]
    keys = person_numbers(salt, [name for _, name in named])
    frame = pl.DataFrame({"person_key": [person for person, _ in named], "other_key": keys}, schema=SCHEMA)
    return frame.filter(pl.col("person_key") != pl.col("other_key")).unique()


def names_of(cursor: duckdb.DuckDBPyConnection, salt: bytes, person: bytes) -> list[bytes]:
    """A person's key and its other names."""
    found = other_names(cursor, salt, f"SELECT {key_to_int(person)}::UBIGINT")
    return [person, *(key_from_int(number) for number in sorted(found["other_key"].to_list()))]
