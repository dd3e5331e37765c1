"""The list of the files that were installed. It is kept beside them, so that only they are removed."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

_NAME = "installed-files.txt"


def write(directory: Path) -> None:
    """List every file under ``directory``, relative to it, in a file there."""
    files = sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())
    (directory / _NAME).write_text("".join(f"{name}\n" for name in [*files, _NAME]))


def exists(directory: Path) -> bool:
    """Tell whether ``directory`` holds such a list."""
    return (directory / _NAME).is_file()


def remove_listed(directory: Path) -> bool:
    """Remove the listed files and the directories that are empty without them; return whether there was a list."""
    if not exists(directory):
        return False
    for name in (directory / _NAME).read_text().splitlines():
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            continue  # never ours
        (directory / name).unlink(missing_ok=True)
    for path in sorted(directory.rglob("*"), key=lambda found: len(found.parts), reverse=True):
        _remove_if_empty(path)
    _remove_if_empty(directory)
    return True


def _remove_if_empty(path: Path) -> None:
    if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        path.rmdir()
