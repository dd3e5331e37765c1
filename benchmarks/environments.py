"""The four variants as environments of the local Lambda, invoked in turn: A B C D, A B C D, ..."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import ALONE, BASELINE, NONE, OURS
from lambda_punch.installer import staged
from lambda_punch.local import Invocation, LocalLambda

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.commits import Commit

FUNCTIONS = Path(__file__).parent / "functions"


@contextmanager
def makers(others: Mapping[str, Commit] | None = None, **options: Any) -> Iterator[dict[str, Any]]:
    """Yield, for each variant, a function that makes its environment (not started).

    ``others`` are variants more: the library and the extension of other commits.
    """
    with ExitStack() as stack:
        ours = stack.enter_context(staged())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        baseline = do_nothing(ours, folder)

        def maker(handler: str, *extensions: Path, **env: str) -> Any:
            return lambda: LocalLambda(
                handler,
                task_root=FUNCTIONS,
                extensions=extensions,
                python=sys.executable,
                timeout=options.get("timeout", 10.0),
                freeze=options.get("freeze", True),
                memory_size=options.get("memory_size", 128),
                env={"LAMBDA_PUNCH_DIR": tempfile.mkdtemp(dir=folder), **env},
            )

        yield {
            NONE: maker("plain.handler"),
            BASELINE: maker("plain.handler", baseline),
            OURS: maker("punched.handler", ours),
            ALONE: maker("punched.handler"),
            **{
                name: maker("punched.handler", commit.extension, PYTHONPATH=str(commit.tree))
                for name, commit in (others or {}).items()
            },
        }


def do_nothing(ours: Path, folder: Path) -> Path:
    """Make the do-nothing extension in ``folder``, for the very same interpreter as ours, and return its path."""
    baseline = folder / "do-nothing"
    script = (FUNCTIONS / "do-nothing").read_text().partition("\n")[2]
    baseline.write_text(f"{ours.read_text().partition(chr(10))[0]}\n{script}")
    shutil.copymode(ours, baseline)
    return baseline


@contextmanager
def environments(**options: Any) -> Iterator[dict[str, LocalLambda]]:
    """Yield one started environment for each variant."""
    with makers(**options) as make, ExitStack() as stack:
        yield {name: stack.enter_context(make[name]()) for name in make}


def take_turns(
    functions: dict[str, LocalLambda], event: dict[str, Any], *, rounds: int, turn: float
) -> dict[str, list[Invocation]]:
    """Invoke each environment once a round; a turn lasts at least ``turn`` seconds, the same for all.

    Each round has another order, because one that always came after the same other would always find its caches.
    """
    invocations: dict[str, list[Invocation]] = {name: [] for name in functions}
    order = random.Random(0)  # noqa: S311 - no secret
    for _ in range(rounds):
        for name in order.sample(list(functions), len(functions)):
            function = functions[name]
            begun = time.monotonic()
            invocations[name].append(function.invoke(event))
            function.wait_idle(timeout=30)
            time.sleep(max(0.0, begun + turn - time.monotonic()))
    return invocations


def latency(invocations: list[Invocation]) -> list[float]:
    """What the callers waited, in milliseconds."""
    return [(each.responded_at - each.sent_at) * 1000 for each in invocations]


def pid_of(function: LocalLambda) -> int:
    if function.runtime_pid is None:
        raise RuntimeError("the runtime has ended")
    return function.runtime_pid


def memory_kb(pid: int) -> float:
    """The pages that a process alone holds (USS), in kB."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return float(sum(int(line.split()[1]) for line in rollup if line.startswith("Private_")))
