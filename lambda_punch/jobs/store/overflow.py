"""Arguments that are too large for a message: they are an object in S3, and the message has its address.

    s3://BUCKET/lambda-punch/JOB-ID       {"args": [...], "kwargs": {...}}

The object is written before the message is sent, and removed when the job is done or was dropped. A retry and a dead letter keep
it. Only the object of the message's own id in the configured bucket is read or removed, whatever a message says.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.jobs import aws
from lambda_punch.jobs.message import Message, Poison, decode
from lambda_punch.jobs.store.writing import write
from lambda_punch.runtime.start import job_settings

if TYPE_CHECKING:
    from lambda_punch.jobs.backends.outgoing import Overflow

_PREFIX = "lambda-punch/"
_GONE = ("NoSuchKey", "404")


def address(bucket: str, identity: str) -> str:
    """Return where the arguments of a job are."""
    return f"s3://{bucket}/{_PREFIX}{identity}"


def put(overflow: Overflow, identity: str) -> None:
    """Write the arguments of a job. Raises what boto3 raises."""
    aws.client("s3").put_object(
        Bucket=overflow.bucket, Key=_PREFIX + identity, Body=overflow.body.encode(), ContentType="application/json"
    )


def fetched(body: object) -> object | Poison | None:
    """Return a message's body with its arguments; the body itself if they are in it.

    Returns a Poison if they are gone for good. If S3 does not give them now, logs one ERROR line and returns None. Raises
    nothing.
    """
    message = decode(body)
    if isinstance(message, Poison) or not message.s3:
        return body
    bucket = job_settings().bucket
    if bucket is None:
        return Poison(
            f"its arguments are at {message.s3}, and no bucket is configured; configure bucket, or LAMBDA_PUNCH_BUCKET"
        )
    if message.s3 != address(bucket, message.id):
        return Poison(f"its arguments are said to be at {message.s3}, and not at {address(bucket, message.id)}")
    try:
        found = aws.client("s3").get_object(Bucket=bucket, Key=_PREFIX + message.id)["Body"].read()
    except Exception as error:  # noqa: BLE001 - botocore's, of any kind; the other messages of the batch are run
        if _is_gone(error):
            return Poison(
                f"its arguments are no longer at {message.s3}: its job has been run to its end before, or the bucket's lifecycle has "
                "removed them"
            )
        logger().error(
            "job %s %s is not run now, and its message comes back: its arguments at %s cannot be read: %s",
            message.job, message.id, message.s3, aws.cause(error) or repr(error),
        )  # fmt: skip
        return None
    return _joined(body, found, message.s3)


def _joined(body: object, found: bytes, place: str) -> object | Poison:
    try:
        arguments: Any = json.loads(found)
        fields: Any = json.loads(body) if isinstance(body, str) else body
        return {**fields, "args": arguments["args"], "kwargs": arguments["kwargs"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Poison(f"what is at {place} is not a job's arguments: {error!r}")


def remove(message: Message, until: float = float("inf")) -> None:
    """Remove the arguments of a job that has ended, if they are in S3. ``until``: when time is up, in epoch seconds."""
    bucket = job_settings().bucket
    if message.s3 and bucket is not None and message.s3 == address(bucket, message.id):
        drop(bucket, message.job, message.id, until)


def drop(bucket: str, job: str, identity: str, until: float = float("inf")) -> None:
    """Remove an object. One that cannot be removed is one ERROR line, and the bucket's lifecycle removes it."""

    def delete() -> None:
        aws.client("s3").delete_object(Bucket=bucket, Key=_PREFIX + identity)

    write(f"the arguments of job {job} {identity} stay at {address(bucket, identity)}", delete, until, store="s3")


def _is_gone(error: Exception) -> bool:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", "")) in _GONE
