"""What the value of an option must be, and how its environment variable is read.

A check is called with the option's name and the value. It returns the value as it is kept, or raises
ConfigurationError with a sentence that says what the value must be. Checks have no state: any thread may call them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lambda_punch.errors import ConfigurationError

    Check = Callable[[str, Any], object]
    Expected = Callable[[Any], str | None]  # says what a value must be; None if it is right

LONGEST = 900.0  # seconds; Lambda ends an invocation after 15 minutes


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
