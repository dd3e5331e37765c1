"""``lambda-punch cost``: the sums, reckoned by hand."""

from __future__ import annotations

import pytest

from lambda_punch import command
from lambda_punch.command.cost import ways


def test_a_million_requests_with_a_tail_of_100_ms_in_512_mb() -> None:
    here, queue, asynchronous = (way.dollars for way in ways(1_000_000, 100, 512))

    assert here == pytest.approx(50_000 * 0.0000166667)  # GB-seconds
    # 5,000 GB-seconds for sending, three calls of SQS a message, and a million invokes
    assert queue == pytest.approx(55_000 * 0.0000166667 + 3 * 0.40 + 0.20)
    assert asynchronous == pytest.approx(55_000 * 0.0000166667 + 0.20)


def test_batches_and_a_small_second_function_make_the_queue_cheaper() -> None:
    here, queue, _ = (way.dollars for way in ways(10_000_000, 1000, 2048, second_memory=128, batch=10))

    assert here == pytest.approx(20_000_000 * 0.0000166667)
    assert queue == pytest.approx((200_000 + 1_250_000) * 0.0000166667 + 12 * 0.40 + 0.20)


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["cost", "--tail", "100", "--memory", "512"]) == 0
    shown = capsys.readouterr().out

    assert "after the response, in the same environment         0.83" in shown
    assert "Prices of us-east-1" in shown


@pytest.mark.parametrize("words", [["--tail", "-1"], ["--memory", "64"], ["--requests", "inf"], ["--batch-size", "x"]])
def test_values_that_cannot_be(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["cost", *words])
    assert words[0] in capsys.readouterr().err
