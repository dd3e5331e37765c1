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

    In a wheel it is ``lambda_punch/_extension``. In a checkout, and so in an editable install, it is ``extension``
    beside ``lambda_punch``. Raises InstallError when neither is there.
    """
    places = (_PACKAGE / "_extension", _PACKAGE.parent / "extension")
    for place in places:
        if (place / EXECUTABLE).is_file():
            return place
    searched = " and ".join(str(place) for place in places)
    raise InstallError(f"this lambda-punch has no extension with it: looked in {searched}; install lambda-punch again")
