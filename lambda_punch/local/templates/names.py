"""What the resources of a template are called on this machine: names, ARNs, and the URLs of queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.local.platform.configuration import ACCOUNT_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STACK = "local"
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
QUEUE = "AWS::SQS::Queue"
_NAMES = ("FunctionName", "QueueName", "TableName", "BucketName", "TopicName", "LayerName", "StateMachineName", "Name")


def pseudo_parameters(region: str) -> dict[str, Any]:
    """Return the values of AWS's own parameters."""
    return {
        "AWS::AccountId": ACCOUNT_ID,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": region,
        "AWS::StackId": f"arn:aws:cloudformation:{region}:{ACCOUNT_ID}:stack/{STACK}/local",
        "AWS::StackName": STACK,
        "AWS::URLSuffix": "amazonaws.com",
    }


class Names:
    """Answers !Ref and !GetAtt. ``endpoint`` is the server of the queues; ``resolve`` gives a value and its place.

    A resource that is not run here has the name that the template gives it, or its logical one.
    """

    def __init__(
        self, resources: Mapping[str, Any], region: str, endpoint: str, resolve: Callable[[Any, str], Any]
    ) -> None:
        self._resources = resources
        self._region = region
        self._endpoint = endpoint
        self._resolve = resolve

    def kind(self, logical: str) -> str:
        """Return a resource's type; raise KeyError if there is none."""
        return str(self._resources[logical].get("Type", ""))

    def name(self, logical: str) -> str:
        """Return the name that a resource has."""
        properties = self._resources[logical].get("Properties") or {}
        given = next((properties[each] for each in _NAMES if each in properties), None)
        name = logical if given is None else str(self._resolve(given, f"{logical}.{given}"))
        if self.kind(logical) == QUEUE and properties.get("FifoQueue") in (True, "true") and not name.endswith(".fifo"):
            return f"{name}.fifo"
        return name

    def arn(self, logical: str) -> str:
        """Return a resource's ARN."""
        name, kind = self.name(logical), self.kind(logical)
        if kind in FUNCTIONS:
            return f"arn:aws:lambda:{self._region}:{ACCOUNT_ID}:function:{name}"
        service = kind.split("::")[1].lower() if kind.count("::") == 2 else "local"
        return f"arn:aws:{service}:{self._region}:{ACCOUNT_ID}:{name}"

    def url(self, logical: str) -> str:
        """Return a queue's URL."""
        return f"{self._endpoint}/{ACCOUNT_ID}/{self.name(logical)}"

    def ref(self, logical: str) -> Any:
        """Return what !Ref gives."""
        if logical == "ServerlessRestApi" or (logical not in self._resources and logical == "ServerlessHttpApi"):
            return "local"  # which SAM makes for events of type Api and HttpApi
        kind = self.kind(logical)
        if kind == QUEUE:
            return self.url(logical)
        return self.arn(logical) if kind == "AWS::SNS::Topic" else self.name(logical)

    def attribute(self, logical: str, attribute: str) -> Any:
        """Return what !GetAtt gives; for what is not known here, ``Logical.Attribute``."""
        self.kind(logical)
        if attribute == "Arn":
            return self.arn(logical)
        if self.kind(logical) == QUEUE:
            return {"QueueName": self.name, "QueueUrl": self.url}.get(attribute, lambda _: f"{logical}.{attribute}")(
                logical
            )
        return f"{logical}.{attribute}"
