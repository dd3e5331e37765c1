"""The same programs on RIE and on the local Lambda, and what each of them saw, made comparable.

A record is a dictionary; ``who`` is the program, how often it has been started by then, and the thread if it is not the
main one.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

from lambda_punch.local import LocalLambda

from .client import CLIENT, ECHO, FOLLOW
from .rie import Rie, wait_until

Record = dict[str, Any]
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=53995c3f42cd8ad8;Sampled=1"


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Programs, and what the function is invoked with. ``handler`` is run by awslambdaric, ``runtime`` is raw."""

    runtime: str = ECHO
    extensions: dict[str, str] = dataclasses.field(default_factory=lambda: {"watcher": FOLLOW})
    events: tuple[Any, ...] = (1,)
    timeout: int = 3
    init_timeout: float = 10.0
    trace: str | None = TRACE
    handler: str | None = None
    mode: int = 0o755
    timed: bool = False
    """Whether it shows a duration in which the platforms differ; a busy machine may hide that, so it is run again."""

    def write(self, directory: Path) -> list[str]:
        """Write the programs below ``directory``; return the runtime's command."""
        for name, body in self.extensions.items():
            path = directory / "opt" / "extensions" / name
            path.write_text(f"#!{sys.executable} -IS\n{CLIENT}\n{textwrap.dedent(body)}")
            path.chmod(self.mode)
        if self.handler is not None:
            (directory / "app.py").write_text(CLIENT.replace("sys.argv[0]", "'app'") + textwrap.dedent(self.handler))
            return [sys.executable, "-m", "awslambdaric", "app.handler"]
        (directory / "runtime").write_text(f"{CLIENT}\n{textwrap.dedent(self.runtime)}")
        return [sys.executable, "-IS", str(directory / "runtime")]


class Run:
    """One scenario on one platform: everything that anybody saw."""

    def __init__(self, scenario: Scenario, directory: Path) -> None:
        self.scenario = scenario
        self.directory = directory
        (directory / "opt" / "extensions").mkdir(parents=True)
        self.command = scenario.write(directory)
        self._callers: list[Record] = []
        self._platform: list[Record] = []

    @property
    def variables(self) -> dict[str, str]:
        """What the programs need in their environment."""
        return {"RECORD": str(self.directory / "record"), "PYTHONPATH": str(self.directory)}

    @property
    def records(self) -> list[Record]:
        """What the programs wrote down, in order."""
        file = self.directory / "record"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def answered(self, body: bytes, content_type: str, *, failed: bool) -> None:
        """Note what a caller got, and whether the platform says that it failed to run the function."""
        try:
            shown = json.loads(body)
        except ValueError:
            shown = body.decode()[:400]
        self._callers.append(
            {"at": time.monotonic(), "body": shown, "content_type": content_type, "platform's fault": failed}
        )

    def note(self, fact: str, value: object) -> None:
        """Note something about the platform itself."""
        self._platform.append({"who": "platform", "fact": fact, "value": value})

    def look_at_processes(self) -> None:
        """Note whether what has been started stands still now, once nothing is due."""
        living = [each for each in self.records if each.get("fact") == "start" and _state(each["value"]) not in "ZX"]
        for each in sorted(living, key=lambda each: each["who"]):
            wait_until(functools.partial(_rests, each["value"]), 3, lambda: "it neither stands nor waits")
            self.note(f"{each['who']} is stopped", _state(each["value"]) == "T")

    def look_after_the_end(self) -> None:
        """Note which of the children that the programs speak of live on."""
        for child in [each["value"] for each in self.records if each.get("fact") == "child"]:
            self.note("a detached child lives on", _state(child) not in "ZX")
        beat = self.directory / "record.beat"
        if beat.exists():
            lasted = float(beat.read_text())
            self.note("seconds from SIGTERM to SIGKILL", min((0.3, 0.5, 0.6), key=lambda each: abs(each - lasted)))

    def result(self) -> dict[str, Any]:
        """Everything, as one flat dictionary of comparable values."""
        records = self.records
        done = [each["at"] for each in records if each.get("fact") == "done"]
        callers = []
        for number, caller in enumerate(self._callers):
            when = {"before the extension was done": caller.pop("at") < done[number]} if number < len(done) else {}
            callers.append({"who": "caller", **caller, **when})
        flat: dict[str, Any] = {}
        counts: dict[str, int] = {}
        for each in [*callers, *self._platform, *records]:
            who = each.pop("who")
            each.pop("at", None)
            number = counts[who] = counts.get(who, 0) + 1
            label = each.pop("call", None) or each.pop("fact", "answer")
            _flatten(f"{who} {number} {label}", each, flat)
        return _normal(flat, self.directory)


def on_rie(scenario: Scenario, directory: Path) -> dict[str, Any]:
    """Run a scenario on RIE, up to a SIGTERM to it."""
    run = Run(scenario, directory)
    handler = {"AWS_LAMBDA_FUNCTION_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": str(directory)}
    variables = {**run.variables, **handler}
    opt = directory / "opt"
    rie = Rie(run.command, directory=directory, opt=opt, env=variables, timeout=scenario.timeout)
    try:
        rie.start()
        run.note("started before the first invoke", _started(run))
        for event in scenario.events:
            response = rie.post(event, headers={"X-Amzn-Trace-Id": scenario.trace} if scenario.trace else None)
            content_type = response.headers.get("Content-Type", "")
            run.answered(response.content, content_type, failed=response.status_code == 502)
        run.look_at_processes()
        assert rie.stop() == 0
        run.look_after_the_end()
    finally:
        rie.clean_up()
    return run.result()


def on_local(scenario: Scenario, directory: Path) -> dict[str, Any]:
    """Run a scenario on the local Lambda, up to its shutdown."""
    run = Run(scenario, directory)
    local = LocalLambda(
        "app.handler",
        task_root=directory,
        extensions=[directory / "opt" / "extensions" / name for name in scenario.extensions],
        timeout=scenario.timeout,
        init_timeout=scenario.init_timeout,
        env=run.variables,
        runtime_command=None if scenario.handler is not None else run.command,
        function_name="test_function",
    )
    with local:
        run.note("started before the first invoke", _started(run))
        for event in scenario.events:
            answer = local.invoke(event, trace_id=scenario.trace)
            failed = (answer.error_type or "").startswith(("Sandbox.", "Extension.", "Runtime.Exit"))
            run.answered(answer.payload, answer.content_type, failed=failed)
            local.wait_idle(10)
        run.look_at_processes()
    run.look_after_the_end()
    return run.result()


def _started(run: Run) -> list[str]:
    return sorted(each["who"] for each in run.records if each.get("fact") == "start")


def _rests(pid: int) -> bool:
    return _state(pid) in "TSZX"


def _state(pid: int) -> str:
    """Return the letter of a process's state, X if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return "X"


def _flatten(path: str, value: object, into: dict[str, Any]) -> None:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            _flatten(f"{path}: {key}", each, into)
    else:
        into[path] = value


def _normal(flat: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Replace what differs from run to run by words: ids, times, ports, directories."""
    ids: dict[str, str] = {}

    def text(value: str) -> str:
        value = value.replace(str(directory), "<directory>")
        value = re.sub(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]", "<trace>", value)
        pattern = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        return re.sub(pattern, lambda match: ids.setdefault(match[0], "<id>"), value)

    def normal(path: str, value: Any) -> Any:
        if "deadline" in path.lower():
            return "<deadline>"
        if path.endswith((" start: value", " child: value")):
            return "<pid>"
        if isinstance(value, list):
            return [normal(path, each) for each in value]
        return text(value) if isinstance(value, str) else value

    return {text(path): normal(path, value) for path, value in flat.items()}
