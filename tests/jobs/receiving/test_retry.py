"""The arithmetic of attempts and waits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_punch.jobs import JobOptionError, exponential
from lambda_punch.jobs.limits import LONGEST_VISIBILITY
from lambda_punch.jobs.receiving.retry import NO_REDRIVE, UNKNOWN, attempt_number, decide
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
def test_a_receive_is_an_attempt_unless_it_is_known_not_to_be(
    receives: int, thrown_away: int, since_first: float, number: int
) -> None:
    """Known by this environment, or by the clock."""
    assert attempt_number(receives, thrown_away, 12, since_first, None) == number


@pytest.mark.parametrize("receives", range(3, 14))
def test_a_message_on_its_way_to_the_dead_letter_queue_stays_out_of_retries(receives: int) -> None:
    """Its last receives come at once, and that must not look like attempts that never were."""
    assert attempt_number(receives, 0, 1, 30, None) == receives


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 12), st.floats(0, 1e6))
def test_an_attempt_is_never_more_than_the_receives(receives: int, thrown: int, retries: int, since: float) -> None:
    """And never less than one; time only adds to it."""
    number = attempt_number(receives, thrown, retries, since, None)

    assert 1 <= number <= receives
    assert number <= attempt_number(receives, thrown, retries, since + 100, None)


@settings(deadline=None)
@given(
    st.integers(1, 20), st.integers(1, 1000), st.integers(0, 12), st.sampled_from([UNKNOWN, NO_REDRIVE, 1, 5, 13, 1000]),
    st.floats(0, 900), st.booleans(),
)  # fmt: skip
def test_a_failed_message_always_comes_back_within_twelve_hours(
    attempt: int, receives: int, retries: int, max_receives: int, spent: float, retryable: bool
) -> None:
    """Whatever is decided, the visibility is one that SQS takes, and a reason is there if it stops."""
    decision = decide(
        attempt=attempt, receives=receives, retries=retries, max_receives=max_receives, wait=None, spent=spent,
        retryable=retryable,
    )  # fmt: skip

    assert decision.visibility is None or 0 <= decision.visibility <= LONGEST_VISIBILITY - spent
    assert decision.again == (retryable and attempt <= retries and not 0 < max_receives <= receives)
    assert decision.again != bool(decision.reason)
    if not decision.again:
        assert (decision.visibility == 0) == (max_receives > 0)


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
    """Where they are declared."""
    with pytest.raises(JobOptionError, match="exponential"):
        exponential(**options)


def test_a_function_of_waits_gives_no_evidence() -> None:
    """Nobody knows what it would have said."""
    assert least_total(9, lambda attempt: attempt) == 0
    assert least_total(3, exponential(base=10, jitter=0)) == 30
