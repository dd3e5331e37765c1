"""The layers of a template on this machine: what they put on Python's path, and their extensions."""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lambda_punch.local.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import ExitStack

_OURS = "lambda-punch"


class Layers(NamedTuple):
    """What the layers of a function bring."""

    paths: list[str]
    extensions: list[Path]


def unpacked(layers: Mapping[str, Path], stack: ExitStack) -> dict[str, Path]:
    """Return the directory of each layer; an archive is unpacked until the stack is left. Raises TemplateError."""
    return {name: path if path.is_dir() else _unpacked(name, path, stack) for name, path in layers.items()}


def brought(names: Iterable[str], directories: Mapping[str, Path], *, without_ours: bool) -> Layers:
    """Return what these layers bring; ``without_ours``: lambda-punch's extension comes from elsewhere."""
    found = Layers([], [])
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name in names:
        directory = directories.get(name)
        if directory is None:  # said already: it is left out
            continue
        python = directory / "python"
        # a layer that SAM builds has its modules at the top of its source
        places = [python, python / "lib" / version / "site-packages"] if python.is_dir() else [directory]
        found.paths.extend(str(each.resolve()) for each in places if each.is_dir())
        extensions = directory / "extensions"
        if extensions.is_dir():
            found.extensions.extend(
                each
                for each in sorted(extensions.iterdir())
                if each.is_file() and os.access(each, os.X_OK) and not (without_ours and each.name == _OURS)
            )
    return found


def _unpacked(name: str, archive: Path, stack: ExitStack) -> Path:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lambda-punch-layer-")))
    try:
        with zipfile.ZipFile(archive) as content:
            for member in content.infolist():
                path = Path(content.extract(member, directory))
                mode = member.external_attr >> 16
                if mode and path.is_file():
                    path.chmod(mode & 0o777)
    except (OSError, zipfile.BadZipFile) as error:
        raise TemplateError(f"layer {name}: {archive} is neither a directory nor a zip file: {error}") from error
    return directory
