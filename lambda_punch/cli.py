"""The command line: parse the arguments, call one function, return an exit status."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .errors import LambdaPunchError

if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = 130  # what a shell reports for a command ended by Ctrl-C

_LAYER = (
    "Write a zip file that, as a layer, gives a function the extension, the library and its dependencies. "
    "--python and --arch may be given several times; the layer then holds each Python on each architecture."
)

_DASHBOARD = (
    "Print the body of a CloudWatch dashboard, as JSON: aws cloudwatch put-dashboard --dashboard-name NAME "
    '--dashboard-body "$(lambda-punch dashboard --function web --queue jobs)"'
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; ``arguments`` defaults to the process's own."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        parsed = _parser(given).parse_args(given)
        status: int = parsed.run(parsed)
    except LambdaPunchError as error:
        print(f"lambda-punch: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


class _ShowVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("lambda-punch")
        except PackageNotFoundError:
            found = "(a checkout that is not installed)"
        parser.exit(message=f"lambda-punch {found}\n")


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lambda-punch", description="Background work after the response on AWS Lambda."
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_install(commands.add_parser("install", help="put the extension under DIR/opt", description=_install.__doc__))
    _add_uninstall(
        commands.add_parser("uninstall", help="remove what install put there", description=_uninstall.__doc__)
    )
    _add_layer(commands.add_parser("layer", help="pack a layer for functions without an image", description=_LAYER))
    _add_dashboard(
        commands.add_parser("dashboard", help="print the body of a CloudWatch dashboard", description=_DASHBOARD)
    )
    _add_local(commands.add_parser("local", help="run a function on this machine as Lambda would"), given)
    return parser


def _add_install(parser: argparse.ArgumentParser) -> None:
    _add_root(parser)
    parser.add_argument(
        "--python",
        metavar="PATH",
        default=sys.executable,
        help="the interpreter that will run the extension (default: %(default)s)",
    )
    parser.set_defaults(run=_install)


def _add_uninstall(parser: argparse.ArgumentParser) -> None:
    _add_root(parser)
    parser.set_defaults(run=_uninstall)


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root", metavar="DIR", default="/", help="the directory that holds opt (default: %(default)s)"
    )


def _add_layer(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--python", metavar="X.Y", action="append", default=[], help="the runtime's Python (default: the one running)"
    )
    parser.add_argument(
        "--arch",
        metavar="ARCH",
        action="append",
        default=[],
        help="the function's architecture, x86_64 or arm64 (default: this machine's)",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="layer.zip", help="what to write (default: %(default)s)"
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="add bytecode, for shorter cold starts; needs each Python on this machine, as pythonX.Y",
    )
    parser.set_defaults(run=_layer)


def _add_dashboard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--function", metavar="NAME", required=True, help="the function's name")
    parser.add_argument("--jobs-function", metavar="NAME", help="the function that runs the jobs, if it is another one")
    parser.add_argument(
        "--queue", metavar="NAME", action="append", default=[], help="a queue's name on AWS, repeatable"
    )
    parser.add_argument("--region", metavar="REGION", help="default: AWS_REGION, AWS_DEFAULT_REGION, or us-east-1")
    parser.add_argument("--namespace", default="LambdaPunch", help="of the metrics (default: %(default)s)")
    parser.add_argument("--app-name", metavar="NAME", help="the metrics' AppName (default: the function's name)")
    parser.set_defaults(run=_dashboard)


def _add_local(parser: argparse.ArgumentParser, given: Sequence[str]) -> None:
    if given[:1] == [
        "local"
    ]:  # it brings in packages that the other commands do without, and that may not be installed
        from .local import command

        command.add_arguments(parser)
        parser.set_defaults(run=command.run)


def _install(arguments: argparse.Namespace) -> int:
    """Put the executable into DIR/opt/extensions and its own copy of its dependencies into DIR/opt/lambda-punch."""
    from .installer import install

    print(f"installed {install(arguments.root, python=arguments.python)}")
    return 0


def _uninstall(arguments: argparse.Namespace) -> int:
    """Remove what install put under DIR/opt, and nothing else."""
    from .installer import uninstall

    print("uninstalled" if uninstall(arguments.root) else "nothing to uninstall")
    return 0


def _dashboard(arguments: argparse.Namespace) -> int:
    import json
    import os

    from .dashboard import body

    region = arguments.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    made = body(
        arguments.function,
        arguments.queue,
        region=region,
        namespace=arguments.namespace,
        app_name=arguments.app_name,
        jobs_function=arguments.jobs_function,
    )
    print(json.dumps(made, indent=2))
    return 0


def _layer(arguments: argparse.Namespace) -> int:
    from .installer import build_layer

    layer = build_layer(
        arguments.output, pythons=arguments.python, architectures=arguments.arch, compiled=arguments.compile
    )
    pythons = ", ".join(dict.fromkeys(target.python for target in layer.targets))
    architectures = ", ".join(dict.fromkeys(target.architecture for target in layer.targets))
    versions = ", ".join(f"{name} {version}" for name, version in layer.versions.items())
    size = f"{layer.size / 1e6:.1f} MB"
    print(f"wrote {arguments.output}: {size} for Python {pythons} on {architectures}, with {versions}")
    return 0
