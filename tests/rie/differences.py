"""Where RIE is not what Lambda is, and the local Lambda follows Lambda. Any other difference between the two is a bug.

Rows that no run shows must go: a test counts. Not here is what both leave out or do alike (Telemetry API, SnapStart,
shaped streams, trailers, idle spindown, REPORT lines, access rights).
"""

from __future__ import annotations

import dataclasses
import re

NOTHING = "(nothing)"
"""Stands for a value that only the other side has."""
ANYTHING = "(anything)"
"""Stands for whatever value there is."""


@dataclasses.dataclass(frozen=True, eq=False)
class Shown:
    """Where a difference shows: a pattern for ``scenario | path``, and the two values."""

    where: str
    local: object = ANYTHING
    rie: object = ANYTHING

    def matches(self, where: str, local: object, rie: object) -> bool:
        return (
            re.search(self.where, where) is not None and self.local in (local, ANYTHING) and self.rie in (rie, ANYTHING)
        )


@dataclasses.dataclass(frozen=True)
class Difference:
    """One row: what Lambda does, what RIE does, how that is known, and where it shows."""

    topic: str
    lambda_: str
    rie: str
    why: str
    shown: tuple[Shown, ...]


def compare(scenario: str, local: dict[str, object], rie: dict[str, object]) -> tuple[set[Shown], list[str]]:
    """Return the parts of the table that a pair of runs shows, and the differences that it does not explain."""
    shown, unexplained = set(), []
    for path in sorted(local.keys() | rie.keys()):
        ours, theirs = local.get(path, NOTHING), rie.get(path, NOTHING)
        if ours == theirs:
            continue
        where = f"{scenario} | {path}"
        found = [each for row in DIFFERENCES for each in row.shown if each.matches(where, ours, theirs)]
        shown.update(found[:1])
        if not found:
            unexplained.append(f"{where}: local {ours!r}, RIE {theirs!r}")
    return shown, unexplained


_LOCAL_ARN = "arn:aws:lambda:us-east-1:123456789012:function:test_function"
_RIE_ARN = "arn:aws:lambda:us-east-1:012345678912:function:test_function"
_TIMED_OUT = "Task timed out after 1.00 seconds"
_FAILED_INIT = r"(fails to initialise|cannot be executed|exits in init|(Registered|Ready) to (Init|Exit)Error) \| "
_SHUTDOWN = "GET /2020-01-01/extension/event/next"

DIFFERENCES = (
    Difference(
        "freeze between invokes",
        "everything stands still when nothing is due",
        "never: the supervisor's Freeze is a stub",
        "Developer Guide, execution environment life cycle; RIE source, supervisor/local_supervisor.go",
        (Shown(r"platform .* is stopped: value", local=True, rie=False),),
    ),
    Difference(
        "Telemetry and Logs APIs",
        "subscriptions are checked, and records are sent to their destination",
        "every subscription is taken with 202, and nothing is sent",
        "Developer Guide, Telemetry API; RIE run",
        (Shown(r"PUT /(2022-07-01/telemetry|2020-08-15/logs)"),),
    ),
    Difference(
        "when the init phase is",
        "before the first invoke",
        "at the first request",
        "RIE source, rie/handlers.go",
        (Shown(r"platform 1 started before the first invoke", rie=[]),),
    ),
    Difference(
        "content type of the caller's answer",
        "what the runtime posted; JSON for an error",
        "guessed from the first bytes, headers of the runtime are dropped",
        "RIE source, rie/handlers.go",
        (Shown(r"caller .*: content_type", rie="text/plain; charset=utf-8"), Shown(r"caller .*: content_type", rie="")),
    ),
    Difference(
        "account in the ARN",
        "the function's; the local Lambda has AWS's placeholder 123456789012",
        "always 012345678912",
        "RIE source, rapidcore/sandbox_builder.go",
        (
            Shown(r"(invoked-function-arn|invokedFunctionArn)$", local=_LOCAL_ARN, rie=_RIE_ARN),
            Shown(r"awslambdaric .* context: value"),
        ),
    ),
    Difference(
        "account id in the answer to register",
        "there, if asked for",
        "never",
        "Developer Guide, Extensions API",
        (Shown(r"register .*: body: accountId", local="123456789012", rie=NOTHING),),
    ),
    Difference(
        "trace id",
        "always there",
        "the runtime never gets one, extensions only one that the caller sent",
        "Developer Guide, Runtime API; RIE run",
        (
            Shown(r"headers: lambda-runtime-trace-id", local="<trace>", rie=NOTHING),
            Shown(r"plain \| .* body: tracing: (type|value)", rie=NOTHING),
        ),
    ),
    Difference(
        "variables that Lambda sets",
        "there",
        "only if RIE's own environment has them",
        "Developer Guide, environment variables; RIE source, rapidcore/env",
        (
            Shown(r"has (TZ|AWS_REGION|AWS_LAMBDA_INITIALIZATION_TYPE): value", local=True, rie=False),
            Shown(r"runtime/1 .* has (AWS_EXECUTION_ENV|LAMBDA_RUNTIME_DIR): value", local=True, rie=False),
        ),
    ),
    Difference(
        "variables of an extension",
        "those of the runtime alone are withheld",
        "its whole environment is passed on",
        "Developer Guide, Extensions API; RIE source, rapidcore/env",
        (Shown(r"watcher/1 .* has (AWS_LAMBDA_LOG_(GROUP|STREAM)_NAME|LAMBDA_TASK_ROOT)", local=False, rie=True),),
    ),
    Difference(
        "working directory of an extension",
        "/ (inferred from the contract of AWS's supervisor)",
        "RIE's own",
        "RIE source, supervisor/model/model.go",
        (Shown(r"watcher/1 .* directory: value", local="/", rie="<directory>"),),
    ),
    Difference(
        "shutdownReason",
        "spindown, timeout, failure",
        "SandboxTerminated, Timeout, ReleaseFail",
        "Developer Guide names them in capitals; AWS's core compares them in lower case, rapid/handlers.go",
        (
            Shown(r"body: shutdownReason", local="spindown", rie="SandboxTerminated"),
            Shown(r"body: shutdownReason", local="timeout", rie="Timeout"),
            Shown(r"body: shutdownReason", local="failure", rie="ReleaseFail"),
        ),
    ),
    Difference(
        "headers of SHUTDOWN",
        "as of any event: JSON, with an identifier",
        "text/plain, no identifier",
        "Developer Guide, Extensions API; RIE source, rapi/rendering/rendering.go",
        (
            Shown(_SHUTDOWN + r": headers: content-type", rie="text/plain; charset=utf-8"),
            Shown(_SHUTDOWN + r": headers: lambda-extension-event-identifier", local="<id>", rie=NOTHING),
        ),
    ),
    Difference(
        "headers of 404 and 405",
        "not described; the local Lambda sends none of its own",
        "those of Go's HTTP server",
        "RIE run",
        (Shown(r"headers: (x-content-type-options|allow)$", local=NOTHING), Shown(r"headers$", local={}, rie=NOTHING)),
    ),
    Difference(
        "shutdownReason after a failed init",
        "failure",
        "spindown",
        "RIE run",
        (Shown(r"body: shutdownReason", local="failure", rie="spindown"),),
    ),
    Difference(
        "response to the caller",
        "when the runtime has posted it",
        "when runtime and extensions have asked for the next event",
        "Developer Guide, Extensions API; RIE run",
        (Shown(r"caller .*: before the extension was done", local=True, rie=False),),
    ),
    Difference(
        "late extension after a good response",
        "the caller keeps the response",
        "the caller gets 'Task timed out'",
        "follows from when Lambda answers; RIE run",
        (Shown(r"late extension \| caller 1 answer: body$", local=1, rie=_TIMED_OUT),),
    ),
    Difference(
        "timeout",
        "an error of type Sandbox.Timedout, with the request id in its message",
        "a plain text with status 200, as of a success",
        "AWS's core for Managed Instances; RIE run",
        (
            Shown(r"late runtime \| caller 1 answer: body$", local=NOTHING, rie=_TIMED_OUT),
            Shown(r"caller 1 answer: body: errorType", local="Sandbox.Timedout", rie=NOTHING),
            Shown(r"caller 1 answer: body: errorMessage", local=f"<id> {_TIMED_OUT}", rie=NOTHING),
            Shown(r"late runtime \| caller 1 answer: platform's fault", local=True, rie=False),
        ),
    ),
    Difference(
        "crash after a good response",
        "the caller keeps the response (inferred: it has been sent)",
        "502, with the response as body",
        "RIE run",
        (
            Shown(
                r"(exits after (its|the) response|Running to ExitError) \| caller 1 answer: platform's fault",
                local=False,
                rie=True,
            ),
        ),
    ),
    Difference(
        "crash in the init phase",
        "the first invoke starts everything anew, and tells of a second failure",
        "the first invoke fails, with the error that the runtime posted, or an empty body; nothing is started twice",
        "Developer Guide, suppressed init; RIE source, rapidcore/server.go; RIE run",
        (
            Shown(_FAILED_INIT + r"caller .*: body$", local=NOTHING, rie=""),
            Shown(_FAILED_INIT + r"caller .*: body: error", rie=NOTHING),
            Shown(_FAILED_INIT + r"(runtime|watcher|walker)/[23] ", rie=NOTHING),
            Shown(r"exits in its first init \| (runtime|watcher)/2 ", rie=NOTHING),
            Shown(r"exits in its first init \| caller 1 answer: body", local=1, rie=""),
            Shown(r"exits in its first init \| caller 1 answer: platform's fault", local=False, rie=True),
            Shown(r"exits in its first init \| platform . .*/2 is stopped", local=True, rie=NOTHING),
            Shown(r"tells of its init error \| caller 1 answer: body$", local=1, rie=NOTHING),
            Shown(r"tells of its init error \| caller 1 answer: body: ", local=NOTHING),
            Shown(r"tells of its init error \| caller 1 answer: platform's fault", local=False, rie=True),
            Shown(r"tells of its init error \| (runtime|watcher)/2 "),  # begins an invoke later
        ),
    ),
    Difference(
        "init error kept for later failures",
        "each failure has its own error",
        "after one failed init every later failure shows that one's error",
        "RIE source, rapidcore/server.go; RIE run",
        (Shown(r"tells of its init error \| caller 2 answer: body: "),),
    ),
    Difference(
        "deadline of a cold start",
        "the whole timeout (inferred)",
        "the timeout less the time of the init phase",
        "RIE source, rapidcore/server.go",
        (Shown(r"slow init \| watcher/1 .* seconds left: value", local=3.0, rie=2.2),),
    ),
    Difference(
        "limit of the init phase",
        "10 s, here 0.5 s; then all is started anew within the first invoke",
        "none but the function's timeout",
        "Developer Guide, init phase; RIE run",
        (
            Shown(r"init over its limit \| .*/2 "),
            Shown(r"init over its limit \| (runtime|watcher)/1 [234] "),
            Shown(r"init over its limit \| platform . .* is stopped"),
        ),
    ),
    Difference(
        "runtime's share of the shutdown",
        "300 ms, 500 ms with an internal extension",
        "600 ms",
        "Developer Guide, shutdown phase; RIE source, rapid/shutdown.go",
        (
            Shown(r"runtime's share \| watcher/1 .* seconds left: value", local=1.7, rie=1.4),
            Shown(r"runtime's share with an internal .* seconds left: value", local=1.5, rie=1.4),
            Shown(r"seconds from SIGTERM to SIGKILL: value", local=0.5, rie=0.6),
        ),
    ),
    Difference(
        "detached children",
        "end with the environment (inferred: all processes live in one domain, which is ended as a whole)",
        "survive everything",
        "RIE source, rapid/shutdown.go; RIE run",
        (Shown(r"detached child \| .* a detached child lives on: value", local=False, rie=True),),
    ),
    Difference(
        "unknown response mode",
        "not described; on the local Lambda the invoke fails and the runtime goes on",
        "the runtime's state is stuck: its next poll is refused",
        "RIE run",
        (
            Shown(r"unknown response mode \| caller 1 answer: (body|platform's fault)"),
            Shown(r"unknown response mode \| platform . .* is stopped", local=True, rie=NOTHING),
            Shown(r"unknown response mode \| runtime/1 4 .*: (body|headers|status)", local=NOTHING),
            Shown(r"unknown response mode \| .* body: shutdownReason", local="spindown", rie="ReleaseFail"),
        ),
    ),
    Difference(
        "two requests at once",
        "one is queued, or goes to another environment",
        "RIE crashes, with exit status 2",
        "RIE run",
        (Shown(r"two at once \| the second", local="answered", rie="exit status 2"),),
    ),
    Difference(
        "text of a JSON error",
        "that of the platform's parser",
        "that of Go's parser",
        "RIE run",
        (Shown(r"wrong calls \| watcher/1 .* register (broken|an array|a word): body: errorMessage"),),
    ),
)
