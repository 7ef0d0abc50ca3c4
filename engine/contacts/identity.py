"""Whom a row of a file is about, where rows bring ids beside the phone number: the number first, then the provider's
`user_id`, then an id of the analyst's own.

What is not clear is not guessed: such a row is refused with its reason. Several rows about one contact are one.
Leaves the temporary table `resolved`: n, code (a reason, or NULL), found (contact_id, or NULL: new), kept_n (the row
that counts), refused (one of the contact's rows opts out).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from engine.words import N_

IDENTITY_REASONS: dict[str, str] = {
    "several_contacts": N_("several contacts have this id, so it is not clear whom the row is about"),
    "two_contacts": N_("the number or id is one contact's, and another id in the row is another contact's"),
    "id_twice": N_("other rows of the file give this id to somebody else"),
    "unknown_id": N_("no contact has this id, and without a phone number none can be made"),
}
_IDS_OF_USERS = """
    SELECT user_id AS name, list(DISTINCT contact_id) AS ids FROM (
        SELECT user_id, contact_id FROM contacts WHERE user_id IS NOT NULL
        UNION ALL
        SELECT identities.user_id, contact_id FROM identities JOIN contacts USING (person_key)
        WHERE identities.user_id IS NOT NULL)
    GROUP BY user_id"""
_LOOKED_UP = """
    CREATE OR REPLACE TEMP TABLE looked_up AS
    SELECT n, user_id, own_id, consent, has_person, coalesce(by_phone, by_user[1], by_own[1]) AS found,
        CASE WHEN by_phone IS NOT NULL THEN
                CASE WHEN NOT coalesce(list_contains(by_user, by_phone), true)
                    OR NOT coalesce(list_contains(by_own, by_phone), true) THEN 'two_contacts' END
            WHEN len(by_user) > 1 THEN 'several_contacts'
            WHEN by_user IS NOT NULL THEN
                CASE WHEN NOT coalesce(list_contains(by_own, by_user[1]), true) THEN 'two_contacts' END
            WHEN len(by_own) > 1 THEN 'several_contacts' END AS code
    FROM (SELECT s.n, s.user_id, s.own_id, s.consent, s.has_person,
            CASE WHEN s.has_phone THEN c.contact_id END AS by_phone, users.ids AS by_user, own.ids AS by_own
        FROM ({staged}) s LEFT JOIN contacts c ON c.person_key = s.person_key
        LEFT JOIN ({users}) users ON users.name = s.user_id LEFT JOIN ({own}) own ON own.name = s.own_id)"""
# Rows of the file that share an id are about one person too: the contact that one of them found, else a new one.
_RESOLVED = """
    CREATE OR REPLACE TEMP TABLE resolved AS
    WITH first AS (SELECT *, coalesce(found, -1 - n) AS whom FROM looked_up WHERE code IS NULL),
    second AS (SELECT * REPLACE (CASE WHEN whom >= 0 OR own_id IS NULL THEN whom
        ELSE max(whom) OVER (PARTITION BY own_id) END AS whom) FROM first),
    third AS (SELECT * REPLACE (CASE WHEN whom >= 0 OR user_id IS NULL THEN whom
        ELSE max(whom) OVER (PARTITION BY user_id) END AS whom) FROM second),
    unclear AS (SELECT * FROM third
        WHERE own_id IN (SELECT own_id FROM third GROUP BY own_id HAVING min(whom) <> max(whom))
        OR user_id IN (SELECT user_id FROM third GROUP BY user_id HAVING min(whom) <> max(whom))),
    clear AS (SELECT * FROM third WHERE n NOT IN (SELECT n FROM unclear)),
    people AS (SELECT whom, {last}(n) AS any_n, {last}(n) FILTER (has_person) AS own_n,
            coalesce(bool_or(consent = 'opted_out'), false) AS refused
        FROM clear GROUP BY whom)
    SELECT n, code, CAST(NULL AS BIGINT) AS found, n AS kept_n, false AS refused FROM looked_up
        WHERE code IS NOT NULL
    UNION ALL SELECT n, 'id_twice', NULL, n, false FROM unclear
    UNION ALL SELECT n, CASE WHEN whom < 0 AND own_n IS NULL THEN 'unknown_id' END,
        CASE WHEN whom >= 0 THEN whom END, CASE WHEN whom >= 0 THEN any_n ELSE own_n END, refused
        FROM clear JOIN people USING (whom)"""


def resolve_people(
    cursor: duckdb.DuckDBPyConnection,
    staged: Path,
    *,
    has_user_id: bool,
    identity: str | None,
    has_consent: bool,
    first_wins: bool,
    is_new_field: bool = False,
) -> None:
    """Make the table `resolved` of the store as this cursor sees it.

    Args:
        identity: the target that names a person; `is_new_field` says that the store has no such field yet.
    """
    path = str(staged).replace("'", "''")
    own = f'"{identity}"' if identity else "NULL"
    rows = (
        f"SELECT n, person_key, person_key IS NOT NULL AS has_person, phone IS NOT NULL AS has_phone, "
        f"{'user_id' if has_user_id else 'NULL::VARCHAR'} AS user_id, {own}::VARCHAR AS own_id, "
        f"{'consent' if has_consent else 'NULL::VARCHAR'} AS consent FROM read_parquet('{path}')"
    )
    known = f"SELECT {own}::VARCHAR AS name, list(contact_id) AS ids FROM contacts WHERE {own} IS NOT NULL GROUP BY 1"
    if not identity or is_new_field:
        known = "SELECT NULL::VARCHAR AS name, NULL::BIGINT[] AS ids WHERE false"
    cursor.execute(_LOOKED_UP.format(staged=rows, users=_IDS_OF_USERS, own=known))
    cursor.execute(_RESOLVED.format(last="min" if first_wins else "max"))
    cursor.execute("DROP TABLE looked_up")
