"""What the library and the extension must agree on; each side has its own copy of this file.

The extension may come from a layer that was built at another version than the function's own package. A shared import
would hide that; with two copies and a version in every exchange it is one clear error line. A test checks that the two
copies are equal, byte for byte. The file imports nothing, because the extension reads it before it registers.

The rendezvous directory holds:

``handled``
    The extension makes it before it registers, so before the runtime exists: where this file is, the extension is.
    It begins as a greeting. The library overwrites that with one record at a time, each by a single ``write``, and
    inotify tells the extension.
``drain-PID``
    The ZeroMQ socket (ipc) of the runtime process PID, bound at its first jobs.
``jobs-PID``
    The ledger of the runtime process PID, made at its first push: which jobs it has taken and not yet done. It is
    mapped into the memory of the process, so an entry costs no system call and survives the process. The extension
    reads there which jobs were lost.
"""

VERSION = 1
HANDLED_FILE = "handled"
RECORD_SIZE = 512  # bytes, at most; a record ends with its newline

# The states that a record can tell.
READY = "ready"  # the function uses the library; nothing has been handled yet
EMPTY = "empty"  # this request is handled, no job waits
JOBS = "jobs"  # this request is handled, jobs wait: ask for a drain
HEIR = "heir"  # the environment shuts down, and the process PID works off the leftovers
STATES = (READY, EMPTY, JOBS, HEIR)

ANY_REQUEST = "-"  # stands for a request id that the library does not know

# ZeroMQ messages, one frame a field. Request: version, DRAIN, request id, until (epoch milliseconds).
# Answer: version, DONE, request id, jobs run, of these failed, jobs left; or version, REFUSED, request id, reason.
DRAIN = b"drain"
DONE = b"done"
REFUSED = b"refused"
FRAME_SIZE = 256  # bytes, at most
MESSAGE_VERSION = b"%d" % VERSION

# The ledger: a greeting, the names of callables (a line each), and a ring of slots, each the number of the line (from
# 1) that names the job in it, in two bytes, little end first; 0 is a free slot.
LEDGER = "jobs-"
LEDGER_GREETING = b"lambda-punch jobs %d\n" % VERSION
LEDGER_NAMES = 64  # bytes before the names
LEDGER_SLOTS = 16384  # bytes before the slots
LEDGER_SIZE = 32768  # bytes; the names end with a zero byte before the slots
LEDGER_NAME_SIZE = 256  # bytes of one name, at most
LEDGER_OTHERS = b"(others)"  # the first name, for jobs whose own name finds no room

MARGIN = 0.2  # seconds before the function's deadline from which on no job starts and the extension does not hold

_NUMBER_LENGTH = 20
_REQUEST_ID_LENGTH = 128


class Record:
    """One state of the handled-file, valid as constructed."""

    __slots__ = ("pid", "request_id", "sequence", "state", "until_ms")

    def __init__(self, sequence: int, state: str, pid: int, until_ms: int, request_id: str) -> None:
        self.sequence = sequence
        self.state = state
        self.pid = pid
        self.until_ms = until_ms
        self.request_id = request_id


def rendezvous(directory: str, runtime_api: str, uid: int) -> str:
    """Return the path of the directory in which the two processes meet.

    ``directory`` is the value of LAMBDA_PUNCH_DIR and wins if it is set. Otherwise the path is made from the
    user and from AWS_LAMBDA_RUNTIME_API, which is the same for both processes and, where several environments
    share a machine (never on Lambda), different for each environment.
    """
    if directory:
        return directory
    address = "".join(char if char.isalnum() else "-" for char in runtime_api)
    return f"/tmp/lambda-punch-{uid}-{address}"  # noqa: S108 - all that Lambda lets be written; both sides check it


def drain_endpoint(directory: str, pid: int) -> str:
    """Return the ZeroMQ endpoint at which the runtime process ``pid`` takes drain requests."""
    return f"ipc://{directory}/drain-{pid}"


def is_request_id(text: str) -> bool:
    """Tell whether a record and a message can carry this request id as it is."""
    return 0 < len(text) <= _REQUEST_ID_LENGTH and text.isascii() and text.isprintable() and " " not in text


def greeting(pid: int) -> bytes:
    """Return what the extension, as process ``pid``, writes into the new handled-file."""
    return b"lambda-punch %d %d\n" % (VERSION, pid)


def parse_greeting(data: bytes) -> "tuple[int, int] | None":
    """Return contract version and process id of the extension, or None if this is no greeting."""
    fields = data[:RECORD_SIZE].partition(b"\n")[0].split(b" ")
    if len(fields) != 3 or fields[0] != b"lambda-punch":
        return None
    version, pid = _number(fields[1]), _number(fields[2])
    return None if version is None or pid is None else (version, pid)


def encode_record(sequence: int, state: str, pid: int, until_ms: int, request_id: str) -> bytes:
    """Return the bytes of a record. The sequence stands at both ends, so that a torn read shows."""
    return f"{VERSION} {sequence} {state} {pid} {until_ms} {request_id} {sequence}\n".encode("ascii")


def parse_record(data: bytes) -> "Record | None":
    """Return the record, or None for anything else: a greeting, a torn read, another version, hostile bytes."""
    line, newline, _ = data[:RECORD_SIZE].partition(b"\n")
    fields = line.split(b" ")
    if not newline or len(fields) != 7 or fields[0] != MESSAGE_VERSION or fields[1] != fields[6]:
        return None
    sequence, pid, until_ms = _number(fields[1]), _number(fields[3]), _number(fields[4])
    if sequence is None or pid is None or until_ms is None or not line.isascii():
        return None
    state, request_id = fields[2].decode("ascii"), fields[5].decode("ascii")
    if state not in STATES or not is_request_id(request_id):
        return None
    return Record(sequence, state, pid, until_ms, request_id)


def parse_ledger(data: bytes) -> "dict[str, int] | None":
    """Return how many jobs of each name are not done, or None if this is no ledger."""
    if len(data) != LEDGER_SIZE or not data.startswith(LEDGER_GREETING):
        return None
    names = data[LEDGER_NAMES:LEDGER_SLOTS].partition(b"\0")[0].split(b"\n")
    found: dict[str, int] = {}
    for place in range(LEDGER_SLOTS, LEDGER_SIZE, 2):
        if number := data[place] | data[place + 1] << 8:
            raw = names[number - 1] if number <= len(names) else LEDGER_OTHERS
            text = raw[:LEDGER_NAME_SIZE].decode("ascii", "replace")
            name = text if text.isprintable() else repr(text)
            found[name] = found.get(name, 0) + 1
    return found


def _number(text: bytes) -> "int | None":
    return int(text) if text.isdigit() and len(text) <= _NUMBER_LENGTH else None
