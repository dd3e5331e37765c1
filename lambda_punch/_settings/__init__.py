"""Every option, once: its name, its default, what it may be, how its variable is read, and what it means.

From these lines follow the keywords of ``configure()``, the environment variables (``LAMBDA_PUNCH_`` and the name in
capitals), the errors for wrong values, and the tables in docs/settings.md, which a test compares.

``configure()`` collects what the code says; ``read()`` puts code, environment and defaults together and changes
nothing; ``freeze()`` does so once and keeps the result, and from then on ``configure()`` is refused. Any thread may
call them. A forked child has its parent's settings.
"""

from __future__ import annotations

import os

from lambda_punch import _contract
from lambda_punch._settings.checks import (
    flag,
    must_be,
    one_of,
    or_none,
    parse_flag,
    parse_json,
    queues_of,
    seconds,
    text_of,
    whole,
    wrong,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ParamSpec, TypeVar

    from typing_extensions import dataclass_transform

    from lambda_punch._settings.checks import Check

    T = TypeVar("T")
    P = ParamSpec("P")
    Sink = Callable[[dict[str, Any]], object]

LEVELS = ("debug", "info", "warning", "error", "critical")
BACKENDS = ("sqs", "lambda_event", "memory")
PREFIX = "LAMBDA_PUNCH_"
MOST_RETRIES = 12  # of a durable job; each has its wait in the table of jobs/waits.py


class Option:
    """One option. ``check(name, value)`` returns the value as it is kept, or raises ConfigurationError."""

    name = ""

    def __init__(  # noqa: PLR0913, PLR0917 - what one line of the table says
        self, default: Any, check: Check, text: str, parse: Callable[[str], Any] | None, kind: str, in_code: bool
    ) -> None:
        self.default = default
        self.check = check
        self.text = text
        self.parse = parse
        self.kind = kind  # "punches", "jobs" or "metrics": in which table it stands
        self.in_code = in_code

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @property
    def variable(self) -> str:
        """The environment variable; empty for an option that only code can set."""
        return PREFIX + self.name.upper() if self.parse is not None else ""


def option(  # noqa: PLR0913 - as Option
    check: Check,
    text: str,
    *,
    default: T,
    parse: Callable[[str], Any] | None = str,
    kind: str = "punches",
    init: bool = True,
) -> T:
    """Declare an option of Settings.

    ``parse`` reads its variable and raises ValueError for what it cannot read; None: only code can set the option.
    ``init``: whether code can set it; False: only its variable can.
    """
    return Option(default, check, text, parse, kind, init)  # type: ignore[return-value]  # type checkers see the value


if TYPE_CHECKING:

    @dataclass_transform(kw_only_default=True, field_specifiers=(option,))
    class _Declared: ...

else:
    _Declared = object


class Settings(_Declared):
    """The options, checked, and not changed once made. None for an option stands for its default.

    Raises ConfigurationError for a wrong value, and for an unknown option.
    """

    # fmt: off
    log_level: str = option(one_of(*LEVELS), "level of the logger `lambda_punch` and of the extension", default="error")
    margin: float = option(seconds(0.01),  # with none the function would time out with its job
        "seconds before the function's deadline from which on no job is started and the environment is let go",
        default=_contract.MARGIN, parse=float)
    workers: int = option(whole(1, 1000), "how many jobs run at the same time; 1 keeps the order pushed",
        default=1, parse=int)
    job_timeout: float | None = option(or_none(seconds(0.001)),
        "seconds after which a pushed job is interrupted and counts as failed; by default it has no limit",
        default=None, parse=float)
    exit_timeout: float = option(seconds(0), "seconds that an exiting process waits for its jobs when not on Lambda",
        default=30.0, parse=float)
    dir: str = option(must_be(lambda value: "a path" if "\0" in value else None), "directory in which the function and the extension meet; by default one in /tmp",
        default="", init=False)  # the extension reads the variable, too, and does not see the code
    queues: Mapping[str, Any] = option(queues_of, "settings of each queue, by its name in the code",
        default={}, parse=parse_json, kind="jobs")
    backend: str | None = option(or_none(one_of(*BACKENDS)), "one backend for all jobs, in place of their own: memory, say",
        default=None, kind="jobs")
    retries: int = option(whole(0, MOST_RETRIES), "the most retries that any job may have",
        default=MOST_RETRIES, parse=int, kind="jobs")
    concurrency: int = option(whole(1, 1000), "how many jobs of one batch run at the same time, on standard queues",
        default=1, parse=int, kind="jobs")
    fifo_stop: str = option(one_of("group", "batch"), "what stops at a failure on a FIFO queue: the group, or the batch",
        default="group", kind="jobs")
    spill_lead: float = option(seconds(0),
        "seconds before the margin at which pushed durable jobs that still wait are sent to their queues",
        default=1.0, parse=float, kind="jobs")
    table: str | None = option(or_none(text_of(1024)),
        "name or ARN of the DynamoDB table with the results of jobs and the locks of unique ones", default=None, kind="jobs")
    bucket: str | None = option(or_none(text_of(63)),
        "the S3 bucket for arguments that are too large for a message", default=None, kind="jobs")
    metrics: str = option(one_of("off", "jobs", "all"),
        "which metrics are written: none, those of durable jobs, or those of punches as well",
        default="jobs", kind="metrics")
    metrics_namespace: str = option(text_of(255), "CloudWatch namespace", default="LambdaPunch", kind="metrics")
    metrics_app_name: str | None = option(or_none(text_of(1024)),
        "value of the dimension AppName; by default the function's name", default=None, kind="metrics")
    metrics_arguments: bool = option(must_be(flag), "whether a job's arguments are written as JobArgN; they may be secret",
        default=False, parse=parse_flag, kind="metrics")
    metrics_sink: Sink | None = option(or_none(must_be(lambda value: None if callable(value) else "a function that takes a dict")),
        "a function that gets each document as a dict; by default it is a line on standard output",
        default=None, parse=None, kind="metrics")
    # fmt: on

    if not TYPE_CHECKING:  # type checkers make the signature from the options

        def __init__(self, **given: Any) -> None:
            for name, each in OPTIONS.items():
                value = given.pop(name, None)
                setattr(self, name, each.check(name, each.default if value is None else value))
            if given:
                raise wrong(f"there is no option {min(given)!r}; there are: {', '.join(OPTIONS)}")


OPTIONS: dict[str, Option] = {name: each for name, each in vars(Settings).items() if isinstance(each, Option)}


class _State:
    """What configure() was given, and the settings in force."""

    __slots__ = ("frozen", "given")

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.frozen: Settings | None = None


_state = _State()


def configure(**options: Any) -> None:
    if _state.frozen is not None:
        raise wrong(
            "configure() came too late: after start(), or after the first durable job; "
            "call it at the top of the module, before anything else of lambda_punch"
        )
    for name in options:
        if name in OPTIONS and not OPTIONS[name].in_code:
            raise wrong(f"{name} cannot be set in code; set {OPTIONS[name].variable}, which the extension reads, too")
    given = {name: value for name, value in options.items() if value is not None}
    Settings(**given)  # raises for a wrong value
    _state.given.update(given)


configure.__doc__ = f"""Set options in code; they win over the environment variables. Call it before start().

    {"".join(f"{name}: {each.text} ({each.default!r})." + chr(10) + "    " for name, each in OPTIONS.items() if each.in_code)}
    Each but metrics_sink has a variable, too: {PREFIX} and its name in capitals. None leaves an option as it is.

    Raises ConfigurationError for a wrong value, and if it comes too late: after start(), or after the first durable job.
    Nothing is changed then. Call it from one thread; a forked child has its parent's settings.
    """


def read(environ: Mapping[str, str] | None = None) -> tuple[Settings, list[str]]:
    """Return the settings, and a complaint for each variable that cannot be used. Changes nothing.

    What code sets wins over the environment. A wrong variable is left out and the default is used, because it must not
    keep the function from starting.
    """
    environ = os.environ if environ is None else environ
    found: dict[str, Any] = {}
    complaints = []
    for name, each in OPTIONS.items():
        if each.parse is not None and (text := environ.get(each.variable)):
            try:
                value = _parsed(each.parse, text)
                each.check(name, value)
            except ValueError as error:
                complaints.append(f"{each.variable}={text!r} is not used: {error}")
            else:
                found[name] = value
    return Settings(**{**found, **_state.given}), complaints


def _parsed(parse: Callable[[str], Any], text: str) -> Any:
    """Return what a variable holds; the text itself if that is not a number, for the check to say what it must be."""
    if parse not in (int, float):
        return parse(text)
    try:
        return parse(text)
    except ValueError:
        return text


def current() -> Settings:
    """Return the settings in force; before freeze(), what they would be now. Changes nothing."""
    return _state.frozen or read()[0]


def is_frozen() -> bool:
    """Tell whether the settings are in force, so that configure() comes too late."""
    return _state.frozen is not None


def freeze() -> tuple[Settings, list[str]]:
    """Put the settings in force, at the first call; return them, and the complaints if this was it."""
    if _state.frozen is not None:
        return _state.frozen, []
    _state.frozen, complaints = read()
    return _state.frozen, complaints


def is_given(name: str) -> bool:
    """Tell whether an option was set, in code or by its variable, rather than left at its default."""
    return name in _state.given or bool(os.environ.get(OPTIONS[name].variable or "-"))


def restore(given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Begin anew, for tests: nothing is in force, and only ``given`` is set in code. Return what was set before.

    before = _settings.restore({"workers": 4})
    ...
    _settings.restore(before)
    """
    before, _state.given, _state.frozen = _state.given, dict(given or {}), None
    return before
