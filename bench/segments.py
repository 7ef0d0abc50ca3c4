"""How fast an audience is counted, faceted and paged, as ratios to hand-written SQL in the same run.

    python -m bench.segments [COUNT] [FOLDER]

Prints a line per question: the whole path (rule, compiler, Narwhals, DuckDB), SQL by hand, and their ratio; answers
are compared before they are timed. The bars: a count at most twice the SQL at a million and 1.3 times at ten; eight
facets, each conditional on the others, within 30 ms warm, 200 ms at the first use of a rule, 250 ms where there is no
cube; a page within 300 ms. FOLDER keeps the contacts for another run (ten million take minutes to make).
"""

from __future__ import annotations

import contextlib
import itertools
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from bench.contacts import make_contacts
from engine.clock import utc_now
from engine.segments import (
    AllOf,
    AnyOf,
    Audience,
    Comparison,
    Context,
    FacetChoice,
    FacetCounts,
    FacetCubes,
    Segment,
    Sort,
    compare,
    count_audience,
    load_context,
    page_of,
    reach,
)
from engine.settings import load_settings
from engine.warehouse import Warehouse, open_warehouse
from engine.warehouse.connection import MEMORY_LIMIT

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
RuleOf = Callable[[int], AllOf | Comparison]


def few_pass(number: int) -> AllOf:
    """A rule that 7 % pass; another one for each number."""
    newest = Comparison(field="created_at", operator="after", value="2026-09-30")
    return AllOf(rules=(most_pass(number), newest))


def most_pass(number: int) -> Comparison:
    """A rule that most pass; another one for each number."""
    return Comparison(field="order_total", operator="greater", value=number)


RANGES = ("order_total", "birthday", "created_at")
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


def medians_ms(*calls: Callable[[], object], runs: int = RUNS, warm: bool = True) -> list[float]:
    """The median of each call, run in turns so that a busy machine is busy for all. Units: milliseconds."""
    spent: list[list[float]] = [[] for _ in calls]
    for run in range(runs + warm):
        for place, call in enumerate(calls):
            started = time.perf_counter()
            call()
            if run or not warm:  # the first warms up
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


def crossfiltered_by_hand(cursor: duckdb.DuckDBPyConnection, rule: str) -> dict[str, dict[str | None, int]]:
    """Eight queries, as one would write them: the counts of each facet given the choices in the others."""
    conditions = {"language": "language = 'tr'", "city": "city IS DISTINCT FROM 'Ankara'"}
    found = {}
    for name in FACETS:
        others = " AND ".join([rule, *(test for field, test in conditions.items() if field != name)])
        rows = cursor.execute(f"SELECT {name}::VARCHAR, count(*) FROM contacts WHERE {others} GROUP BY 1").fetchall()
        found[name] = dict(rows)
    return found


def bench_facets(warehouse: Warehouse, context: Context) -> None:
    """Eight facets: the store just changed, the first use of a rule, a click; beside eight queries by hand."""
    cursor = warehouse.cursor()
    print(f"\n{'eight facets, each given the others':36} {'Ulak':>9} {'SQL':>9} {'ratio':>7}")
    for name, rule, sql in (
        ("few pass", few_pass, "order_total > {0} AND created_at >= TIMESTAMP '2026-09-30 21:00:00'"),
        ("most pass", most_pass, "order_total > {0}"),
    ):
        cubes, numbers = FacetCubes(), itertools.count(1)

        def ask(number: int, version: object, cubes: FacetCubes = cubes, rule: RuleOf = rule) -> FacetCounts:
            audience = Audience(segment=NOT_ANKARA.with_rule(rule(number)))
            return cubes.counts(cursor, audience, context, FACETS, (version,))

        ask(0, "kept")
        cubes.settle()
        ours = {
            facet: {each.value: each.count for each in values if each.count}
            for facet, values in ask(0, "kept").items()
        }
        if ours != crossfiltered_by_hand(cursor, sql.format(0)):
            raise SystemExit(f"{name}: the facets are not what SQL says")
        spent: dict[str, list[float]] = {"the store changed": [], "first use of a rule": [], "a click": []}
        hands = []
        for _ in range(RUNS):
            number = next(numbers)
            spent["the store changed"] += medians_ms(lambda n=number: ask(0, n), runs=1, warm=False)
            cubes.settle()
            spent["first use of a rule"] += medians_ms(lambda n=number: ask(n, "kept"), runs=1, warm=False)
            spent["a click"] += medians_ms(lambda: ask(0, "kept"), runs=1, warm=False)
            by_hand = sql.format(number)
            hands += medians_ms(lambda q=by_hand: crossfiltered_by_hand(cursor, q), runs=1, warm=False)
        hand = statistics.median(hands)
        for kind, times in spent.items():
            path = statistics.median(times)
            print(f"{name + ', ' + kind:36} {path:6.1f} ms {hand:6.1f} ms {path / hand:6.2f}x")


def bench_page(warehouse: Warehouse, context: Context) -> None:
    """A page of rows, the bins of numbers and dates, who can be messaged, two segments side by side."""
    cursor, audience = warehouse.cursor(), Audience(segment=NOT_ANKARA)
    where = "language = 'tr' AND city IS DISTINCT FROM 'Ankara'"
    columns = ("name", "surname", "phone", "city", "plan", "created_at")
    by_hand = f"SELECT contact_id, {', '.join(columns)} FROM contacts WHERE {where} ORDER BY"
    print(f"\n{'':36} {'Ulak':>9} {'SQL':>9} {'ratio':>7}")
    for name, sort, order in (
        ("a page of 50, newest first", Sort("created_at", descending=True), "created_at DESC"),
        ("a page of 50, by name", Sort("name"), "name COLLATE tr"),
    ):
        path, hand = medians_ms(
            lambda sort=sort: page_of(cursor, audience, context, columns=columns, sort=sort),
            lambda order=order: cursor.execute(f"{by_hand} {order}, contact_id LIMIT 50").fetchall(),
        )
        print(f"{name:36} {path:6.1f} ms {hand:6.1f} ms {path / hand:6.2f}x")
    cubes, other = FacetCubes(), Audience(segment=EITHER)
    reached, compared = medians_ms(
        lambda: reach(cursor, audience, context), lambda: compare(cursor, audience, other, context)
    )
    (ranges,) = medians_ms(lambda: cubes.counts(cursor, audience, context, RANGES, (1,)), runs=1, warm=False)
    cubes.settle()
    (again,) = medians_ms(lambda: cubes.counts(cursor, audience, context, RANGES, (1,)))
    rows = (
        ("who can be messaged", reached), ("two segments compared", compared),
        ("three histograms, at first", ranges), ("three histograms, a click", again),
    )  # fmt: skip
    for name, spent in rows:
        print(f"{name:36} {spent:6.1f} ms")


def main() -> None:
    """Make the contacts unless the folder has them, then measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with contextlib.ExitStack() as stack:
        made = len(sys.argv) > 2
        folder = sys.argv[2] if made else stack.enter_context(tempfile.TemporaryDirectory(prefix="ulak-bench-"))
        warehouse = open_warehouse(Path(folder) / "ulak.duckdb")
        present = int(warehouse.cursor().execute("SELECT count(*) FROM contacts").fetchall()[0][0])
        make_contacts(warehouse, max(0, count - present))
        with warehouse.exclusive() as cursor:
            cursor.execute("CHECKPOINT")
        context = load_context(warehouse.cursor(), now=utc_now(), zone=load_settings({}).zone)
        print(f"{max(count, present):,} contacts, median of {RUNS} runs\n")
        bench_counts(warehouse, context)
        bench_facets(warehouse, context)
        bench_page(warehouse, context)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"\npeak memory of the process {peak:,.0f} MB, of which DuckDB may take {MEMORY_LIMIT}")
        warehouse.close()


if __name__ == "__main__":
    main()
