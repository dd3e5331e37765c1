"""The user's module that declares jobs."""

from __future__ import annotations

import sys
from importlib import import_module


def load(module: str) -> str | None:
    """Import it, from the directory that one is in as well; return what is wrong if there is no such module."""
    sys.path.insert(0, "")
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise  # of something that the module needs
        return f"there is no module {error.name}; --app names the module that declares the jobs, from the directory you are in"
    return None
