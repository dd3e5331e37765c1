"""One pushed call: what waits in the queue, what error handlers and hooks are given, and what the log names."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from contextvars import Context
    from typing import Any, TypeAlias, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

    # A punch while it waits: the fields of Punch in their order. A plain tuple, because a hundred thousand may wait and
    # each one is made on the path of a response. Process makes them; the drain unpacks them; all others get a Punch.
    Waiting: TypeAlias = tuple[
        Callable[..., Any], tuple[Any, ...], dict[str, Any] | None, str, int, Context, int, AbstractEventLoop | None
    ]

_LONGEST_NAME = 256
_TYPE_NAME = type.__dict__["__name__"]  # a metaclass may have a __name__ of its own, which raises


class Punch:
    """A pushed callable with its arguments, and the id of the request that pushed it (empty if there was none).

    ``keywords`` are its keyword arguments, None if there are none; ``kwargs`` always is a dictionary. The rest is for
    the library: the number of its request in this process, the context in which it runs, the number of its entry in the
    ledger, 0 for none, and the event loop that ran where it was pushed.
    """

    __slots__ = ("args", "context", "function", "keywords", "loop", "number", "request_id", "sequence")

    def __init__(  # noqa: PLR0913, PLR0917 - the fields of what waits, in their order
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
        request_id: str = "",
        sequence: int = 0,
        context: Context | None = None,
        number: int = 0,
        loop: AbstractEventLoop | None = None,
    ) -> None:
        """Hold what was pushed. A named tuple would bring in typing, 2 ms of the first job's time at a full core."""
        self.function = function
        self.args = args
        self.keywords = keywords
        self.request_id = request_id
        self.sequence = sequence
        self.context = context
        self.number = number
        self.loop = loop

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments."""
        return self.keywords or {}

    @property
    def name(self) -> str:
        """The callable's qualified name, with its module."""
        return name_of(self.function)

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same push; what a user's arguments say of their equality may raise, and is not asked."""
        return (
            isinstance(other, Punch)
            and self.context is other.context
            and self.function is other.function
            and self.args is other.args
        )

    def __hash__(self) -> int:
        return hash((id(self.context), id(self.function), id(self.args)))

    def __repr__(self) -> str:  # without the arguments, which may be secret
        return f"<Punch {self.name} of request {self.request_id or '-'}>"

    def run(self) -> Any:
        """Call the function in the context of its pusher, and return what it returns."""
        return self.within(self.function, *self.args, **self.kwargs)

    def within(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call another function in that context."""
        if self.context is None:
            return function(*args, **kwargs)
        return self.context.run(function, *args, **kwargs)

    def replaced(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Punch:
        """Return the same punch, under the same entry in the ledger, with another function to call."""
        return Punch(function, args, None, self.request_id, self.sequence, self.context, self.number, self.loop)


def opened(waiting: Waiting) -> Punch:
    """Return what waited as a Punch."""
    return Punch(*waiting)


def closed(punch: Punch) -> Waiting:
    """Return a punch as it waited."""
    return (
        punch.function, punch.args, punch.keywords, punch.request_id, punch.sequence,
        punch.context,  # type: ignore[return-value]  # what has waited has one
        punch.number, punch.loop,
    )  # fmt: skip


def trait(function: object, name: str) -> Any:
    """Return an attribute of a callable, None if it has none; never raises, whatever the callable's ``__getattr__`` does."""
    try:
        return getattr(function, name, None)
    except BaseException:  # noqa: BLE001 - a proxy outside its context, say
        return None


def name_of(function: object) -> str:
    """Return module and qualified name of a callable, with a dot between them; see names_of()."""
    module, name = names_of(function)
    return f"{module}.{name}" if module else name


def names_of(function: object) -> tuple[str, str]:
    """Return module and qualified name of a callable, as two texts of at most 256 printable characters.

    For a partial they are those of what it calls, for other objects those of their type. Never raises, whatever is
    given: it names what failed, and must not fail itself.
    """
    try:
        inner: Any = getattr(function, "func", function)
        if not isinstance(getattr(inner, "__qualname__", None), str):
            inner = type(inner)
        owner = getattr(inner, "__module__", None) or _module_of_owner(inner)
        return _printable(f"{owner}"), _printable(f"{inner.__qualname__}")
    except BaseException:  # noqa: BLE001 - a __getattr__ may raise anything
        return "", _printable(str(_TYPE_NAME.__get__(type(function))))


def named(function: F, like: object) -> F:
    """Return ``function`` under the names of ``like``, so that the log names the user's function and not ours."""
    function.__module__, function.__qualname__ = names_of(like)
    function.__name__ = function.__qualname__.rpartition(".")[2]
    return function


def _printable(text: str) -> str:
    text = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return text[:_LONGEST_NAME]


def _module_of_owner(method: Any) -> object:
    """Return the module of the class whose method this is: methods written in C have none of their own."""
    owner = getattr(method, "__objclass__", None) or type(getattr(method, "__self__", method))
    return owner.__module__
