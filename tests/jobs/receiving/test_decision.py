"""The arithmetic of attempts and waits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_punch._settings import MOST_RETRIES
from lambda_punch.jobs import JobOptionError, exponential
from lambda_punch.jobs.limits import LONGEST_VISIBILITY
from lambda_punch.jobs.queues import NO_REDRIVE, UNKNOWN
from lambda_punch.jobs.receiving.decision import attempt_number, decide, visibility_of_dead
from lambda_punch.jobs.waits import TABLE, least_total

LONG_AGO = float("inf")


@pytest.mark.parametrize(
    ("receives", "thrown_away", "since_first", "number"),
    [
        (1, 0, 0, 1),
        (4, 0, LONG_AGO, 4),
        (4, 1, LONG_AGO, 3),
        (4, 9, LONG_AGO, 1),
        (2, 0, 10, 1),  # the wait before a second attempt is 30 s
        (2, 0, 30, 2),
        (9, 0, 153, 4),  # 30 + 46 + 76
        (13, 0, sum(TABLE), 13),
        (14, 0, sum(TABLE), 14),  # the retries have run out
        (14, 0, sum(TABLE) / 2, 11),
    ],
)
def test_where_only_sqs_counts_a_receive_is_an_attempt_unless_it_is_known_not_to_be(
    receives: int, thrown_away: int, since_first: float, number: int
) -> None:
    """This environment knows it, or the clock shows it."""
    assert attempt_number(receives, thrown_away, 12, since_first, None) == number


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 12), st.floats(0, 1e6))
def test_an_attempt_is_never_more_than_the_receives(receives: int, thrown: int, retries: int, since: float) -> None:
    """And never less than one; time only adds to it."""
    number = attempt_number(receives, thrown, retries, since, None)

    assert 1 <= number <= receives
    assert number <= attempt_number(receives, thrown, retries, since + 100, None)


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(0, 12), st.booleans(), st.floats(-5, 20))
def test_a_failed_job_is_either_tried_again_within_twelve_hours_or_dead_with_a_reason(
    attempt: int, retries: int, retryable: bool, left: float
) -> None:
    decided = decide(attempt=attempt, retries=retries, wait=None, retryable=retryable, receives_left=left)

    assert (decided.wait is not None) == (retryable and attempt <= retries and left > 0)
    assert (decided.wait is None) == bool(decided.reason)
    assert decided.wait is None or 0 <= decided.wait <= LONGEST_VISIBILITY


@pytest.mark.parametrize("spent", [0, 60, 900])
def test_a_dead_message_that_cannot_be_moved_is_left_to_the_redrive_policy(spent: float) -> None:
    """At once with one, as late as SQS allows without one, and unchanged if that is not known."""
    assert visibility_of_dead(13, spent) == 0
    assert visibility_of_dead(UNKNOWN, spent) is None
    assert 42_000 - spent < (visibility_of_dead(NO_REDRIVE, spent) or 0) <= LONGEST_VISIBILITY - spent


@settings(deadline=None)
@given(st.integers(1, 60), st.floats(0.1, 100), st.floats(100, LONGEST_VISIBILITY), st.floats(0, 1))
def test_exponential_waits_stay_between_their_bounds(attempt: int, base: float, cap: float, jitter: float) -> None:
    """Doubling up to the cap, less at most the share that is random."""
    wait = exponential(base=base, cap=cap, jitter=jitter)
    whole = min(base * 2 ** (attempt - 1), cap)

    assert whole * (1 - jitter) <= wait(attempt) <= whole
    assert wait.least(attempt) == whole * (1 - jitter)


@pytest.mark.parametrize(
    "options", [{"base": 0}, {"base": 10, "cap": 5}, {"cap": 50_000}, {"jitter": 1.1}, {"jitter": -1}]
)
def test_exponential_waits_that_cannot_be_are_refused(options: dict[str, float]) -> None:
    """At the declaration."""
    with pytest.raises(JobOptionError, match="exponential"):
        exponential(**options)


def test_a_function_of_waits_gives_no_evidence() -> None:
    """It is not known what it would have returned."""
    assert least_total(9, lambda attempt: attempt) == 0
    assert least_total(3, exponential(base=10, jitter=0)) == 30


def test_the_table_has_a_wait_for_each_retry_that_can_be_asked_for() -> None:
    """The option stands in the table of settings, the waits in a file that a function without jobs does not load."""
    assert len(TABLE) == MOST_RETRIES
