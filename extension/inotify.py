"""The kernel's inotify: a descriptor that becomes readable when a file is written, or removed.

Two calls of libc, by ctypes. Importing inotify_simple takes twice the processor time, for enums and named tuples that
nobody needs here; at 128 MB, a fourteenth of a core, that keeps an environment busy for 50 ms after its first response.
Where libc does not take the calls so, inotify_simple finds it.
"""

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# inotify(7); the numbers are the kernel's ABI.
_MODIFY, _ATTRIB = 0x2, 0x4


def watch(path: str) -> int:
    """Return a descriptor for ``path``, closed at exec. Raises OSError or ImportError if there is no inotify."""
    mask = _MODIFY | _ATTRIB  # the second one tells of a link less: the file has been removed
    try:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)  # what this process has loaded
        initialise, add_watch = libc.inotify_init1, libc.inotify_add_watch
    except (ImportError, OSError, AttributeError):
        return _by_the_package(path, mask)
    descriptor: int = initialise(posix.O_CLOEXEC)
    if descriptor < 0 or add_watch(descriptor, path.encode(), mask) < 0:
        fault = ctypes.get_errno()
        if descriptor >= 0:
            posix.close(descriptor)
        raise OSError(fault, f"inotify: {posix.strerror(fault)}")
    return descriptor


def _by_the_package(path: str, mask: int) -> int:
    inotify_simple: Any = _import_inotify_simple()
    inotify = inotify_simple.INotify(closefd=False)
    try:
        inotify.add_watch(path, mask)
    except OSError:
        posix.close(inotify.fileno())
        raise
    return int(inotify.fileno())


def _import_inotify_simple() -> "Any":
    """Import inotify_simple without ``ctypes.util``, which it uses only to find libc.

    ``find_library`` runs ldconfig and sometimes a compiler, and its module imports subprocess: some 50 ms and 2 MB, for
    a library that this process has loaded (``CDLL(None)``).
    """
    stand_in = type(sys)("ctypes.util")
    stand_in.find_library = _no_library  # type: ignore[attr-defined]  # a module built by hand
    sys.modules.setdefault("ctypes.util", stand_in)
    import inotify_simple

    return inotify_simple


def _no_library(_name: str) -> None:
    """Find nothing, so that inotify_simple uses CDLL(None), the libraries that this process has loaded."""
