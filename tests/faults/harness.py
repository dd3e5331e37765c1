"""One function with its extension in the local Lambda, one fault, and the promises that must hold despite it."""

from __future__ import annotations

import os
import re
import resource
import select
import shutil
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_punch.local import LocalLambda

from .points import DELETED, DESCRIPTORS, DISK, EXTENSION, FREEZE, HEIR, INVOKE, KILL_EXTENSION, KILL_RUNTIME, RUNTIME
from .points import SHUTDOWN as SHUTDOWN_PHASE

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.local import Invocation

    from .points import Point

ROOT = Path(__file__).parent.parent.parent
TIMEOUT, MARGIN = 4.0, 2.5  # seconds; what a request pushes after 1.5 s is left for the shutdown
FROZEN = 0.4
APP = f"""
import os, signal, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
import hooks
import awslambdaric.lambda_runtime_client
import lambda_punch as punch
home = os.getpid()
if os.environ["FAULT_ARM"] == "early":
    hooks.arm("runtime")
    hooks.here("in the module")
punch.start()
if os.environ["FAULT_ARM"] != "early":
    hooks.arm("runtime")
hooks.here("at the end of the module")

def work(name):
    hooks.say(f"begin {{name}}")
    if os.getpid() == home:
        hooks.here("job begins")
    else:
        hooks.here("heir is in a job")
    time.sleep(0.05)
    hooks.say(f"end {{name}}")

def push(name):
    punch.push(work, name)
    hooks.say(f"pushed {{name}}")

@punch.handler
def handler(event, context):
    hooks.here("handler begins")
    if event["late"]:
        time.sleep({TIMEOUT - MARGIN + 0.1})
    for name in event["jobs"]:
        push(name)
    hooks.here("handler has pushed")
    return event["name"]
"""
DO_NOTHING = """#!{python}
import os, sys
sys.path.append({root!r})
from extension import api
lambda_ = api.ExtensionsApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
lambda_.register("do-nothing", ["INVOKE", "SHUTDOWN"])
while True:
    lambda_.ask_next()
    if b"SHUTDOWN" in lambda_.receive_event():
        break
"""
LAUNCHER = """#!{python} -IS
import sys
home = {home!r}
sys.path += [home, {hooks!r}]
import hooks
from extension import main, loop, drain
hooks.arm("extension")
main.main({home!r} + "/../extensions/lambda-punch")
"""
_LOST = re.compile(r"(\d+) jobs? lost \(app\.work\): ")


class Controller:
    """Listens to the hooks in the processes, and strikes when one of them has reached its point."""

    def __init__(self, path: str, strike: Callable[[int], None]) -> None:
        self.notes: list[str] = []
        self.pids: dict[str, int] = {}
        self.struck = threading.Event()
        self._strike = strike
        self._path = path
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._server.bind(path)
        self._server.listen(16)
        self._connections: list[socket.socket] = []
        self._stopping, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def allow(self) -> None:
        """Allow the fault from now on."""
        Path(f"{self._path}.armed").touch()

    def hear_out(self) -> None:
        """Read everything that was told, also by processes that have ended. Nothing is read after this."""
        if self._thread.is_alive():
            os.close(self._stop)
            self._thread.join()

    def close(self) -> None:
        self.hear_out()
        os.close(self._stopping)
        for each in (self._server, *self._connections):
            each.close()

    def _listen(self) -> None:
        while True:
            ready, _, _ = select.select([self._server, self._stopping, *self._connections], [], [])
            for each in ready:
                if each is self._server:
                    self._connections.append(self._server.accept()[0])
                elif isinstance(each, socket.socket):
                    self._hear(each)
            if self._stopping in ready and len(ready) == 1:
                return

    def _hear(self, connection: socket.socket) -> None:
        try:
            words = connection.recv(4096).decode().split(" ", 1)
        except ConnectionResetError:
            return  # it ended before it read our reply; what it had told comes after this error
        except OSError:
            words = []
        if len(words) < 2:
            self._connections.remove(connection)
            connection.close()
        elif words[0] == "note":
            self.notes.append(words[1])
        elif words[0] == "at" and not self.struck.is_set():
            self.struck.set()
            self._strike(int(words[1]))
            _reply(connection)
        elif words[0] == "at":
            _reply(connection)
        else:
            self.pids[words[0]] = int(words[1])

    def about(self, what: str) -> list[str]:
        """Return what was told of ``what``: the names of the jobs, or the points passed."""
        return [text.partition(" ")[2] for text in self.notes if text.startswith(f"{what} ")]


def _reply(connection: socket.socket) -> None:
    try:
        connection.send(b"go on")
    except OSError:
        pass  # it has died


def do_nothing(directory: Path) -> Path:
    """Write an extension that knows nothing of lambda-punch."""
    path = directory / "do-nothing"
    path.write_text(DO_NOTHING.format(python=sys.executable, root=str(ROOT)))
    path.chmod(0o755)
    return path


class Environment:
    """The function, its extension, and the fault that will come.

    Without ``extension`` a do-nothing extension takes its place, because Lambda sends SIGTERM only where there is one.
    ``platform`` is LocalLambda, or something with the same methods.
    """

    def __init__(
        self,
        directory: Path,
        extension: Path | None,
        options: dict[str, str],
        *,
        early: bool,
        platform: Callable[..., Any] = LocalLambda,
    ) -> None:
        self.directory = directory
        self.fault = ""
        self.point: Point | None = None
        self.alone = extension is None
        self.controller = Controller(str(directory / "control"), self._strike)
        (directory / "app.py").write_text(APP)
        env = {
            "FAULT": ";".join(f"{name}={value}" for name, value in options.items()),
            "FAULT_SOCKET": str(directory / "control"),
            "FAULT_ARM": "early" if early else "late",
            "LAMBDA_PUNCH_DIR": str(directory / "meet"),
            "LAMBDA_PUNCH_MARGIN": str(MARGIN),
            "PYTHONPATH": str(ROOT),
        }
        self.options: dict[str, Any] = {
            "task_root": directory,
            "extensions": [do_nothing(directory) if extension is None else self._launcher(extension)],
            "env": env,
            "timeout": TIMEOUT,
        }
        self.function = self.later = platform("app.handler", **self.options)
        self.answers: list[tuple[str, Any]] = []
        self.expected: list[tuple[str, Any]] | None = None
        self.on_allow: Callable[[], object] = bool

    def _launcher(self, extension: Path) -> Path:
        """Write a launcher like the installed one that arms the hooks first."""
        home = extension.parent.parent / "lambda-punch"
        launcher = self.directory / "extensions" / "lambda-punch"
        launcher.parent.mkdir()
        text = LAUNCHER.format(python=sys.executable, home=str(home), hooks=str(Path(__file__).parent))
        launcher.write_text(text)
        launcher.chmod(0o755)
        return launcher

    # -- what happens in order -----------------------------------------------------------------------------------------

    def invoke(self, name: str, jobs: int, *, late: bool = False) -> Invocation:
        event = {"name": name, "jobs": [f"{name}-{number}" for number in range(jobs)], "late": late}
        answer = self.function.invoke(event)
        self.answers.append((name, answer.error_type or answer.json()))
        return answer

    def run(self) -> None:
        """Invoke once to warm up, once for the fault to hit, and once or twice more; then shut down."""
        with self.function:
            self.invoke("warm", 1)
            self.function.wait_idle(timeout=15)
            self.controller.allow()
            self.on_allow()
            self.invoke("hit", 3)
            self.function.wait_idle(timeout=15)
            self.invoke("next", 1)
            self.function.wait_idle(timeout=15)
            if self.answers[-1][1] in ("Extension.Crash", "Runtime.ExitError"):
                # it died between two invokes, so Lambda fails the next one and serves the one after
                self.invoke("after", 1)
                self.function.wait_idle(timeout=15)

    def run_init(self) -> None:
        """Allow the fault from the beginning, then invoke three times."""
        self.controller.allow()
        with self.function:
            for name in ("first", "second", "third"):
                self.invoke(name, 2)
                self.function.wait_idle(timeout=15)

    def run_shutdown(self) -> None:
        """Leave jobs for the shutdown, and allow the fault there."""
        with self.function:
            self.invoke("warm", 1)
            self.function.wait_idle(timeout=15)
            self.invoke("hit", 6, late=True)
            self.function.wait_idle(timeout=15)
            self.controller.allow()
        if self.fault == KILL_EXTENSION:
            # nobody is left to name the lost jobs, until Lambda uses the environment again and the next extension does
            with LocalLambda("app.handler", **self.options) as successor:
                self.later = successor

    # -- the fault -----------------------------------------------------------------------------------------------------

    def _strike(self, pid: int) -> None:  # noqa: C901 - one branch for each fault
        """Bring the fault about while the process ``pid`` waits at the point."""
        runtime, extension = self.controller.pids.get(RUNTIME), self.controller.pids.get(EXTENSION)
        everyone = [each for each in {pid, runtime, extension} if each]
        if self.fault == KILL_RUNTIME:
            in_heir = self.point is not None and self.point.process == HEIR
            _signal(pid if in_heir else runtime, signal.SIGKILL)
        elif self.fault == KILL_EXTENSION:
            _signal(extension, signal.SIGKILL)
        elif self.fault == FREEZE:
            for each in everyone:
                _signal(each, signal.SIGSTOP)
            threading.Event().wait(FROZEN)
            for each in everyone:
                _signal(each, signal.SIGCONT)
        elif self.fault == DESCRIPTORS:
            for each in everyone:
                _limit(each, resource.RLIMIT_NOFILE, _lowest_free_descriptor(each))
        elif self.fault == DISK:
            for each in everyone:
                _limit(each, resource.RLIMIT_FSIZE, 0)
        elif self.fault == DELETED:
            shutil.rmtree(self.directory / "meet", ignore_errors=True)

    # -- what must hold ------------------------------------------------------------------------------------------------

    def violations(self) -> list[str]:
        """Return each broken promise in words, and the logs with it; nothing if all promises hold."""
        told = self.controller
        told.hear_out()
        found = [] if told.struck.is_set() else ["the fault was not reached"]
        if self.expected is not None:
            found += [] if self.answers == self.expected else [f"answers: {self.answers}, without us {self.expected}"]
        else:
            found += [f"{name} was answered with {what}" for name, what in self.answers if not self._fits(name, what)]
        found += [f"an invoke hung: {event}" for event in self.function.events if event.kind == "timeout"]
        pushed, begun, ended = told.about("pushed"), told.about("begin"), told.about("end")
        found += [f"{name} ran {begun.count(name)} times" for name in set(begun) if begun.count(name) > 1]
        undone = [name for name in pushed if name not in ended]
        reports = [int(match[1]) for _, line in self._logs if (match := _LOST.search(line))]
        # killed without an extension: by the fault, or by Lambda if it was frozen for all of its 0.3 s
        killed = self.fault == KILL_RUNTIME or (self.fault == FREEZE and self._phase == SHUTDOWN_PHASE)
        if sum(reports) != len(undone) and not (self.alone and killed):
            found.append(f"of {len(pushed)} jobs {undone} were not done, {reports} were reported")
        last = self.answers[-1][0]
        if last != "hit" and not any(name.startswith(last) for name in ended):
            found.append(f"the job of {last} did not run")
        if found:
            found += [f"{source}: {line}" for source, line in self._logs]
        return found

    @property
    def _phase(self) -> str:
        return "" if self.point is None else self.point.phase

    @property
    def _logs(self) -> list[tuple[str, str]]:
        return self.function.logs + (self.later.logs if self.later is not self.function else [])

    def _fits(self, name: str, answer: Any) -> bool:
        """Tell whether the caller would have got the same without us: Lambda fails an invoke whose process dies."""
        if answer == name:
            return True
        answered = self.point is not None and self.point.phase in (INVOKE, SHUTDOWN_PHASE) and self.point.answered
        if self.fault == KILL_RUNTIME:
            over = self.point is not None and self.point.over
            return answer == "Runtime.ExitError" and name in ("hit", "first", "next") and (over or not answered)
        if self.fault == KILL_EXTENSION:
            return answer == "Extension.Crash" and name in (("next",) if answered else ("hit", "first"))
        return False


def _signal(pid: int | None, number: signal.Signals) -> None:
    try:
        if pid:
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def _limit(pid: int, what: int, soft: int) -> None:
    try:
        resource.prlimit(pid, what, (soft, resource.prlimit(pid, what)[1]))
    except ProcessLookupError:
        pass


def _lowest_free_descriptor(pid: int) -> int:
    try:
        taken = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        return 3
    return next(number for number in range(65536) if number not in taken)
