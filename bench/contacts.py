"""Makes contacts that look like a Turkish shop's, by SQL inside DuckDB: a million takes a few seconds.

    python -m bench.contacts HOME 1000000      # into HOME/ulak.duckdb, which no other process may hold

The shares are uneven as in life, columns depend on one another (city on country, language on country, plan on
origin), some values are missing, 3 % opted out, 2 % have no valid phone, 1 % are suppressed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from engine.clock import utc_now
from engine.contacts.fields import FieldType, add_field
from engine.settings import load_settings
from engine.warehouse import Warehouse, open_warehouse

FIELDS = (
    ("plan", "Plan", FieldType.CHOICE),
    ("store", "Store", FieldType.CHOICE),
    ("vip", "VIP", FieldType.BOOL),
    ("order_total", "Order total", FieldType.NUMBER),
    ("birthday", "Birthday", FieldType.DATE),
)
NAMES = "Ayşe,Mehmet,Zeynep,Ali,Işıl,Emre,Fatma,Deniz,Mustafa,Elif,İbrahim,Çağla,Hüseyin,Özge,Şule,Can,Gül,Burak"
SURNAMES = "Yılmaz,Öz,Şahin,İnce,Çağlar,Güneş,Kılıç,Aydın,Demir,Çelik,Arslan,Doğan,Koç,Kurt,Özdemir,Aksoy,Işık,Ünal"
CITIES = (
    "İstanbul,Ankara,İzmir,Bursa,Antalya,Konya,Adana,Şanlıurfa,Gaziantep,Kocaeli,Mersin,Diyarbakır,Hatay,Manisa,"
    "Kayseri,Samsun,Balıkesir,Kahramanmaraş,Van,Aydın,Denizli,Sakarya,Tekirdağ,Muğla,Eskişehir,Mardin,Trabzon,Ordu,"
    "Malatya,Erzurum,Afyonkarahisar,Sivas,Tokat,Zonguldak,Kütahya,Çanakkale,Osmaniye,Elazığ,Adıyaman,Yozgat,Çorum,"
    "Edirne,Isparta,Aksaray,Niğde,Iğdır,Kars,Rize,Yalova,Ardahan"
)

SQL = """
INSERT INTO contacts BY NAME
WITH drawn AS (
    SELECT i AS contact_id,
           hash(i) AS h, hash(i + 1000000007) AS g, hash(i * 31 + 7) AS k,
           (hash(i) % 100000) / 100000.0 AS u, (hash(i + 5) % 100000) / 100000.0 AS v,
           (hash(i + 9) % 100000) / 100000.0 AS w
    FROM range($first, $first + $count) t(i)
), placed AS (
    SELECT *, CASE WHEN u < 0.86 THEN 'TR' WHEN u < 0.92 THEN 'DE' WHEN u < 0.955 THEN 'AE' WHEN u < 0.98 THEN 'NL'
                   ELSE 'AZ' END AS country
    FROM drawn
), known AS (
    SELECT *,
        CASE country
            WHEN 'TR' THEN '+905' || lpad(((h // 7) % 100)::VARCHAR, 2, '3') || lpad(contact_id::VARCHAR, 7, '0')
            WHEN 'DE' THEN '+4915' || lpad((contact_id + 100000000)::VARCHAR, 9, '0')
            WHEN 'AE' THEN '+97150' || lpad(contact_id::VARCHAR, 7, '0')
            WHEN 'NL' THEN '+316' || lpad(contact_id::VARCHAR, 8, '0')
            ELSE '+99450' || lpad(contact_id::VARCHAR, 7, '0') END AS phone,
        CASE WHEN v < 0.43 THEN 'customer' WHEN v < 0.70 THEN 'import' WHEN v < 0.86 THEN 'ad' ELSE 'business' END
            AS origin,
        CASE WHEN w < 0.03 THEN 'opted_out' WHEN w < 0.62 THEN 'opted_in' END AS consent
    FROM placed
)
SELECT contact_id,
    CASE WHEN k % 50 <> 0 OR country <> 'TR' THEN phone ELSE '+9021200' END AS phone,
    phone[2:] AS match_key,
    hash(contact_id, 11) AS person_key,
    k % 50 <> 0 OR country <> 'TR' AS phone_valid,
    (hash(contact_id, 11) % 10000)::USMALLINT AS bucket,
    origin,
    TIMESTAMP '2026-11-20' - to_seconds((pow((g % 1000000) / 1000000.0, 1.6) * 86400 * 690)::BIGINT) AS created_at,
    TIMESTAMP '2026-11-20' - to_seconds((k % (86400 * 40))::BIGINT) AS updated_at,
    ($names)[1 + (h % len($names))::INT] AS name,
    ($surnames)[1 + (g % len($surnames))::INT] AS surname,
    CASE WHEN k % 5 < 2 THEN 'kisi' || contact_id || '@example.com' END AS email,
    CASE WHEN g % 25 = 0 THEN NULL WHEN country = 'DE' THEN CASE WHEN k % 3 = 0 THEN 'de' ELSE 'tr' END
         WHEN country = 'AE' THEN 'ar' WHEN country = 'NL' OR h % 11 = 0 THEN 'en' ELSE 'tr' END AS language,
    country,
    CASE WHEN country <> 'TR' OR k % 9 = 0 THEN NULL
         ELSE ($cities)[1 + floor(len($cities) * pow((g % 9973) / 9973.0, 2.6))::INT] END AS city,
    consent,
    CASE WHEN consent IS NULL THEN NULL WHEN origin = 'import' THEN 'import' WHEN k % 3 = 0 THEN 'store'
         ELSE 'web form' END AS consent_source,
    CASE WHEN consent IS NOT NULL THEN TIMESTAMP '2026-11-01' - to_days((g % 600)::INT) END AS consent_at,
    CASE WHEN h % 5 = 0 THEN NULL WHEN origin = 'customer' AND g % 3 = 0 THEN 'gold' WHEN g % 4 = 0 THEN 'silver'
         ELSE 'free' END AS plan,
    CASE WHEN g % 6 = 0 THEN 'Store ' || (k % 12 + 1) END AS store,
    CASE WHEN h % 20 = 0 THEN true WHEN h % 3 = 0 THEN false END AS vip,
    CASE WHEN g % 7 <> 0 THEN round(pow((k % 10000) / 10000.0, 3) * 12000, 2) END AS order_total,
    CASE WHEN h % 4 <> 0 THEN DATE '2008-01-01' - (k % 18000)::INT END AS birthday
FROM known
"""


def make_contacts(warehouse: Warehouse, count: int, *, who: str = "bench") -> None:
    """Add `count` contacts (and the fields they fill, once), and suppress one in a hundred."""
    registry = {row[0] for row in warehouse.cursor().execute("SELECT name FROM fields").fetchall()}
    for name, label, kind in FIELDS:
        if name not in registry:
            add_field(warehouse, name, label, kind, who=who, now=utc_now())
    with warehouse.writing() as cursor:
        first = int(cursor.execute("SELECT coalesce(max(contact_id), 0) + 1 FROM contacts").fetchall()[0][0])
        cursor.execute(
            SQL,
            {
                "first": first, "count": count, "names": NAMES.split(","), "surnames": SURNAMES.split(","),
                "cities": CITIES.split(","),
            },
        )  # fmt: skip
        cursor.execute(
            "INSERT INTO suppressions BY NAME SELECT person_key, 'marketing' AS scope, 'keyword' AS reason, "
            "'sandbox' AS channel_id, 'ulak' AS by_whom, TIMESTAMP '2026-11-02' AS happened_at "
            "FROM contacts WHERE contact_id >= ? AND bucket < 100",
            [first],
        )


def main() -> None:
    """`python -m bench.contacts HOME COUNT`."""
    home, count = Path(sys.argv[1]), int(sys.argv[2])
    warehouse = open_warehouse(load_settings({"ULAK_HOME": str(home)}).database_path)
    started = time.perf_counter()
    make_contacts(warehouse, count)
    print(f"{count:,} contacts in {time.perf_counter() - started:.1f} s")
    warehouse.close()


if __name__ == "__main__":
    main()
