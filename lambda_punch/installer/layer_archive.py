"""A zip file whose bytes do not depend on when, where and by whom it was made."""

from __future__ import annotations

import stat
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file knows
_UNIX = 3  # the system whose file modes stand in the entries
_LEVEL = 9


def write_archive(archive: Path, root: Path, *, executables: Container[str]) -> None:
    """Pack every file under ``root``, sorted by name. Everyone may read them, and run those in ``executables``."""
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    with zipfile.ZipFile(archive, "w") as packed:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.create_system = _UNIX
            entry.external_attr = (stat.S_IFREG | (0o755 if name in executables else 0o644)) << 16
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, _LEVEL)
