"""How fast an audience is counted and faceted at a million contacts, as ratios to hand-written SQL in the same run.

    python -m bench.segments [COUNT]

Prints a line per question: the whole path (rule, compiler, Narwhals, DuckDB), SQL by hand, and their ratio. The bars:
a count at most twice the SQL; eight facets within 30 ms warm and 200 ms at the first use of a rule.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.contacts import make_contacts
from engine.clock import utc_now
from engine.segments import (
    AllOf,
    AnyOf,
    Audience,
    Comparison,
    Context,
    FacetChoice,
    FacetCubes,
    Segment,
    Sort,
    count_audience,
    load_context,
    page_of,
    reach,
)
from engine.segments.facets import build_cube, counts_by_query
from engine.settings import load_settings
from engine.warehouse import Warehouse, open_warehouse

RUNS = 9
FACETS = ("origin", "language", "city", "country", "consent", "plan", "vip", "store")
NOT_ANKARA = Segment(
    facets={
        "language": FacetChoice(include=frozenset({"tr"})),
        "city": FacetChoice(exclude=frozenset({"Ankara"})),
    }
)
SPENDERS = Segment(
    rule=AllOf(
        rules=(
            Comparison(field="order_total", operator="greater", value=500),
            Comparison(field="created_at", operator="after", value="2026-03-31"),
            Comparison(field="consent", operator="not_empty"),
        )
    )
)
EITHER = Segment(
    facets={"country": FacetChoice(include=frozenset({"TR", "DE"}))},
    rule=AnyOf(
        rules=(
            Comparison(field="vip", operator="is_yes"),
            Comparison(field="order_total", operator="at_least", value=10_000),
        )
    ),
)  # fmt: skip
NAMED = Segment(rule=Comparison(field="surname", operator="contains", value="yılmaz"))
COUNTS: dict[str, tuple[Segment, str]] = {
    "include one, exclude one": (NOT_ANKARA, "language = 'tr' AND city IS DISTINCT FROM 'Ankara'"),
    "number, date, not empty": (
        SPENDERS,
        "order_total > 500 AND created_at >= TIMESTAMP '2026-03-31 21:00:00' AND consent <> ''",
    ),
    "two of a facet, any of two rules": (EITHER, "country IN ('TR', 'DE') AND (vip OR order_total >= 10000)"),
    "text, folded": (NAMED, "regexp_matches(surname, '(?i)y[iıİI]lmaz')"),
}


def medians_ms(*calls: Callable[[], object], runs: int = RUNS) -> list[float]:
    """The median of each call, run in turns so that a busy machine is busy for all. Units: milliseconds."""
    spent: list[list[float]] = [[] for _ in calls]
    for run in range(runs + 1):
        for place, call in enumerate(calls):
            started = time.perf_counter()
            call()
            if run:  # the first warms up
                spent[place].append((time.perf_counter() - started) * 1000)
    return [statistics.median(each) for each in spent]


def bench_counts(warehouse: Warehouse, context: Context) -> None:
    """Counts through the whole path beside SQL; both must agree."""
    print(f"{'count':36} {'Ulak':>9} {'SQL':>9} {'ratio':>7}")
    cursor = warehouse.cursor()
    for name, (segment, condition) in COUNTS.items():
        audience, sql = Audience(segment=segment), f"SELECT count(*) FROM contacts WHERE {condition}"
        ours = count_audience(cursor, audience, context)
        theirs = cursor.execute(sql).fetchall()[0][0]
        if ours != theirs:
            raise SystemExit(f"{name}: {ours} is not {theirs}")
        path, hand = medians_ms(
            lambda audience=audience: count_audience(cursor, audience, context),
            lambda sql=sql: cursor.execute(sql).fetchall(),
        )
        print(f"{name:36} {path:6.1f} ms {hand:6.1f} ms {path / hand:6.2f}x")


def bench_page(warehouse: Warehouse, context: Context) -> None:
    """Facets cold, warm and without a cube; a page of rows; who can be messaged."""
    cursor, audience = warehouse.cursor(), Audience(segment=NOT_ANKARA)
    eight = " ".join(f"SELECT {name}, count(*) FROM contacts GROUP BY 1;" for name in FACETS)

    def by_hand() -> None:
        for sql in eight.split(";")[:-1]:
            cursor.execute(sql).fetchall()

    cubes, newest = FacetCubes(), Sort("created_at", descending=True)
    columns = ("name", "surname", "phone", "city", "plan", "created_at")
    hand, cold, warm, plain, page, reached = medians_ms(
        by_hand,
        lambda: build_cube(cursor, Segment(), context, FACETS),
        lambda: cubes.counts(cursor, audience, context, FACETS, (1,)),
        lambda: counts_by_query(cursor, Segment(), dict(NOT_ANKARA.facets), context, FACETS),
        lambda: page_of(cursor, audience, context, columns=columns, sort=newest),
        lambda: reach(cursor, audience, context),
    )
    print(f"\n{'eight facets':36} {'time':>9} {'of 8 plain queries':>20}")
    rows = (("a click (cube at hand)", warm), ("a rule's first use (cube built)", cold), ("no cube fits", plain))
    for name, spent in rows:
        print(f"{name:36} {spent:6.1f} ms {spent / hand:19.2f}x")
    print(f"{'a page of 50, newest first':36} {page:6.1f} ms")
    print(f"{'who can be messaged':36} {reached:6.1f} ms")


def main() -> None:
    """Make the contacts, then measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="ulak-bench-") as folder:
        warehouse = open_warehouse(Path(folder) / "ulak.duckdb")
        make_contacts(warehouse, count)
        context = load_context(warehouse.cursor(), now=utc_now(), zone=load_settings({}).zone)
        print(f"{count:,} contacts, median of {RUNS} runs\n")
        bench_counts(warehouse, context)
        bench_page(warehouse, context)
        warehouse.close()


if __name__ == "__main__":
    main()
