"""The clients of boto3, one for each service and process. boto3 is imported when the first is needed."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import MissingExtraError, QueueError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVICES = {  # of the calls that are not SQS's
    "GetMetricData": "cloudwatch",
    **dict.fromkeys(("PutItem", "GetItem", "UpdateItem", "DeleteItem", "BatchWriteItem"), "dynamodb"),
    **dict.fromkeys(("PutObject", "GetObject", "DeleteObject"), "s3"),
}
_CONNECT, _READ = 5, 15  # seconds
_SHORT = {"dynamodb": (1, 2), "s3": (2, 10)}  # what a job does not depend on must not take its time

_lock = threading.Lock()
_clients: dict[tuple[str, int], Any] = {}


def client(service: str) -> Any:
    """Return this process's client, for any thread. A forked child makes its own.

    boto3 takes region, credentials and endpoint (AWS_ENDPOINT_URL_SQS, say) from the environment. The first call takes
    some 0.3 s, because it imports boto3. Raises MissingExtraError if boto3 is not installed.
    """
    key = service, os.getpid()
    made = _clients.get(key)
    if made is not None:
        return made
    with _lock:
        if key not in _clients:
            try:
                import boto3
                from botocore.config import Config
            except ImportError:
                raise MissingExtraError("boto3", extra="sqs", part=f"sending to {service}") from None
            connect, read = _SHORT.get(service, (_CONNECT, _READ))
            retries = {"mode": "standard", **({"total_max_attempts": 2} if service in _SHORT else {})}
            config = Config(retries=retries, connect_timeout=connect, read_timeout=read, max_pool_connections=20)
            _clients[key] = boto3.session.Session().client(service, config=config)
        return _clients[key]


def was_refused(error: Exception) -> bool:
    """Tell whether AWS certainly did not do what was asked. After a lost answer, or a 5xx, it may have done it."""
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)) < 500
    never_connected = (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError)
    return isinstance(error, never_connected) or not isinstance(error, exceptions.HTTPClientError)


def require(part: str, *, extra: str) -> None:
    """Raise MissingExtraError, which names the part that needs it and the extra to install, if boto3 is not installed."""
    try:
        import boto3  # noqa: F401 - only whether it is there
    except ImportError:
        raise MissingExtraError("boto3", extra=extra, part=part) from None


@contextmanager
def explained(act: str) -> Iterator[None]:
    """Raise QueueError for what boto3 raises inside: one sentence, with what to do about it if that is known."""
    try:
        yield
    except Exception as error:
        reason = cause(error)
        if reason is None:
            raise
        raise QueueError(f"{act}: {reason}") from error


def cause(error: Exception) -> str | None:
    """Return what went wrong in words, or None for an error that is not boto3's."""
    from botocore import exceptions

    text = " ".join(str(error).split())
    if isinstance(error, exceptions.ClientError):
        return _refusal(error, text)
    if isinstance(error, exceptions.NoRegionError):
        return "no region is set; name one, or set AWS_DEFAULT_REGION"
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return f"{text}; name a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return text if isinstance(error, (exceptions.BotoCoreError, ValueError)) else None


def use(service: str, made: Any) -> None:
    """Have ``client(service)`` return this client in this process, until ``forget()``."""
    _clients[service, os.getpid()] = made


def _refusal(error: Any, text: str) -> str:
    """Return why AWS has refused a call."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code.endswith(("NonExistentQueue", "QueueDoesNotExist")):
        return "there is no such queue here; check its name, the region and the account"
    if "AccessDenied" in code:
        action = error.operation_name.removesuffix("Batch")
        return f"it is not allowed; allow {_SERVICES.get(action, 'sqs')}:{action} ({text})"
    if code == "NoSuchBucket":
        return "there is no such bucket; check its name"
    if code == "ResourceNotFoundException":
        return "there is no such table here; check its name, the region and the account"
    return text


def forget() -> None:
    """Make new clients from now on, for tests that change the endpoint."""
    _clients.clear()
