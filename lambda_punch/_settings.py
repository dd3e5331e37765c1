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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ParamSpec, TypeVar

    from typing_extensions import dataclass_transform

    from lambda_punch.errors import ConfigurationError

    T = TypeVar("T")
    P = ParamSpec("P")
    Sink = Callable[[dict[str, Any]], object]
    Check = Callable[[str, Any], object]
    Expected = Callable[[Any], str | None]  # says what a value must be; None if it is right

LEVELS = ("debug", "info", "warning", "error", "critical")
BACKENDS = ("sqs", "lambda_event", "memory")
PREFIX = "LAMBDA_PUNCH_"
LONGEST = 900.0  # seconds; Lambda ends an invocation after 15 minutes
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


def number(least: float, most: float, *, whole: bool = False, unit: str = "") -> Expected:
    """Return a function that says what a value must be: a number within bounds. True and False are not numbers."""
    kinds = (int,) if whole else (int, float)
    expected = f"a {'whole ' if whole else ''}number{unit and f' of {unit}'} from {least:g} to {most:g}"

    def check(value: Any) -> str | None:
        fits = isinstance(value, kinds) and not isinstance(value, bool) and least <= value <= most
        return None if fits else expected

    return check


def flag(value: Any) -> str | None:
    """Say what a value must be: True or False."""
    return None if isinstance(value, bool) else "True or False"


def must_be(expected: Expected, keep: Callable[[Any], Any] | None = None) -> Check:
    """Return a check that raises for a value that is not expected; ``keep`` turns a right value into what is kept."""

    def check(name: str, value: Any) -> Any:
        if text := expected(value):
            raise wrong(f"{name} must be {text}, not {value!r}")
        return value if keep is None else keep(value)

    return check


def seconds(least: float) -> Check:
    """Return a check for seconds."""
    return must_be(number(least, LONGEST, unit="seconds"), float)


def whole(least: int, most: int) -> Check:
    """Return a check for a whole number."""
    return must_be(number(least, most, whole=True))


def one_of(*choices: str) -> Check:
    """Return a check for one of these words, in any case."""
    text = f"one of {', '.join(choices)}"
    return must_be(lambda value: None if isinstance(value, str) and value.lower() in choices else text, str.lower)


def text_of(longest: int) -> Check:
    """Return a check for a text that CloudWatch takes."""

    def expected(value: Any) -> str | None:
        fits = isinstance(value, str) and 0 < len(value) <= longest and value.isascii() and value.isprintable()
        return None if fits else f"1 to {longest} printable ASCII characters"

    return must_be(expected)


def or_none(check: Check) -> Check:
    """Return a check that takes None, too."""
    return lambda name, value: None if value is None else check(name, value)


def parse_flag(text: str) -> bool:
    """Read a variable that is true or false."""
    if text.lower() not in ("true", "false", "1", "0"):
        raise wrong("it must be true or false")
    return text.lower() in ("true", "1")


def parse_json(text: str) -> Any:
    """Read a variable that holds JSON."""
    import json

    try:
        return json.loads(text)
    except ValueError as error:
        raise wrong(f"it must be JSON: {error}") from None


class QueueSettings:
    """What is configured of one queue; None for what is not."""

    __slots__ = ("dead_letters", "function", "max_receive_count", "url")

    def __init__(
        self, url: str | None, max_receive_count: int | None, dead_letters: str | None, function: str | None
    ) -> None:
        self.url = url
        self.max_receive_count = max_receive_count
        self.dead_letters = dead_letters  # the name of its dead-letter queue on AWS
        self.function = function


def queues_of(name: str, value: Any) -> dict[str, QueueSettings]:
    """Check the settings of queues, by their names in the code."""
    if not hasattr(value, "items"):
        raise wrong(f"{name} must map each queue's name to its settings, not {value!r}")
    return {str(each): _queue(str(each), settings) for each, settings in value.items()}


def _queue(name: str, settings: Any) -> QueueSettings:
    if not isinstance(settings, dict) or not set(settings) <= set(QueueSettings.__slots__):
        raise wrong(
            f"queue {name!r}: its settings are url, max_receive_count, dead_letters, function; not {settings!r}"
        )
    url, count, dead, target = (settings.get(key) for key in ("url", "max_receive_count", "dead_letters", "function"))
    for key, text in (("url", url), ("dead_letters", dead), ("function", target)):
        if text is not None and (not isinstance(text, str) or not text):
            raise wrong(f"queue {name!r}: its {key} must be a text, not {text!r}")
    if count is not None:
        whole(0, 1000)(f"max_receive_count of queue {name!r}", count)
    if url is not None and url.endswith(".fifo") != name.endswith(".fifo"):
        raise wrong(f"queue {name!r} and its url {url!r}: both or none of them must end in .fifo")
    return QueueSettings(url, count, dead, target)


def wrong(message: str) -> ConfigurationError:
    """Return the error for a wrong value."""
    from lambda_punch.errors import ConfigurationError

    return ConfigurationError(message)


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
