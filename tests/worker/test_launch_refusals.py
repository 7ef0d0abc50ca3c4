"""What a launch refuses, with the figures, and that a refusal changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from engine.clock import to_ms, to_store
from engine.contacts import key_from_int
from engine.errors import (
    InputError,
    InvalidTemplate,
    MessagingLimitReached,
    MissingParameter,
    NotConfirmed,
    NotFound,
    QueueUnavailable,
    StateError,
    UlakError,
)
from engine.live import STORE, channel_key, portfolio_key, windows_key
from engine.segments import Audience, Comparison, FacetChoice, Segment, Selection
from engine.settings import load_settings
from engine.templates import Binding
from engine.warehouse import Warehouse
from tests.engine.operations_world import (
    CHANNEL,
    NOW,
    PAUSED,
    PLAIN,
    PORTFOLIO,
    WELCOME,
    World,
    add_contacts,
    make_world,
)


@pytest.fixture
def world(warehouse: Warehouse, live: redis.Redis) -> World:
    """Ten contacts."""
    made = make_world(warehouse, live, load_settings())
    add_contacts(warehouse, [{}] * 10)
    return made


def refused(world: World, operation_id: str, **arguments: object) -> UlakError:
    """The error of a launch, after which everything is as before."""
    with pytest.raises(UlakError) as caught:
        world.launch(operation_id, **arguments)
    assert world.state(operation_id) == "draft"
    assert not world.snapshot(operation_id).exists()
    assert world.rung == []
    return caught.value


def test_no_channel_or_no_template_is_chosen(world: World) -> None:
    assert isinstance(refused(world, world.draft(channel_id=None)), InputError)
    assert isinstance(refused(world, world.draft(template_name=None)), InputError)


def test_an_unknown_channel_or_template(world: World) -> None:
    assert isinstance(refused(world, world.draft(channel_id="ch-9")), NotFound)
    assert isinstance(refused(world, world.draft(template_name="gone")), NotFound)


def test_an_archived_channel_sends_nothing(world: World) -> None:
    operation_id = world.draft()
    world.warehouse.cursor().execute("UPDATE channels SET archived_at = ?", [to_store(NOW)])
    assert isinstance(refused(world, operation_id), NotFound)


def test_a_template_that_is_not_approved_says_why(world: World) -> None:
    problem = refused(world, world.draft(PAUSED))
    assert isinstance(problem, InvalidTemplate)
    assert (problem.name, problem.language) == (PAUSED, "en")
    assert problem.reason


@pytest.mark.parametrize("bindings", [{}, {"body:1": Binding.of(" ")}], ids=["unbound", "blank"])
def test_an_empty_slot_is_named(world: World, bindings: dict[str, Binding]) -> None:
    problem = refused(world, world.draft(bindings=bindings))
    assert isinstance(problem, MissingParameter)
    assert problem.key == "body:1"


def test_a_template_edited_since_must_be_looked_at_again(world: World) -> None:
    assert isinstance(refused(world, world.draft(template_hash="older")), StateError)


def test_a_halted_channel(world: World) -> None:
    world.client.hset(channel_key(CHANNEL), mapping={"state": "halted", "cause": "190"})
    problem = refused(world, world.draft())
    assert isinstance(problem, StateError)
    assert problem.cause == "190"


@pytest.mark.parametrize("missing", ["suppressions", "epoch"])
def test_nothing_is_sent_without_the_copy_in_redis(world: World, missing: str) -> None:
    world.client.hdel(STORE, missing)
    assert isinstance(refused(world, world.draft()), StateError)


def test_redis_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    operation_id = world.draft()
    world.client = redis.Redis(unix_socket_path="/nowhere.sock")
    assert isinstance(refused(world, operation_id), QueueUnavailable)


def test_nobody_to_send_to(world: World) -> None:
    world.warehouse.cursor().execute("UPDATE contacts SET consent = 'opted_out'")
    assert isinstance(refused(world, world.draft(), confirmed_count=0), StateError)


def test_everybody_is_never_meant_by_accident(world: World) -> None:
    operation_id = world.draft(audience=Audience())
    for number in (None, 9, 11):
        problem = refused(world, operation_id, confirmed_count=number)
        assert isinstance(problem, NotConfirmed)
        assert problem.count == 10
    assert world.launch(operation_id, confirmed_count=10).fresh is True


@pytest.mark.parametrize(
    "audience",
    [
        Audience(segment=Segment(facets={"city": FacetChoice(include=frozenset({"Ankara"}))})),
        Audience(segment=Segment(rule=Comparison(field="city", operator="equals", value="Ankara"))),
        Audience(selection=Selection.only(frozenset({1, 2}))),
    ],
    ids=["facet", "rule", "selection"],
)
def test_a_narrowed_audience_needs_no_number_but_a_wrong_one_is_refused(world: World, audience: Audience) -> None:
    operation_id = world.draft(audience=audience)
    assert isinstance(refused(world, operation_id, confirmed_count=3), NotConfirmed)
    assert world.launch(operation_id).fresh is True


def limited(world: World, limit: int, *, used: int = 0) -> None:
    """A limit, some of it used by people who are no contacts."""
    world.client.hset(portfolio_key(PORTFOLIO), "limit", limit)
    for number in range(used):
        score = to_ms(NOW + timedelta(hours=1))
        world.client.zadd(portfolio_key(PORTFOLIO, "places"), {number.to_bytes(8, "big"): score})


def people(world: World, count: int) -> list[bytes]:
    """Person keys of the first contacts."""
    rows = world.warehouse.cursor().execute("SELECT person_key FROM contacts ORDER BY contact_id").fetchall()
    return [key_from_int(row[0]) for row in rows[:count]]


def test_more_people_than_the_limit_leaves_is_refused_with_both_numbers(world: World) -> None:
    limited(world, 12, used=4)
    problem = refused(world, world.draft())
    assert isinstance(problem, MessagingLimitReached)
    assert (problem.left, problem.wanted) == (8, 10)


def test_a_place_that_has_ended_is_free_again(world: World) -> None:
    limited(world, 10)
    world.client.zadd(portfolio_key(PORTFOLIO, "places"), {b"12345678": to_ms(NOW)})
    assert world.launch(world.draft()).fresh is True


def test_people_in_an_open_window_or_with_a_place_need_no_new_one(world: World) -> None:
    limited(world, 10, used=5)
    first, second = people(world, 2)
    world.client.zadd(portfolio_key(PORTFOLIO, "places"), {first: to_ms(NOW + timedelta(hours=1))})
    world.client.hset(windows_key(CHANNEL), second, to_ms(NOW + timedelta(hours=1)))
    problem = refused(world, world.draft())
    assert (problem.left, problem.wanted) == (4, 8)
    for person in people(world, 8)[2:]:
        world.client.hset(windows_key(CHANNEL), person, to_ms(NOW + timedelta(hours=1)))
    assert world.launch(world.draft()).fresh is True


def test_a_window_about_to_close_spares_no_place(world: World) -> None:
    limited(world, 9)
    for person in people(world, 10):
        world.client.hset(windows_key(CHANNEL), person, to_ms(NOW + timedelta(seconds=90)))
    assert isinstance(refused(world, world.draft()), MessagingLimitReached)


def test_an_unlimited_portfolio_refuses_nobody(world: World) -> None:
    limited(world, -1, used=3)
    assert world.launch(world.draft(PLAIN)).recipient_count == 10


def test_an_edit_between_check_and_record_is_noticed(world: World) -> None:
    operation_id = world.draft(WELCOME)

    def edit(step: str) -> None:
        if step == "frozen":
            world.warehouse.cursor().execute("UPDATE operations SET draft = '{}'")

    with pytest.raises(StateError):
        world.launch(operation_id, after_step=edit)
    assert world.state(operation_id) == "draft"
