"""The provider's error codes: one table, and what follows from each."""

from __future__ import annotations

import pytest

from engine.channels import ACTION_LABELS, classify
from engine.channels.errors_table import TABLE


@pytest.mark.parametrize(
    ("codes", "action"),
    [
        ((0, 3, 10, 104, 190, 200, 299, 131005, 368, 131031, 131042, 131045, 133010, 131048, 131064), "halt_channel"),
        ((131055, 131061, 131063, 132001, 132007, 132015, 132016, 134100, 141002), "halt_operation"),
        ((132000, 132012, 131008, 100), "template_error"),
        ((131026, 130472, 130403, 130497, 131047, 132005, 131021, 132018, 131030), "skip"),
        ((131050,), "suppress"),
        ((4, 80007, 130429, 131056, 131049, 131000, 131016, 2, 1, 131057, 133004, 134101), "retry"),
        ((999999, -1, 300, 7), "halt_operation"),
    ],
)
def test_a_code_leads_to_its_action(codes: tuple[int, ...], action: str) -> None:
    assert {code: classify(code).action for code in codes} == dict.fromkeys(codes, action)


def test_every_rule_explains_itself_and_only_retries_wait() -> None:
    for rule in TABLE.values():
        assert rule.meaning
        assert rule.action in ACTION_LABELS
        assert bool(rule.delays_ms) is (rule.action == "retry")


def test_the_same_person_is_tried_again_after_powers_of_four() -> None:
    assert [classify(131056).delay_ms(tries) for tries in (1, 2, 3, 4)] == [1_000, 4_000, 16_000, 64_000]


def test_what_was_held_back_waits_a_day_and_is_tried_twice_more_at_most() -> None:
    rule = classify(131049)
    assert rule.delay_ms(1) >= 24 * 3_600_000
    assert rule.max_tries <= 3


def test_marketing_that_never_arrives_in_the_us_is_not_tried_again_there() -> None:
    assert classify(131049, country="US").action == "skip"
    assert classify(131049, country="TR").action == "retry"


def test_waiting_grows_and_stays_at_its_longest() -> None:
    for rule in TABLE.values():
        assert list(rule.delays_ms) == sorted(rule.delays_ms)
        assert rule.delay_ms(99) == (rule.delays_ms[-1] if rule.delays_ms else 0)


def test_one_code_stands_once_in_the_table() -> None:
    assert all(code == rule.code for code, rule in TABLE.items())
