"""The message: a JSON object that names a registered job and carries its arguments.

    {"lambda_punch": 1, "job": "shop.mail.send", "id": "…", "enqueued_at": 1760000000000, "attempt": 1,
     "args": [42], "kwargs": {}, "delay": 60, "trace": "Root=1-…"}

Only the mark and the job's name are needed, so a scheduler can be given ``{"lambda_punch": 1, "job": "report"}``; the
message's id then is that of its delivery. It names a declared job, never something to import, so a forged message can
run nothing else. Times are epoch milliseconds. ``attempt`` is one more than the attempts made before this message was
sent. ``delay`` (seconds) is for FIFO queues, which cannot delay one message: the consumer does it. A message that cannot
be read becomes a Poison. That is a value and not an exception, because one such message must not disturb the others of
its batch.

Every decision travels with the message, so no consumer has to guess it from receive counts. A retry is a new
message with the next ``attempt``, the ``error`` of the last one (its type), and ``due``, before which it is not run. A
delay that is longer than SQS's own is a ``due``, too. ``retries`` and ``timeout`` are there if using() has changed them.
``traceparent``, ``tracestate`` and ``baggage`` are W3C's; see tracing.py.
``lock`` is that of a unique job, and ``keep`` the seconds for which its result is kept; see store/. ``s3`` is
the address of arguments that are too large for the message, which has none itself.
``dead`` says why a message is not run any more; only a queue without a dead-letter queue holds such messages.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

VERSION = 1
MARK = "lambda_punch"  # the first key: its value is the format's version


class Message(NamedTuple):
    """One call of a job, as it travels."""

    job: str
    id: str
    args: list[Any]
    kwargs: dict[str, Any]
    enqueued_at: int
    attempt: int = 1
    delay: int = 0
    trace: str | None = None
    due: int = 0
    error: str | None = None
    dead: str | None = None
    retries: int | None = None
    timeout: float | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    baggage: str | None = None
    lock: str | None = None
    keep: int | None = None
    s3: str | None = None


class Poison(NamedTuple):
    """A message that cannot be run, and why."""

    reason: str


def encode(message: Message) -> str:
    """Return the message's body, with only characters that SQS takes; its size is that of its UTF-8 bytes.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    fields: dict[str, Any] = {
        MARK: VERSION,
        "job": message.job,
        "id": message.id,
        "enqueued_at": message.enqueued_at,
        "attempt": message.attempt,
        "args": message.args,
        "kwargs": message.kwargs,
    }
    if message.delay:
        fields["delay"] = message.delay
    for name in ("trace", "due", "error", "dead", "traceparent", "tracestate", "baggage", "lock", "s3"):
        value = getattr(message, name)
        if value:
            fields[name] = value
    for name in ("retries", "timeout", "keep"):
        value = getattr(message, name)
        if value is not None:
            fields[name] = value
    return _written(fields)


def afresh(body: str) -> str:
    """Return a message's body as it was when it was first sent: the first attempt, and no wait. Others stay as they are.

    Fields that this release does not know are kept.
    """
    fields = _parse(body)
    if not isinstance(fields, dict) or fields.get(MARK) != VERSION:
        return body
    left = {name: value for name, value in fields.items() if name not in _OF_AN_ATTEMPT}
    if "attempt" in fields:
        left["attempt"] = 1
    try:
        return _written(left)
    except (ValueError, RecursionError):  # it was read, but is too deep to be written
        return body


def _written(fields: dict[str, Any]) -> str:
    body = json.dumps(fields, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return body if body.isascii() else _REFUSED.sub(_escaped, body)


def size_of(body: str) -> int:
    """Return how many bytes of a service's limit a body takes."""
    return len(body) if body.isascii() else len(body.encode())


def is_marked(body: object) -> bool:
    """Tell whether a body, as text or parsed, says that it is one of our messages, in whatever version."""
    if isinstance(body, str):
        if _BEGINS_AS_OURS.match(body):  # also one that is cut off or mistyped further on: nobody else begins like that
            return True
        if MARK not in body:
            return False
        body = _parse(body)
    return isinstance(body, dict) and MARK in body


def decode(body: object) -> Message | Poison:
    """Read a body, as text or parsed. Never raises."""
    if isinstance(body, str):
        body = _parse(body)
    if isinstance(body, Poison):
        return body
    if not isinstance(body, dict) or MARK not in body:
        return Poison("it is not a message of lambda-punch")
    if body[MARK] != VERSION or isinstance(body[MARK], bool):
        return Poison(f"it has format version {body[MARK]!r}, and this release reads version {VERSION}")
    if body.get("job") is None:
        return Poison("its field 'job' is missing or has the wrong type")
    for field, value in body.items():
        kinds = _KINDS.get(field)
        if kinds is not None and value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            return Poison(f"its field {field!r} is missing or has the wrong type")
    return Message(
        body["job"], body.get("id") or "", body.get("args") or [], body.get("kwargs") or {}, body.get("enqueued_at") or 0,
        max(1, body.get("attempt") or 1), max(0, body.get("delay") or 0), body.get("trace"), max(0, body.get("due") or 0),
        body.get("error"), body.get("dead"), body.get("retries"), body.get("timeout"),
        body.get("traceparent"), body.get("tracestate"), body.get("baggage"), body.get("lock"), body.get("keep"),
        body.get("s3"),
    )  # fmt: skip


_OF_AN_ATTEMPT = ("attempt", "delay", "due", "error", "dead")

_KINDS: dict[str, type | tuple[type, ...]] = {
    "job": str,
    "id": str,
    "args": list,
    "kwargs": dict,
    "enqueued_at": int,
    "attempt": int,
    "delay": int,
    "trace": str,
    "due": int,
    "error": str,
    "dead": str,
    "retries": int,
    "timeout": (int, float),
    "traceparent": str,
    "tracestate": str,
    "baggage": str,
    "lock": str,
    "keep": int,
    "s3": str,
}

_BEGINS_AS_OURS = re.compile(r'\s*\{\s*"lambda_punch"\s*:')

# The characters beyond ASCII that SQS refuses; JSON has escapes for them, and for those of ASCII it uses them anyway.
_REFUSED = re.compile("[\ud800-\udfff\ufffe\uffff]")


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _parse(text: str) -> object:
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError) as error:
        return Poison(f"its body is not JSON: {error}")


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse)  # json.loads() would make one for each message
