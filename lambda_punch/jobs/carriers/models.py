"""Carriers of models of pydantic (2.11 and later) and of msgspec. Neither is imported unless an annotation is such a model."""

from __future__ import annotations

import json
import sys
from typing import Any

from lambda_punch.jobs.carriers.carrier import ANYTHING, OBJECT, Carrier, Unfit, check_json, type_name


def of_model(kind: Any) -> Carrier | None:
    """Return the carrier of a model's class, or None for any other class. Raises Unfit for an older pydantic."""
    for package, base, make in (("pydantic", "BaseModel", _of_pydantic), ("msgspec", "Struct", _of_msgspec)):
        known: Any = getattr(sys.modules.get(package), base, None)  # whoever declares a model has imported it
        if known is not None and isinstance(kind, type) and issubclass(kind, known):
            return make(kind)
    return None


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:  # of a subclass, fields would be lost
        raise Unfit(f"is a {type_name(value)}, not a {kind.__name__}")
    return value


def _of_pydantic(kind: Any) -> Carrier:
    import pydantic

    if tuple(int(part) for part in pydantic.VERSION.split(".")[:2]) < (2, 11):
        raise Unfit(f"is a model of pydantic {pydantic.VERSION}; this needs pydantic 2.11 or later")
    by_name = {"by_alias": False, "by_name": True}

    def load(value: Any) -> Any:
        try:
            return kind.model_validate_json(json.dumps(value), **by_name)  # as JSON, for models that are strict
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            path = "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in first["loc"])
            raise Unfit(f"does not fit {kind.__name__}: {first['msg']}", path) from None
        except Exception as error:  # of a validator of its own
            raise Unfit(f"cannot be a {kind.__name__}: {type(error).__name__} was raised") from error

    def dump(value: Any) -> Any:
        _exactly(kind, value)
        try:
            found = check_json(value.model_dump(mode="json", by_alias=False, round_trip=True))
        except pydantic.PydanticUserError as error:
            raise Unfit(f"cannot be written as JSON: {error}") from error
        if load(found).model_dump() != value.model_dump():
            raise Unfit(
                f"would arrive as another {kind.__name__}: what its fields write as JSON is not read as the same"
            )
        return found

    kinds = ANYTHING if issubclass(kind, pydantic.RootModel) else frozenset({OBJECT})
    return Carrier(kind.__name__, dump, load, kinds, (kind,))


def _of_msgspec(kind: Any) -> Carrier:
    import msgspec

    def load(value: Any) -> Any:
        try:
            return msgspec.convert(value, kind, str_keys=True)
        except msgspec.ValidationError as error:
            raise Unfit(f"does not fit {kind.__name__}: {error}") from None

    def dump(value: Any) -> Any:
        _exactly(kind, value)
        try:
            return check_json(msgspec.to_builtins(value, str_keys=True))
        except (TypeError, ValueError) as error:
            raise Unfit(f"cannot be written as JSON: {error}") from error

    config = kind.__struct_config__
    kinds = ANYTHING if config.array_like else frozenset({OBJECT})
    return Carrier(kind.__name__, dump, load, kinds, (kind,))
