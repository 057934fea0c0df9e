"""Silence is what one process saw without a break."""

import pytest

from workflows.execution.sightings import Sightings


@pytest.fixture
def seen():
    """Give sightings with a patience of 30 s, and a function that looks after some seconds."""
    now = [1000.0]
    sightings = Sightings(30, clock=lambda: now[0])

    def after(seconds, **things):
        now[0] += seconds
        return sightings.look(things)

    return sightings, after


def test_what_is_seen_first_was_not_seen_to_be_silent(seen):
    assert seen[1](5, a=1) == {"a": 0}


def test_silence_grows_until_something_changes(seen):
    _, after = seen
    after(5, a=1, b=1)
    assert after(10, a=1, b=1) == {"a": 10, "b": 10}
    assert after(10, a=1, b=2) == {"a": 20, "b": 0}


def test_a_watch_that_was_interrupted_begins_anew(seen):
    _, after = seen
    after(5, a=1)
    after(20, a=1)
    assert after(31, a=1) == {"a": 0}


def test_what_was_away_begins_anew(seen):
    _, after = seen
    after(5, a=1)
    after(10)
    assert after(10, a=1) == {"a": 0}


def test_after_a_while_in_which_nobody_could_speak_everything_begins_anew(seen):
    sightings, after = seen
    after(5, a=1)
    after(10, a=1)
    sightings.forget()
    assert after(10, a=1) == {"a": 0}
