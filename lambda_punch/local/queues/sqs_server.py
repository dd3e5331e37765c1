"""SQS on this machine: moto's server in this process, or any endpoint that speaks SQS, and the queues on it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

REGION = "eu-west-1"
MAX_RECEIVE_COUNT = 13  # the first try and twelve more
_RETENTION = 14 * 24 * 3600


class SqsServer:
    """An SQS endpoint, as a context manager. Without the ``endpoint`` of a server that runs already, one is started.

    A server that is started here begins empty. It also empties all others that this process has started, so use one at
    a time.
    """

    def __init__(self, endpoint: str | None = None) -> None:
        self.endpoint = endpoint or ""
        self._server: Any = None
        self._client: Any = None

    def __enter__(self) -> Self:
        """Start the server, unless one runs already. Raises MissingExtraError."""
        if not self.endpoint:
            try:
                from moto.server import ThreadedMotoServer
            except ImportError as error:
                raise MissingExtraError("moto's server", extra="jobs", part="a queue on this machine") from error
            from .moto_fixes import mend

            mend()
            logging.getLogger("werkzeug").setLevel(logging.ERROR)
            self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
            self._server.start()
            host, port = self._server.get_host_and_port()
            self.endpoint = f"http://{host}:{port}"
            self._forget()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server that was started, and drop its queues."""
        if self._server is not None:
            self._forget()
            self._server.stop()

    @property
    def is_ours(self) -> bool:
        """Whether it was started here, in this process."""
        return self._server is not None

    def _forget(self) -> None:
        """Drop all queues: moto keeps them for the life of the process, not of its server."""
        import requests

        requests.post(f"{self.endpoint}/moto-api/reset", timeout=10)

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which boto3 in a function finds the queues."""
        return {
            "AWS_ENDPOINT_URL_SQS": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    @property
    def client(self) -> Any:
        """A boto3 client of the endpoint. Raises MissingExtraError."""
        if self._client is None:
            try:
                import boto3
            except ImportError as error:
                raise MissingExtraError("boto3", extra="jobs", part="a queue on this machine") from error
            self._client = boto3.client(
                "sqs",
                endpoint_url=self.endpoint,
                region_name=REGION,
                aws_access_key_id="local",
                aws_secret_access_key="local",  # noqa: S106 - a local server does not ask
            )
        return self._client

    def queue(self, name: str, *, visibility: int, max_receive_count: int = MAX_RECEIVE_COUNT) -> tuple[str, str]:
        """Return the URL and ARN of a queue. A missing one is made as the templates do it, dead letters too."""
        try:
            url = str(self.client.get_queue_url(QueueName=name)["QueueUrl"])
        except self.client.exceptions.QueueDoesNotExist:
            fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
            common = {"MessageRetentionPeriod": str(_RETENTION), **fifo}
            dead = self.client.create_queue(QueueName=dead_letters(name), Attributes=common)["QueueUrl"]
            policy = {"deadLetterTargetArn": self._attribute(dead, "QueueArn"), "maxReceiveCount": max_receive_count}
            attributes = {"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(policy), **common}
            url = str(self.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
        return url, self._attribute(url, "QueueArn")

    def create(self, name: str, attributes: Mapping[str, str]) -> str:
        """Make a queue with these attributes, unless it is there; return its URL."""
        try:
            return str(self.client.get_queue_url(QueueName=name)["QueueUrl"])
        except self.client.exceptions.QueueDoesNotExist:
            return str(self.client.create_queue(QueueName=name, Attributes=dict(attributes))["QueueUrl"])

    def visibility(self, url: str) -> int:
        """Return a queue's visibility timeout in seconds."""
        return int(self._attribute(url, "VisibilityTimeout"))

    def counts(self, url: str) -> tuple[int, int, int]:
        """Return how many messages are visible, how many in flight or put off, and how many delayed."""
        names = [f"ApproximateNumberOfMessages{suffix}" for suffix in ("", "NotVisible", "Delayed")]
        found = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        visible, in_flight, delayed = (int(found.get(name, 0)) for name in names)
        return visible, in_flight, delayed

    def _attribute(self, url: str, name: str) -> str:
        return str(self.client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def dead_letters(name: str) -> str:
    """Return the name of a queue's dead-letter queue."""
    stem = name.removesuffix(".fifo")
    return f"{stem}-dead" + name[len(stem) :]
