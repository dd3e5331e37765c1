"""Where this installation of lambda-punch keeps the extension."""

from __future__ import annotations

from pathlib import Path

from lambda_punch.errors import InstallError

EXECUTABLE = "lambda-punch"  # the file's name is the name under which the extension registers

_PACKAGE = Path(__file__).resolve().parent.parent


def package() -> Path:
    """Return the directory of the library's package."""
    return _PACKAGE


def source() -> Path:
    """Return the directory of the extension's package, the executable among its files.

    A wheel carries it as ``lambda_punch/_extension``; a checkout, and so an editable install, has it as ``extension``
    beside ``lambda_punch``. Raises InstallError when neither is there.
    """
    places = (_PACKAGE / "_extension", _PACKAGE.parent / "extension")
    for place in places:
        if (place / EXECUTABLE).is_file():
            return place
    searched = " and ".join(str(place) for place in places)
    raise InstallError(f"this installation of lambda-punch lacks the extension: looked in {searched}")
