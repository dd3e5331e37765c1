"""The arguments of one job's function: as they are called, and as they travel.

Annotations are looked at when the job is declared. One that names something not yet defined (a class further down, or one
imported only ``if TYPE_CHECKING``) is looked at again when the job is first sent or received; if the name is still not
there, the parameter takes what JSON has. A parameter without an annotation, or with a type that JSON has, costs nothing
but the check that JSON can carry its value.

Any thread may call dump() and load(). A forked child has its parent's.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import JobArgumentsError, JobOptionError
from lambda_punch.jobs.carriers.carrier import Carrier, Unfit, check_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PLAIN = {
    "str",
    "int",
    "float",
    "bool",
    "None",
    "list",
    "dict",
    "object",
}  # as `from __future__ import annotations` has them

_MOST_SHAPES = 1000  # a function may take any names


class Arguments:
    """How the arguments of a function travel."""

    def __init__(self, name: str, function: Callable[..., Any], signature: inspect.Signature) -> None:
        """Look at the annotations. Raises JobOptionError for one that nothing can carry."""
        self.signature = signature
        self._name = name
        self._globals: dict[str, Any] = getattr(inspect.unwrap(function), "__globals__", {})
        self._carriers: dict[str, Carrier] = {}
        self._fits: set[tuple[int | str, ...]] = set()  # the calls that would not fail
        self._unknown: dict[str, str] = {}  # why the annotations of these parameters are not known yet
        self._pending = {each.name: each for each in signature.parameters.values() if not _is_plain(each.annotation)}
        if self._pending:
            self._resolve()

    def dump(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments as JSON has them.

        Raises JobArgumentsError if the call would fail, or an argument would not arrive as it was sent.
        """
        if self._pending:
            self._resolve()
        try:
            self._bind(args, kwargs)
        except TypeError as error:
            raise JobArgumentsError(f"{self._name}: {error}") from error
        where = ""
        try:
            dumped = []
            for position, (parameter, value) in enumerate(zip(self._parameters(len(args)), args, strict=True)):
                where = f"argument {position + 1}"
                dumped.append(self._dump(parameter, value))
            named = {}
            for key, value in kwargs.items():
                where = f"argument {key}"
                named[key] = self._dump(self._parameter(key), value)
        except Unfit as error:
            raise JobArgumentsError(f"{self._name}: {where}{error.path} {error.reason}") from error.__cause__
        except RecursionError:
            raise JobArgumentsError(f"{self._name}: {where} is nested too deeply, or in itself") from None
        return dumped, named

    def load(self, args: list[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments for the call. Raises Unfit if they do not fit; its text says which does not, and why."""
        if self._pending:
            try:
                self._resolve()
            except JobOptionError as error:
                raise Unfit(str(error)) from error
        try:
            self._bind(args, kwargs)
        except TypeError as error:
            raise Unfit(str(error)) from error
        if not self._carriers:
            return args, kwargs
        where = ""
        try:
            loaded = []
            for parameter, value in zip(self._parameters(len(args)), args, strict=True):
                where = parameter
                loaded.append(self._load(parameter, value))
            named = {}
            for key, value in kwargs.items():
                where = key
                named[key] = self._load(self._parameter(key), value)
        except Unfit as error:
            raise Unfit(f"{where}{error.path} {error.reason}") from error.__cause__
        except RecursionError:
            raise Unfit(f"{where} is nested too deeply") from None
        return loaded, named

    def _bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        """Raise TypeError if the call would fail. That depends on the number of arguments and on their names alone."""
        shape: tuple[int | str, ...] = (len(args), *kwargs)
        if shape not in self._fits:
            self.signature.bind(*args, **kwargs)
            if len(self._fits) < _MOST_SHAPES:
                self._fits.add(shape)

    def _dump(self, parameter: str, value: Any) -> Any:
        carrier = self._carriers.get(parameter)
        if carrier is not None:
            return carrier.dump(value)
        try:
            return check_json(value)
        except Unfit as error:
            if parameter in self._unknown:
                error.reason = f"{error.reason}. {self._unknown[parameter]}"
            raise

    def _load(self, parameter: str, value: Any) -> Any:
        carrier = self._carriers.get(parameter)
        return value if carrier is None else carrier.load(value)

    def _parameters(self, count: int) -> list[str]:
        """Return the parameters of so many positional arguments."""
        found: list[str] = []
        for parameter in self.signature.parameters.values():
            if parameter.kind is parameter.VAR_POSITIONAL:
                return [*found, *[parameter.name] * (count - len(found))][:count]
            found.append(parameter.name)
        return found[:count]

    def _parameter(self, key: str) -> str:
        """Return the parameter that takes a named argument."""
        parameters = self.signature.parameters
        if key in parameters and parameters[key].kind in {
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.KEYWORD_ONLY,
        }:
            return key
        return next((each.name for each in parameters.values() if each.kind is each.VAR_KEYWORD), key)

    def _resolve(self) -> None:
        from lambda_punch.jobs.carriers.find import Finder

        for name, parameter in list(self._pending.items()):
            try:
                found = Finder().find(resolved(parameter, self._globals))
            except NameError as error:
                self._unknown[name] = (
                    f"Its annotation cannot be used, because {error}; import it where the program runs, not only if "
                    "TYPE_CHECKING"
                )
                continue
            except Unfit as error:
                raise JobOptionError(f"{self._name}: parameter {name}{error.path} {error.reason}") from error.__cause__
            if not found.plain:
                self._carriers[name] = found
            self._unknown.pop(name, None)
            self._pending.pop(name, None)


def _is_plain(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return annotation in _PLAIN
    return annotation in (inspect.Parameter.empty, Any, None) or annotation in (
        str,
        int,
        float,
        bool,
        list,
        dict,
        object,
    )


def resolved(parameter: inspect.Parameter, names: dict[str, Any]) -> Any:
    """Return what an annotation stands for; raises NameError."""
    import typing
    from types import SimpleNamespace

    # typing resolves whatever has annotations, also those that are strings inside others.
    holder: Any = SimpleNamespace(__annotations__={"it": parameter.annotation})
    found = typing.get_type_hints(holder, globalns=names, include_extras=True)["it"]
    return typing.Optional[found] if parameter.default is None else found  # noqa: UP045 - it takes any form
