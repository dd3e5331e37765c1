"""Names the jobs that were lost with a runtime process, from its ledger, in one ERROR line.

A process that gives up jobs says so itself, and settles them in its ledger. The jobs that are still there were lost
with the process. Lambda keeps /tmp over a re-init, so ledgers of an earlier life of the environment are read when the
next one starts. Code that empties /tmp takes the ledger with it, so the extension keeps the one of the process that it works
with open.
"""

import posix
import time

from . import contract, log

_LOOK = 0.01  # seconds between two looks at a ledger


def report(directory: str, reason: str, kept: int = -1) -> None:
    """Write one ERROR line for all jobs in all ledgers of ``directory``, and remove the ledgers. Never raises.

    ``kept`` is a ledger that is open: it is read if it has been removed from its directory.
    """
    found = _removed(kept)
    for ledger in _ledgers(directory):
        try:
            jobs = contract.parse_ledger(_read(f"{directory}/{ledger}"))
            posix.unlink(f"{directory}/{ledger}")
        except OSError as fault:
            log.debug(f"the ledger {ledger} cannot be read: {log.describe(fault)}")
            continue
        for name, count in (jobs or {}).items():
            found[name] = found.get(name, 0) + count
    if count := sum(found.values()):
        log.error(f"{count} job{'' if count == 1 else 's'} lost ({', '.join(sorted(found))}): {reason}")


def _removed(kept: int) -> "dict[str, int]":
    try:
        if kept >= 0 and posix.fstat(kept).st_nlink == 0:
            return contract.parse_ledger(posix.pread(kept, contract.LEDGER_SIZE + 1, 0)) or {}
    except OSError as fault:
        log.debug(f"the ledger that was removed cannot be read: {log.describe(fault)}")
    return {}


def keep(directory: str, pid: int) -> int:
    """Return a descriptor of the ledger of a process, -1 if it has none."""
    try:
        return _open(f"{directory}/{contract.LEDGER}{pid}")
    except OSError:
        return -1


def wait_for_living(directory: str, seconds: float) -> None:
    """Wait until no living process has jobs in its ledger, for at most ``seconds``. Never raises.

    On Managed Instances the workers outlive the process that Lambda watches. Each has 0.3 seconds after SIGTERM.
    """
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and any(_is_at_work(directory, name) for name in _ledgers(directory)):
        time.sleep(_LOOK)


def _is_at_work(directory: str, ledger: str) -> bool:
    try:
        posix.kill(int(ledger[len(contract.LEDGER) :]), 0)
        return bool(contract.parse_ledger(_read(f"{directory}/{ledger}")))
    except (OSError, ValueError, OverflowError):
        return False


def _ledgers(directory: str) -> "list[str]":
    try:
        return [name for name in posix.listdir(directory) if name.startswith(contract.LEDGER)]
    except OSError:
        return []


def _read(path: str) -> bytes:
    """Return the file's bytes, at most one more than a ledger has."""
    descriptor = _open(path)
    try:
        return posix.read(descriptor, contract.LEDGER_SIZE + 1)
    finally:
        posix.close(descriptor)


def _open(path: str) -> int:
    """Open it. Does not follow a link or wait for a pipe."""
    return posix.open(path, posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC)
