"""B4, B5 and B7: what is added before the first request."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environments import makers
from benchmarks.figures import ALONE, BASELINE, NONE, OURS, VARIANTS, Figure, Target
from extension import contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_punch.local import Event


def init(rounds: int) -> Iterator[Figure]:
    """B4 and B5, from the same starts."""
    whole: dict[str, list[float]] = {name: [] for name in VARIANTS}
    registered: dict[str, list[float]] = {BASELINE: [], OURS: []}
    with makers() as make:
        for _ in range(rounds + 1):
            for name in VARIANTS:
                with make[name]() as function:
                    events = list(function.events)
                whole[name].append(moment(events, "init-done") - moment(events, "init-start"))
                if name in registered:
                    registered[name].append(moment(events, "registered") - moment(events, "started"))
    samples = {name: found[1:] for name, found in whole.items()}  # the first writes and caches what others read
    added = {name: [with_ - without for with_, without in zip(samples[name], samples[NONE], strict=True)]
             for name in (BASELINE, OURS, ALONE)}  # fmt: skip
    yield Figure("B4", "init", "ms", samples)
    yield Figure("B4", "init time added", "ms", added, (Target("ratio", 1.25),))
    warm = {name: found[1:] for name, found in registered.items()}
    yield Figure("B5", "from exec to registered", "ms", warm, (Target("ratio", 1.2),))


def moment(events: list[Event], kind: str) -> float:
    return next(event.at for event in events if event.kind == kind) * 1000


def imports(rounds: int) -> Iterator[Figure]:
    """B7: whole processes, in turn; in the function's process the runtime client is there already, so beside both."""
    for case, before in (("beside awslambdaric", "import awslambdaric.bootstrap; "), ("in a bare interpreter", "")):
        samples = processes({NONE: f"{before}pass", OURS: f"{before}import lambda_punch as p; p.start()"}, rounds)
        targets = (Target("more", 6.0, baseline=NONE),) if before else ()
        yield Figure("B7", f"import and start() {case}", "ms", samples, targets)


def processes(code: dict[str, str], rounds: int) -> dict[str, list[float]]:
    """Run each text as a process of its own that believes it is on Lambda, with the extension there."""
    samples: dict[str, list[float]] = {name: [] for name in code}
    with tempfile.TemporaryDirectory() as directory:
        environ = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
            "LAMBDA_PUNCH_DIR": directory,
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }
        for _ in range(rounds + 2):
            for name, text in code.items():
                (Path(directory) / contract.HANDLED_FILE).write_bytes(contract.greeting(os.getpid()))
                begun = time.perf_counter()
                subprocess.run([sys.executable, "-c", text], check=True, env=environ, stdout=subprocess.DEVNULL)
                samples[name].append((time.perf_counter() - begun) * 1000)
    return {name: found[2:] for name, found in samples.items()}
