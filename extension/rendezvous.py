"""Makes the rendezvous directory and the handled-file, before the extension registers and so before the runtime starts."""

import posix

from . import contract


class RendezvousError(Exception):
    """The directory is not this user's alone, so the two processes will not meet in it."""


def make_directory(directory: str) -> None:
    """Make the directory (0700), or use the one that is there if it is this user's alone.

    One that is there is from an earlier life of this environment: jobs lost in that life are named in the log. Raises
    RendezvousError for a directory that is a link, is another user's or is open to others, and OSError.
    """
    try:
        posix.mkdir(directory, 0o700)
    except FileExistsError:
        check_private(directory)
        from . import lost

        lost.report(directory, "the environment was ended, extension and all, before they were done")


def make_handled_file(directory: str) -> int:
    """Make the directory, and in it a new handled-file with the greeting; return its descriptor.

    A handled-file of an earlier life is replaced. Raises what make_directory() does.
    """
    make_directory(directory)
    path = f"{directory}/{contract.HANDLED_FILE}"
    try:
        posix.unlink(path)
    except FileNotFoundError:
        pass
    flags = posix.O_RDWR | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW | posix.O_CLOEXEC
    descriptor = posix.open(path, flags, 0o600)
    posix.write(descriptor, contract.greeting(posix.getpid()))
    return descriptor


def remove_handled_file(directory: str) -> None:
    """Remove the handled-file, so that the library works without the extension. Never raises."""
    try:
        posix.unlink(f"{directory}/{contract.HANDLED_FILE}")
    except OSError:
        pass


def check_private(directory: str) -> None:
    """Raise RendezvousError unless ``directory`` is a real directory of this user, closed to all others."""
    status = posix.lstat(directory)
    if status.st_mode & 0o170000 != 0o040000:
        raise RendezvousError(f"{directory} is not a directory; remove it or set LAMBDA_PUNCH_DIR")
    if status.st_uid != posix.getuid() or status.st_mode & 0o077:
        raise RendezvousError(f"{directory} is another user's or open to others; remove it or set LAMBDA_PUNCH_DIR")
