"""One set of processes, from their start to their end: the init phase and the invokes of one generation.

After a reset the environment makes a new generation; processes, identifiers and registrations are new, /tmp is not.
The order of things is that of "Understanding the Lambda execution environment lifecycle" in the AWS Lambda Developer
Guide and of ``rapid/handlers.go`` in github.com/aws/aws-lambda-runtime-interface-emulator. Event loop only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import next_events, refusals
from .changes import Changes
from .extensions_api import INVOKE, Extension, Extensions
from .host import Host, LaunchError, MainProcess, describe_exit
from .invocation import Answer, Call, failure
from .mailbox import Mailbox
from .recording import PLATFORM, RUNTIME, Recorder
from .runtime_api import RuntimeConversation
from .states import ExtensionState

if TYPE_CHECKING:
    from collections.abc import Callable

    from .configuration import FunctionConfiguration


class Fault(Exception):  # noqa: N818 - named as the platform names it
    """What ended a generation: Lambda's error type, and its message without the request id."""

    def __init__(self, error_type: str, message: str, body: Answer | None = None) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type
        self.message = message
        self.body = body

    def answer(self, request_id: str) -> Answer:
        """Return what the caller of the failed invoke gets."""
        return self.body or failure(request_id, self.error_type, self.message)


class Generation:
    """Runtime and extensions of one life of the environment, and the platform's view of them."""

    def __init__(self, configuration: FunctionConfiguration, host: Host, recorder: Recorder, api: str) -> None:
        self.configuration = configuration
        self.host = host
        self.recorder = recorder
        self.extensions = Extensions()
        self.runtime = RuntimeConversation()
        self.processes: dict[str, MainProcess] = {}
        self.mailboxes: dict[str, Mailbox] = {RUNTIME: Mailbox()}
        self.changes = Changes()
        self.fault: Fault | None = None
        self.ending = False
        self._api = api
        self._reported: dict[str, str] = {}

    # -- the two phases -----------------------------------------------------------------------------------------------

    async def initialise(self, deadline: float) -> None:
        """Start everything in Lambda's order; raise Fault if a process fails, DeadlineError if it takes too long."""
        self.recorder.record(PLATFORM, "init-start")
        await self._start_extensions()
        await self._until(
            lambda: all(each.state is not ExtensionState.STARTED for each in self.extensions.external), deadline
        )
        await self._start_runtime()
        await self._until(lambda: self.runtime.polled, deadline)
        await self._until(lambda: all(each.polled for each in self.extensions), deadline)
        self.recorder.record(PLATFORM, "init-done")

    async def invoke(self, call: Call) -> None:
        """Run one invoke until every side has asked for the next event; raise Fault or DeadlineError."""
        for extension in self.extensions.subscribed(INVOKE):
            extension.busy = True
            self.mailboxes[extension.source].put(next_events.invoke_event(call, self.configuration.arn))
        self.runtime.release(call)
        self.mailboxes[RUNTIME].put(next_events.invocation(call, self.configuration.arn))
        await self._until(self._all_done, call.deadline)

    def fail(self, fault: Fault) -> None:
        """Note the first fatal error and wake those who wait."""
        self.fault = self.fault or fault
        self.changes.notify()

    def report(self, extension: Extension, error_type: str) -> None:
        """Note that an extension has reported an error; that decides the error type once it exits."""
        self._reported.setdefault(extension.source, error_type)

    def register(self, name: str, body: bytes) -> Extension:
        """Register an extension and give it a mailbox; raise Refusal."""
        extension = self.extensions.register(name, body)
        self.mailboxes.setdefault(extension.source, Mailbox())
        return extension

    def poll_runtime(self) -> Call | None:
        """Take the runtime's ``next``; return the invoke that is finished by it, if any. Raise Refusal."""
        call = self.runtime.call
        finished = self.runtime.poll()
        self.extensions.close_registration()
        if call is None or finished:
            return call
        # it asks again before it has answered: it gets the same invocation once more
        self.mailboxes[RUNTIME].put(next_events.invocation(call, self.configuration.arn))
        return None

    def close(self) -> None:
        """Release every blocked ``next``: the processes have ended."""
        for mailbox in self.mailboxes.values():
            mailbox.close()

    def process_of(self, extension: Extension) -> MainProcess | None:
        """Return an external extension's process, or None."""
        return self.processes.get(extension.source)

    # -- starting -----------------------------------------------------------------------------------------------------

    async def _start_extensions(self) -> None:
        for path in self.configuration.extensions:
            extension = self.extensions.launch(Path(path).name)
            self.mailboxes[extension.source] = Mailbox()
            if len(self.extensions) > refusals.MAX_EXTENSIONS:
                self._launch_failed(extension.source, f"more than {refusals.MAX_EXTENSIONS} extensions")
            variables = self.configuration.extension_variables(self._api)
            await self._start(extension.source, [str(path)], variables, "/")

    async def _start_runtime(self) -> None:
        variables = self.configuration.runtime_variables(self._api)
        await self._start(RUNTIME, self.configuration.command, variables, self.configuration.runtime_directory)

    async def _start(self, source: str, argv: list[str], variables: dict[str, str], directory: str) -> None:
        try:
            process = await self.host.start(source, argv, variables=variables, directory=directory)
        except LaunchError as error:
            self._launch_failed(source, str(error))
        self.processes[source] = process
        self.recorder.record(source, "started", pid=process.pid)
        process.exit.add_done_callback(lambda future: self._exited(source, future.result()))

    def _launch_failed(self, source: str, message: str) -> None:
        error_type = "Runtime.InvalidEntrypoint" if source == RUNTIME else "Extension.LaunchError"
        self.recorder.record(source, "launch-failed", error_type=error_type, message=message)
        fault = Fault(error_type, message)
        self.fail(fault)
        raise fault

    # -- watching -----------------------------------------------------------------------------------------------------

    def _exited(self, source: str, status: int) -> None:
        self.recorder.record(source, "exited", status=status)
        if not self.ending:
            self.fail(self._fault_of(source, status))
        self.changes.notify()

    def _fault_of(self, source: str, status: int) -> Fault:
        if source != RUNTIME:
            message = "exit code 0" if status == 0 else describe_exit(status)
            return Fault(self._reported.get(source, "Extension.Crash"), message)
        if status == 0:
            message = "Runtime exited without providing a reason"
        else:
            message = f"Runtime exited with error: {describe_exit(status)}"
        return Fault("Runtime.ExitError", message, self.runtime.init_error)

    async def _until(self, condition: Callable[[], bool], deadline: float) -> None:
        def met() -> bool:
            if condition():
                return True
            if self.fault is not None:
                raise self.fault
            return False

        await self.changes.until(met, deadline)

    def _all_done(self) -> bool:
        return not self.runtime.busy and not any(each.busy for each in self.extensions)
