"""How fast phone numbers are judged, beside a loop that asks the library number by number, with an equality check.

    python -m bench phones [ROWS]

Three files of ROWS (1,000,000) numbers: one market; 90 % of it and 10 % of nine others written internationally; the
same mixture, each written as at home, with a country column. Each holds a few ruined, short and long ones. The loop
is `parse_phone` on every SHARE-th row, its time multiplied; on those rows both must agree.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import phonenumbers
import polars as pl
from phonenumbers import PhoneNumberFormat

from engine.contacts.phones import parse_phone
from engine.contacts.phones_bulk import normalise_phones
from engine.errors import InvalidPhone

HOME = "TR"
OTHERS = ("DE", "US", "GB", "FR", "BR", "MX", "AE", "SA", "AZ")
SHARE = 20
RUINED = ("5,32E+09", "0532 123", "053212345678901", "yok", "0999 123 45 67")


def make_numbers(rows: int, *, abroad: float, as_at_home: bool) -> pl.DataFrame:
    """Mobile numbers in the ways people write them; the same at each run. **Shape**: text, region."""
    chance = np.random.default_rng(11)
    away = chance.random(rows) < abroad
    regions = np.where(away, chance.choice(OTHERS, rows), HOME)
    forms, tails = chance.integers(0, 4, rows), chance.integers(0, 10_000, rows)
    makers = {region: _maker(region) for region in (HOME, *OTHERS)}
    texts = [
        RUINED[number // 997 % len(RUINED)]
        if number % 997 == 0
        else makers[region](1 if region != HOME and not as_at_home else form, tail)
        for number, (region, form, tail) in enumerate(
            zip(regions.tolist(), forms.tolist(), tails.tolist(), strict=True)
        )
    ]
    return pl.DataFrame({"text": texts, "region": regions if as_at_home else [HOME] * rows})


def _maker(region: str) -> Callable[[int, int], str]:
    """(form, four digits) → a number of the region: national, international, with the code alone, bare."""
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    styles = (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164)
    shown = [phonenumbers.format_number(example, style) for style in styles]
    written = [*shown[:2], shown[2][1:], phonenumbers.national_significant_number(example)]
    places = [[at for at, mark in enumerate(text) if mark.isdigit()][-4:] for text in written]

    def make(form: int, tail: int) -> str:
        marks = list(written[form])
        for place, digit in zip(places[form], f"{tail:04d}", strict=True):
            marks[place] = digit
        return "".join(marks)

    return make


def ask_one_by_one(numbers_frame: pl.DataFrame) -> list[tuple[object, ...]]:
    """What the library says of each: E.164, match key, country, validity, code."""
    answers: list[tuple[object, ...]] = []
    for text, region in numbers_frame.iter_rows():
        try:
            phone = parse_phone(text, region)
        except InvalidPhone as problem:
            answers.append((None, None, None, None, problem.code))
        else:
            answers.append((phone.e164, phone.match_key, phone.country, phone.is_valid, None))
    return answers


def measure(title: str, numbers_frame: pl.DataFrame) -> bool:
    """Time both and print. Returns whether they agree."""
    start = time.perf_counter()
    judged_frame = normalise_phones(numbers_frame)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    answers = ask_one_by_one(numbers_frame[::SHARE])
    loop = (time.perf_counter() - start) * SHARE
    found = judged_frame[::SHARE].select("e164", "match_key", "country", "is_valid", "code").rows()
    differing = sum(one != other for one, other in zip(found, answers, strict=True))
    refused = judged_frame["code"].count()
    print(
        f"{title:34} {ours:6.2f} s   loop {loop:6.1f} s   ratio {loop / ours:5.1f}   "
        f"{differing} of {len(answers):,} differ   {refused:,} refused"
    )
    return differing == 0 and len(judged_frame) == len(numbers_frame)


def main() -> int:
    """Measure and print. Returns 1 when a result differs."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    normalise_phones(make_numbers(1_000, abroad=0.0, as_at_home=False))
    ask_one_by_one(make_numbers(1_000, abroad=0.5, as_at_home=True))  # the library loads its metadata
    agree = [
        measure("one market", make_numbers(rows, abroad=0.0, as_at_home=False)),
        measure("10 % abroad", make_numbers(rows, abroad=0.1, as_at_home=False)),
        measure("10 % abroad, a country column", make_numbers(rows, abroad=0.1, as_at_home=True)),
    ]
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    return int(not all(agree))


if __name__ == "__main__":
    raise SystemExit(main())
