"""What the arguments of ``lambda-punch local`` ask for; arguments that make no sense are refused."""

from __future__ import annotations

import importlib.util
import itertools
import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


_LONGEST_TIMEOUT = 900  # seconds: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
_LARGEST_PORT = 65_535
_MOST_MEMORY = 10_240  # MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html


class UsageError(Exception):
    """The arguments make no sense; the text says why."""


def is_template(arguments: argparse.Namespace) -> bool:
    """Tell whether a SAM template is named instead of a handler."""
    path = Path(arguments.handler or "")
    return path.suffix in {".yaml", ".yml", ".json", ".template"} and path.is_file()


def check_values(arguments: argparse.Namespace) -> None:
    """Refuse values that no function can have, and options that would be ignored."""
    for option, value, least, most in (
        ("--timeout", arguments.timeout, 1, _LONGEST_TIMEOUT),
        ("--init-timeout", arguments.init_timeout, 0.1, _LONGEST_TIMEOUT),
        ("--pause", arguments.pause, 0, 24 * 3600),
        ("--memory", arguments.memory, 128, _MOST_MEMORY),
        ("--environments", arguments.environments, 1, 1000),
        ("--pollers", arguments.pollers, 1, 1000),
        ("--duplicates", arguments.duplicates, 0, 1),
        ("--throttles", arguments.throttles, 0, 1),
        ("--serve", arguments.serve, 0, _LARGEST_PORT),
        ("--ui", arguments.ui, 0, _LARGEST_PORT),
    ):
        if value is not None and not least <= value <= most:
            raise UsageError(f"{option} must be from {least:g} to {most:g}, not {value:g}")
    for option, port in (("--serve", arguments.serve), ("--ui", arguments.ui)):
        if port:
            _check_port(option, port)
    if arguments.memory and arguments.no_freeze:
        raise UsageError("--memory does not go with --no-freeze: the share of a core begins with the first freeze")
    if arguments.reload and (arguments.serve is None or arguments.image is not None):
        raise UsageError("--reload goes with --serve only, and not with --image: it watches the files of --task-root")
    if arguments.serve is not None and not arguments.compare:
        for option, given in (
            ("--event", arguments.event),
            ("--request", arguments.request),
            ("--count", arguments.count),
            ("--pause", arguments.pause),
        ):
            if given:
                raise UsageError(f"{option} does not go with --serve: the events come by HTTP")


def _check_port(option: str, port: int) -> None:
    """Refuse a port that is taken, before anything is started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(f"{option}: port {port} cannot be used: {error.strerror}; choose another, or 0") from error


def events_to_send(arguments: argparse.Namespace) -> list[Any]:
    """Return the events to send, in order."""
    events = [_event(name) for name in arguments.event] + _requests(arguments) or [{}]
    if arguments.queue and not arguments.event and not arguments.request and arguments.count is None:
        return []  # only the queues' messages
    count = len(events) if arguments.count is None else arguments.count
    if count < 0:
        raise UsageError(f"--count must not be negative: {count}")
    return list(itertools.islice(itertools.cycle(events), count))


def _event(name: str) -> Any:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the event {name}: {error}") from error
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"the event {name} is not JSON: {error}") from error


def _requests(arguments: argparse.Namespace) -> list[Any]:
    """Return the event of ``--request``, if there is one."""
    if arguments.request is None:
        if arguments.data is not None:
            raise UsageError("--data is the body of a --request; name that too, like --request 'POST /orders'")
        return []
    method, _, path = arguments.request.strip().partition(" ")
    path = path.strip()
    if not method.isalpha() or not path.startswith("/") or " " in path:
        raise UsageError(f"--request wants a method and a path like 'POST /orders', not {arguments.request!r}")
    from lambda_punch.command.event import request

    return [request("apigw", method.upper(), path, _data(arguments.data or ""))]


def _data(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return sys.stdin.read() if text == "@-" else Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the --data {text[1:]}: {error}") from error


def check_image_alone(arguments: argparse.Namespace) -> None:
    """Refuse options for things that an image brings with it."""
    for option, given in (
        ("--task-root", arguments.task_root),
        ("--extension", arguments.extension),
        ("--no-extension", arguments.no_extension),
        ("--memory", arguments.memory),
    ):
        if given:
            raise UsageError(f"{option} does not go with --image: an image has its own code and its own extensions")


def check_handler(handler: str | None, task_root: Path) -> None:
    """Refuse a handler that cannot be found. The runtime would say so late, and in a traceback."""
    if handler is None:
        raise UsageError("name a handler (module.function) or an --image")
    module, dot, function = handler.rpartition(".")
    if ":" in handler:
        raise UsageError(
            f"the handler {handler!r} has a colon; Lambda writes it with a dot: {handler.replace(':', '.')}"
        )
    if not dot or not module or not function:
        raise UsageError(f"the handler {handler!r} is not module.function; name it like app.handler")
    if not task_root.is_dir():
        raise UsageError(f"no such directory: {task_root}; --task-root names the one with the function's code")
    path = task_root / module.replace(".", "/")
    top = module.replace("/", ".").split(".", 1)[0]
    if path.with_name(path.name + ".py").is_file() or path.is_dir() or _is_installed(top):
        return
    where = "name the directory of the function's code with --task-root"
    raise UsageError(f"no {module.replace('.', '/')}.py in {task_root.resolve()} for the handler {handler!r}; {where}")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a module without a spec, such as __main__
        return False


def variables_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the variables that ``--env-file`` and ``--env`` give the function; the latter win."""
    variables: dict[str, str] = {}
    for name in arguments.env_file:
        variables.update(_variables_in(name))
    for pair in arguments.env:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError(f"--env wants NAME=VALUE, not {pair!r}")
        variables[name] = value
    return variables


def _variables_in(file: str) -> dict[str, str]:
    """Read a file of NAME=VALUE lines, as Docker and the shells know them: comments, quotes and `export` are allowed."""
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the --env-file {file}: {error}") from error
    variables = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"{file}, line {number}: not NAME=VALUE: {text!r}")
        variables[name.strip()] = _unquoted(value.strip())
    return variables


def _unquoted(value: str) -> str:
    quote = value[:1]
    if quote in {"'", '"'} and (end := value.find(quote, 1)) > 0:
        return value[1:end]
    return value.split(" #", 1)[0].rstrip()


def parameters_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the parameters of a template."""
    found = {}
    for pair in arguments.parameter:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError(f"--parameter wants NAME=VALUE, not {pair!r}")
        found[name] = value
    return found


def check_template_alone(arguments: argparse.Namespace) -> None:
    """Refuse options for what a template says by itself."""
    for option, given in (
        ("--image", arguments.image),
        ("--task-root", arguments.task_root),
        ("--queue", arguments.queue),
        ("--compare", arguments.compare),
        ("--reload", arguments.reload),
        ("--memory", arguments.memory),
    ):
        if given:
            raise UsageError(f"{option} does not go with a template, which names its own functions and queues")
