"""Reading a template: YAML with CloudFormation's tags, or JSON, which is YAML too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.errors import MissingExtraError
from lambda_punch.local.errors import TemplateError

if TYPE_CHECKING:
    from pathlib import Path

_SHORT_WITHOUT_FN = ("Ref", "Condition")


def load(path: Path) -> dict[str, Any]:
    """Return the template with short tags written out: ``!Sub x`` is ``{"Fn::Sub": "x"}``.

    Raises TemplateError for a file that cannot be read, or is not a template, and MissingExtraError.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("PyYAML", extra="local", part="a template") from error

    class Loader(yaml.SafeLoader):
        """A loader of its own, so that nobody else's YAML gets CloudFormation's tags."""

    def tagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            value: Any = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # there are three kinds of nodes
        if tag == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {tag if tag in _SHORT_WITHOUT_FN else f"Fn::{tag}": value}

    Loader.add_multi_constructor("!", tagged)
    # a date without quotes, as in AWSTemplateFormatVersion, stays the text that it is
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in Loader.yaml_implicit_resolvers.items()
    }
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506 - it is a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"cannot read the template {path}: {error}") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"the template {path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path} is not a template: it has no Resources")
    return document
