"""The return value of one job's function, as it is kept: by its annotation, like the arguments."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import JobOptionError
from lambda_punch.jobs.carriers.arguments import resolved
from lambda_punch.jobs.carriers.carrier import ANY, Carrier, Unfit

if TYPE_CHECKING:
    from collections.abc import Callable


class Returned:
    """How the value travels. Any thread may use it."""

    def __init__(self, name: str, function: Callable[..., Any], signature: inspect.Signature) -> None:
        """Look at the annotation. Raises JobOptionError if nothing can carry its values."""
        self._carrier = _carrier(name, function, signature.return_annotation)

    def dump(self, value: Any) -> Any:
        """Return the value as JSON has it. Raises Unfit."""
        try:
            return self._carrier.dump(value)
        except RecursionError:
            raise Unfit("is nested too deeply, or in itself") from None

    def load(self, value: Any) -> Any:
        """Return the value that was kept. Raises Unfit if the annotation has changed since."""
        return self._carrier.load(value)


def _carrier(name: str, function: Callable[..., Any], annotation: Any) -> Carrier:
    if annotation is inspect.Signature.empty:
        return ANY
    names: dict[str, Any] = getattr(inspect.unwrap(function), "__globals__", {})
    parameter = inspect.Parameter("value", inspect.Parameter.POSITIONAL_ONLY, annotation=annotation)
    from lambda_punch.jobs.carriers.find import Finder

    try:
        return Finder().find(resolved(parameter, names))
    except NameError:  # it exists only for type checkers
        return ANY
    except Unfit as error:
        raise JobOptionError(f"{name}: the return value{error.path} {error.reason}") from error.__cause__
