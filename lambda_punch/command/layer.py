"""``lambda-punch layer``: pack a layer for functions that are deployed as a zip file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

_DESCRIPTION = (
    "Write a zip file that, as a layer, gives a function the extension, the library and its dependencies. "
    "--python and --arch may be given several times; the layer then holds each Python on each architecture."
)


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``layer`` and add its arguments."""
    parser.description = _DESCRIPTION
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
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the layer and print what is in it."""
    from lambda_punch.installer import build_layer

    layer = build_layer(
        arguments.output, pythons=arguments.python, architectures=arguments.arch, compiled=arguments.compile
    )
    pythons = ", ".join(dict.fromkeys(target.python for target in layer.targets))
    architectures = ", ".join(dict.fromkeys(target.architecture for target in layer.targets))
    versions = ", ".join(f"{name} {version}" for name, version in layer.versions.items())
    size = f"{layer.size / 1e6:.1f} MB"
    print(f"wrote {arguments.output}: {size} for Python {pythons} on {architectures}, with {versions}")
    return 0
