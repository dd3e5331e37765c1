"""One directory of packages for several targets.

A layer puts one directory on a function's sys.path, whatever the architecture it runs on. Wheels of one version for
several targets differ only in their compiled files. The libraries already have a name of their own in each wheel. A
module's file gets the name under which CPython looks for its own version and machine, so each finds its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambda_punch.errors import InstallError

if TYPE_CHECKING:
    from pathlib import Path, PurePath

    from .layer_target import Target

# What pip and uv note in a dist-info directory about one machine's installation, and the wheel's tags.
_NOTES = frozenset({"INSTALLER", "RECORD", "REQUESTED", "WHEEL", "direct_url.json", "uv_cache.json"})


def merge(packages: Path, into: Path, target: Target) -> None:
    """Copy ``packages``, which were fetched for ``target``, into a directory that may hold other targets' packages.

    Raises InstallError where two targets need different files of one name.
    """
    for path in sorted(packages.rglob("*")):
        relative = path.relative_to(packages)
        if not path.is_file() or _is_note(relative):
            continue
        place = into / relative
        if _is_module(relative):
            place = place.with_name(f"{path.name.partition('.')[0]}.{target.module_tag}.so")
        content = path.read_bytes()
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        elif place.read_bytes() != content:
            raise InstallError(
                f"{relative} for {target} differs from another target's; build one layer for each target"
            )


def _is_note(relative: PurePath) -> bool:
    return relative.name in _NOTES and relative.parent.name.endswith(".dist-info")


def _is_module(relative: PurePath) -> bool:
    return relative.suffix == ".so" and not relative.parts[0].endswith(".libs")
