"""CloudFormation's functions: !Ref, !GetAtt, !Sub, !Join, !If, conditions and the rest that needs nobody to ask."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Protocol

from lambda_punch.local.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NO_VALUE = object()  # of !Ref AWS::NoValue: what has it is left out
_IN_TEXT = re.compile(r"\$\{(!?)([^}]*)\}")


class Resources(Protocol):
    """Who knows what a resource is called here."""

    def ref(self, logical: str) -> Any:
        """Return what !Ref gives; raise KeyError if there is no such resource."""

    def attribute(self, logical: str, attribute: str) -> Any:
        """Return what !GetAtt gives; raise KeyError if there is no such resource."""


class Intrinsics:
    """Resolves the values of one template. ``values`` are those of its parameters and of AWS's pseudo parameters."""

    def __init__(self, document: Mapping[str, Any], values: Mapping[str, Any], resources: Resources) -> None:
        self._conditions: Mapping[str, Any] = document.get("Conditions") or {}
        self._mappings: Mapping[str, Any] = document.get("Mappings") or {}
        self._parameters: Mapping[str, Any] = document.get("Parameters") or {}
        self._values = values
        self._resources = resources
        self._functions: dict[str, Callable[[Any, str], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::Base64": lambda value, where: base64.b64encode(str(self.resolve(value, where)).encode()).decode(),
            "Fn::If": self._if,
            "Condition": lambda value, where: self.holds(str(value), where),
            "Fn::Equals": lambda value, where: _text(self.resolve(value[0], where)) == _text(self.resolve(value[1], where)),
            "Fn::Not": lambda value, where: not self.resolve(value[0], where),
            "Fn::And": lambda value, where: all(self.resolve(each, where) for each in value),
            "Fn::Or": lambda value, where: any(self.resolve(each, where) for each in value),
        }  # fmt: skip

    def resolve(self, value: Any, where: str) -> Any:
        """Return a value without functions in it; ``where`` is its place, for errors. Raises TemplateError."""
        if isinstance(value, dict):
            if len(value) == 1:
                (name, argument), *_ = value.items()
                if name in self._functions:
                    try:
                        return self._functions[name](argument, where)
                    except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
                        raise TemplateError(
                            f"{where}: {name} has arguments that it cannot have: {argument!r}"
                        ) from error
                if name.startswith("Fn::"):
                    raise TemplateError(f"{where}: {name} is not known here; write the value itself for the local run")
            resolved = {key: self.resolve(each, f"{where}.{key}") for key, each in value.items()}
            return {key: each for key, each in resolved.items() if each is not NO_VALUE}
        if isinstance(value, list):
            return [found for each in value if (found := self.resolve(each, where)) is not NO_VALUE]
        return value

    def holds(self, condition: str, where: str) -> bool:
        """Tell whether a condition of the template is true. Raises TemplateError."""
        if condition not in self._conditions:
            raise TemplateError(f"{where}: the template has no condition {condition}")
        return bool(self.resolve(self._conditions[condition], f"Conditions.{condition}"))

    def _ref(self, name: Any, where: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._values:
            return self._values[name]
        if name in self._parameters:
            raise TemplateError(f"{where}: parameter {name} has no default; give it with --parameter {name}=VALUE")
        try:
            return self._resources.ref(name)
        except KeyError:
            raise TemplateError(f"{where}: there is no parameter or resource {name}") from None

    def _get_att(self, argument: Any, where: str) -> Any:
        logical, attribute = argument
        try:
            return self._resources.attribute(logical, str(self.resolve(attribute, where)))
        except KeyError:
            raise TemplateError(f"{where}: there is no resource {logical}") from None

    def _sub(self, argument: Any, where: str) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})
        own = {name: self.resolve(value, where) for name, value in given.items()}

        def replaced(found: re.Match[str]) -> str:
            name = found[2].strip()
            if found[1]:  # ${!Literal}
                return f"${{{name}}}"
            if name in own:
                return _text(own[name])
            logical, dot, attribute = name.partition(".")
            return _text(self._get_att((logical, attribute), where) if dot else self._ref(name, where))

        return _IN_TEXT.sub(replaced, text)

    def _join(self, argument: Any, where: str) -> str:
        separator, parts = argument
        return str(separator).join(_text(each) for each in self.resolve(parts, where))

    def _select(self, argument: Any, where: str) -> Any:
        place, choices = self.resolve(argument, where)
        return choices[int(place)]

    def _split(self, argument: Any, where: str) -> list[str]:
        separator, text = self.resolve(argument, where)
        return str(text).split(separator)

    def _find_in_map(self, argument: Any, where: str) -> Any:
        name, first, second = (self.resolve(each, where) for each in argument[:3])
        return self._mappings[name][first][second]

    def _if(self, argument: Any, where: str) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self.holds(condition, where) else otherwise, where)


def _text(value: Any) -> str:
    """Return a value as CloudFormation writes it into a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
