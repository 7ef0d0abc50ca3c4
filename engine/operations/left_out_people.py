"""The people that preflight leaves out: a page of one step, all of them as a file, or as a list to mend them in.

A file with names and numbers leaves the house: who made it is noted, as with every export.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import duckdb
import polars as pl

from engine.operations.left_out import count_reasons
from engine.segments import Audience, Context, Selection, add_to_list, create_list
from engine.segments.exporting import guard_sql, guarded
from engine.warehouse import Warehouse, audit

PAGE_ROWS = 50
LIST_NAME_LIMIT = 80
_TABLE = "left_out_wanted"
_NAME = "trim(concat_ws(' ', c.name, c.surname))"


def of_reason(left_out: pl.DataFrame, key: str | None) -> pl.DataFrame:
    """Those of one reason, or all; **Shape** as `preflight.Preflight.left_out`."""
    return left_out if key is None else left_out.filter(pl.col("reason") == key)


def left_out_page(
    cursor: duckdb.DuckDBPyConnection, left_out: pl.DataFrame, key: str | None, *, offset: int = 0
) -> pl.DataFrame:
    """One page of those left out, for one reason or any.

    Returns: **Shape**: contact_id, reason, name, phone; by contact_id, at most `PAGE_ROWS`.
    """
    page = of_reason(left_out, key).slice(offset, PAGE_ROWS)
    names = cursor.sql(
        f"SELECT contact_id, {_NAME} AS name, phone FROM contacts AS c"
        " WHERE contact_id IN (SELECT unnest(?::BIGINT[]))",
        params=[page["contact_id"].to_list()],
    ).pl()
    return page.join(names, on="contact_id", how="left", maintain_order="left")


def export_left_out(
    warehouse: Warehouse,
    left_out: pl.DataFrame,
    key: str | None,
    *,
    headings: Sequence[str],
    say: Callable[[str], str],
    operation_id: str,
    who: str,
    now: datetime,
) -> bytes:
    """All of one step (or of all) as CSV that a spreadsheet opens: contact number, name, phone, reason.

    Args:
        headings: of the four columns.
        say: what a reason is called in the reader's language.
    """
    people = of_reason(left_out, key)
    words = {each: guarded(say(each)) for each in count_reasons(people)}
    people = people.with_columns(pl.col("reason").replace_strict(words, default="", return_dtype=pl.String))
    cursor = warehouse.cursor()
    cursor.register(_TABLE, people.to_arrow())
    rows = cursor.sql(
        f"""SELECT w.contact_id, {guard_sql(_NAME)} AS name, c.phone, w.reason FROM {_TABLE} AS w
            LEFT JOIN contacts AS c ON c.contact_id = w.contact_id ORDER BY w.contact_id"""
    ).pl()
    cursor.unregister(_TABLE)
    with warehouse.writing() as writing:
        subject = ("operation", operation_id)
        audit(
            writing, who=who, verb="exported_left_out", subject=subject, now=now, reason=key or "", people=rows.height
        )
    rows = rows.rename(dict(zip(rows.columns, headings, strict=True)))
    text: str = rows.write_csv(separator=";", include_bom=True)
    return text.encode()


def list_left_out(
    warehouse: Warehouse,
    left_out: pl.DataFrame,
    key: str | None,
    name: str,
    *,
    context: Context,
    who: str,
    now: datetime,
) -> str:
    """Make a list of those of one step, and return its id.

    Raises:
        InputError: the name is taken, or not one.
    """
    list_id = create_list(warehouse, name[:LIST_NAME_LIMIT].strip(), who=who, now=now)
    ids = frozenset(of_reason(left_out, key)["contact_id"].to_list())
    add_to_list(warehouse, list_id, Audience(selection=Selection.only(ids)), who=who, context=context)
    return list_id
