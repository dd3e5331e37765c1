"""The executable: the source's, with the interpreter's path in its first line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambda_punch.errors import InstallError

from ._source import EXECUTABLE, source

if TYPE_CHECKING:
    from pathlib import Path

# -I: isolated from the function's environment and packages; -S: without site, which costs half of the start.
_FLAGS = "-IS"
# Linux before 5.1 reads 127 bytes of the line, later ones 255; it ignores the rest silently (fs/binfmt_script.c).
_SHEBANG_BYTES = 127


def fits_shebang(interpreter: str) -> bool:
    """Tell whether a script's first line can name ``interpreter``: the kernel cuts it at a blank, or if it is long."""
    unbroken = not any(character.isspace() for character in interpreter)
    return unbroken and len(_shebang(interpreter)) <= _SHEBANG_BYTES


def render(interpreter: str) -> bytes:
    """Return the executable's bytes for ``interpreter``, which is its absolute path at run time.

    Raises InstallError when the path has a blank in it or is too long for a script's first line.
    """
    if not fits_shebang(interpreter):
        longest = _SHEBANG_BYTES - len(_shebang(""))
        raise InstallError(
            f"the interpreter's path cannot stand in a script's first line (no blanks, at most {longest} bytes): "
            f"{interpreter!r}; make a symbolic link to it and name that with --python"
        )
    _, _, rest = (source() / EXECUTABLE).read_bytes().partition(b"\n")
    return _shebang(interpreter) + b"\n" + rest


def write(executable: Path, interpreter: str) -> None:
    """Write the executable for ``interpreter``; for the errors see ``render``."""
    executable.write_bytes(render(interpreter))
    executable.chmod(0o755)


def _shebang(interpreter: str) -> bytes:
    return f"#!{interpreter} {_FLAGS}".encode()
