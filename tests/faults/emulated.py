"""AWS's emulator, for the harness to use as it uses the local Lambda."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.rie.rie import Rie

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Self


class Answer(NamedTuple):
    """What the caller got."""

    error_type: str | None
    value: Any

    def json(self) -> Any:
        return self.value


class Event(NamedTuple):
    """Something that the emulator did."""

    kind: str
    text: str


class Emulated:
    """One function in RIE, with the extensions copied into an /opt of its own."""

    def __init__(
        self, handler: str, *, task_root: Path, extensions: Sequence[Path], env: Mapping[str, str], timeout: float
    ) -> None:
        opt = task_root / "opt"
        (opt / "extensions").mkdir(parents=True)
        for each in extensions:
            shutil.copy(each, opt / "extensions")
        path = f"{task_root}:{env.get('PYTHONPATH', '')}"
        variables = {**env, "PYTHONPATH": path, "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12"}
        command = [sys.executable, "-m", "awslambdaric", handler]
        self._rie = Rie(command, directory=task_root, opt=opt, env=variables, timeout=int(timeout))
        self.events: list[Event] = []

    def __enter__(self) -> Self:
        self._rie.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rie.stop()

    def invoke(self, event: Any) -> Answer:
        """Return when the invoke is over. If a process dies after its answer the status is 502, but the answer is there."""
        text = self._rie.post(event).text
        if "Task timed out" in text:
            self.events.append(Event("timeout", text))
        try:
            value = json.loads(text)
        except ValueError:
            return Answer(text, None)
        return Answer(value["errorType"], None) if isinstance(value, dict) else Answer(None, value)

    def wait_idle(self, timeout: float) -> None:
        """Do nothing: RIE answers its caller when the whole invoke is over."""

    def shutdown(self, *, abandon: bool) -> None:
        assert abandon
        self._rie.clean_up()

    @property
    def logs(self) -> list[tuple[str, str]]:
        return [("rie", line) for line in self._rie.lines]
