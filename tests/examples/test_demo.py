"""The demo, run as `make demo` runs it, and what it says when its claims do not hold."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local import Row, Timeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def finished(shop_root: Path, elsewhere: Path) -> subprocess.CompletedProcess[str]:
    """The demo, run once from some other directory, with its output caught."""
    return subprocess.run(
        [sys.executable, shop_root / "demo.py", "--html", "page.html"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )


def cells(finished: subprocess.CompletedProcess[str], label: str) -> list[str]:
    """Return the two figures of a row of the table."""
    (line,) = (line for line in finished.stdout.splitlines() if line.strip().startswith(label))
    return re.split(r"\s{2,}", line.strip())[1:]


def milliseconds(cell: str) -> float:
    number, unit = cell.split()
    return float(number) * {"ms": 1, "s": 1000}[unit]


@pytest.mark.slow
def test_the_demo_shows_what_it_claims(finished: subprocess.CompletedProcess[str]) -> None:
    """It ends with status 0 and nothing on stderr."""
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stdout


@pytest.mark.slow
def test_every_mail_and_span_arrives_exactly_once(finished: subprocess.CompletedProcess[str]) -> None:
    """14 of 14, with the work before the answer and after it."""
    assert cells(finished, "mails") == ["14 of 14", "14 of 14"]
    assert cells(finished, "spans") == ["14 of 14", "14 of 14"]


@pytest.mark.slow
def test_the_median_falls_by_the_slow_work(finished: subprocess.CompletedProcess[str]) -> None:
    """The callers wait 180 ms less, and the environment works 180 ms after the answer; the machine may be loaded."""
    before, after = map(milliseconds, cells(finished, "the caller waited: median"))
    assert before - after >= 150
    before, after = map(milliseconds, cells(finished, "ran after"))
    assert after - before >= 150


@pytest.mark.slow
def test_both_timelines_are_there(finished: subprocess.CompletedProcess[str]) -> None:
    """Each title is followed by 20 rows; both axes are the same."""
    _, first, second = re.split(r"^\d\. Work (?:before|after) the response.*$", finished.stdout, flags=re.MULTILINE)
    axes = set()
    for part in (first, second):
        assert re.findall(r"^ *#(\d+) ", part, flags=re.MULTILINE) == [str(number) for number in range(1, 21)]
        axes.add(re.search(r"^.*frozen(.*)$", part, flags=re.MULTILINE).group(1))  # type: ignore[union-attr]
    assert len(axes) == 1


@pytest.mark.slow
def test_output_in_a_file_is_plain(finished: subprocess.CompletedProcess[str]) -> None:
    """Without a terminal there are no colours and no line that changes, and 80 columns are enough."""
    assert re.search(r"[^\n -~]", finished.stdout) is None
    assert max(map(len, finished.stdout.splitlines())) <= 80


@pytest.mark.slow
def test_both_runs_are_on_the_page(finished: subprocess.CompletedProcess[str], elsewhere: Path) -> None:
    """It has each request with its jobs, and asks nobody for anything."""
    assert finished.stdout.rstrip().endswith("in one file: page.html")
    text = (elsewhere / "page.html").read_text()
    found = re.search(r'id="saved">(.*?)</script>', text)
    assert found is not None
    requests = [each for each in json.loads(found[1])["records"] if each["kind"] == "request"]
    assert [each["function"] for each in requests] == ["before"] * 20 + ["after"] * 20
    names = {job["name"] for each in requests for job in each["jobs"]}
    assert names == {"mail.send_confirmation", "telemetry.export"}
    assert re.search(r'(src|href)="(?!data:)', text) is None


@pytest.fixture
def quick_demo(load: Callable[[Path, str], Any], shop_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """The demo on a shop that the test may change, without its slowness and its repetitions."""

    def run() -> int:
        demo = load(shop_copy, "demo")
        for name, value in {"MAIL_DELAY": 0.0, "TELEMETRY_DELAY": 0.0, "_SLOW_WORK": 0.0, "_PAUSE": 0.0}.items():
            monkeypatch.setattr(demo, name, value)
        monkeypatch.setattr(demo, "_COLD_STARTS", 1)
        monkeypatch.setattr(sys, "argv", ["demo.py", "--plain"])
        status: int = demo.main()
        return status

    return run


@pytest.mark.slow
def test_a_mail_sent_twice_fails_the_demo(
    quick_demo: Callable[[], int], shop_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A claim that does not hold ends it with status 1, and is named."""
    with (shop_copy / "mail.py").open("a") as module:
        module.write(
            "\n_once = send_confirmation\n\ndef send_confirmation(order):\n    _once(order)\n    _once(order)\n"
        )
    assert quick_demo() == 1
    assert "work after the response: the mail of 0 of 14 orders arrived exactly once" in capsys.readouterr().err


@pytest.mark.slow
def test_a_function_that_fails_ends_the_demo(
    quick_demo: Callable[[], int], shop_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the function wrote to its log is shown, with the wrong answer."""
    app = shop_copy / "app.py"
    app.write_text(app.read_text().replace("method, path = ", "method, path = 1 / 0, "))
    assert quick_demo() == 1
    error = capsys.readouterr().err
    assert "POST /orders was answered by" in error
    assert "ZeroDivisionError" in error


@pytest.mark.slow
def test_a_function_that_cannot_start_ends_the_demo(
    quick_demo: Callable[[], int], shop_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So does one that cannot be imported, with the reason."""
    (shop_copy / "app.py").write_text("import no_such_module\n")
    assert quick_demo() == 1
    assert "no_such_module" in capsys.readouterr().err


@pytest.fixture
def report(load: Callable[[Path, str], Any], shop_root: Path) -> Any:
    return load(shop_root, "report")


@pytest.fixture
def make_run(report: Any) -> Callable[..., Any]:
    """A run of two orders and a read in which everything arrived once, unless the test says otherwise."""

    def make_run(wait: float = 0.0, **different: Any) -> Any:
        rows = [Row(number, "", response=wait, background=0.2) for number in (1, 2, 3)]
        arrived = {"confirmed": [1, 2, None], "mails": [1, 2], "spans": [2, 1], "cold_starts": [0.1]}
        return report.Run(**{"waits": [wait] * 3, "timeline": Timeline(rows), **arrived, **different})

    return make_run


def test_claims_that_hold(report: Any, make_run: Callable[..., Any]) -> None:
    """The median may fall by exactly the slow work, and the order of arrival does not matter."""
    assert report.broken_claims(make_run(0.5), make_run(0.25), slow_work=0.25) == []


def test_a_median_that_does_not_fall_enough(report: Any, make_run: Callable[..., Any]) -> None:
    """There is no tolerance: less than the slow work is not enough."""
    (broken,) = report.broken_claims(make_run(0.5), make_run(0.251), slow_work=0.25)
    assert "fell by 249.0 ms, less than the slow 250 ms" in broken


@pytest.mark.parametrize("mails", [[1, 2, 2], [1], [1, 2, 3], [], [1, 1]])
def test_mails_that_do_not_arrive_exactly_once(report: Any, make_run: Callable[..., Any], mails: list[int]) -> None:
    """Twice, never, and for an order that nobody made: each is named."""
    (broken,) = report.broken_claims(make_run(0.5), make_run(0.0, mails=mails), slow_work=0.25)
    assert broken.startswith("work after the response: the mail of ")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def colored(load: Callable[[Path, str], Any], shop_root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Whether a title on a terminal is coloured."""
    demo = load(shop_root, "demo")

    def colored(*, plain: bool = False, **variables: str) -> bool:
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        terminal = Terminal()
        demo.Screen(terminal, plain=plain).title("title")
        return "\x1b[1m" in terminal.getvalue()

    return colored


def test_colours_are_for_those_who_want_them(colored: Callable[..., bool]) -> None:
    """A terminal gets colours, unless --plain, NO_COLOR or TERM=dumb say otherwise."""
    assert colored()
    assert not colored(plain=True)
    assert not colored(NO_COLOR="1")
    assert not colored(TERM="dumb")
