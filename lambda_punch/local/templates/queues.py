"""A queue of a template: its name and the attributes with which SQS makes it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from lambda_punch.local.errors import TemplateError

_ATTRIBUTES = {
    "VisibilityTimeout": "VisibilityTimeout",
    "DelaySeconds": "DelaySeconds",
    "MessageRetentionPeriod": "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "MaximumMessageSize": "MaximumMessageSize",
    "FifoQueue": "FifoQueue",
    "ContentBasedDeduplication": "ContentBasedDeduplication",
}


class QueueDefinition(NamedTuple):
    """One queue. ``dead_letters``: the ARN of its dead-letter queue; it must be there before this one."""

    logical: str
    name: str
    attributes: dict[str, str]
    dead_letters: str | None = None


def queue_of(logical: str, name: str, properties: dict[str, Any]) -> QueueDefinition:
    """Return the queue of resolved properties. Raises TemplateError."""
    attributes = {
        attribute: str(properties[given]).lower() if isinstance(properties[given], bool) else str(properties[given])
        for given, attribute in _ATTRIBUTES.items()
        if given in properties
    }
    if attributes.get("FifoQueue") == "false":  # SQS refuses the attribute on a standard queue
        del attributes["FifoQueue"]
    policy = properties.get("RedrivePolicy")
    if policy is None:
        return QueueDefinition(logical, name, attributes)
    try:
        policy = json.loads(policy) if isinstance(policy, str) else policy
        target, most = str(policy["deadLetterTargetArn"]), int(policy["maxReceiveCount"])
    except (ValueError, KeyError, TypeError) as error:
        raise TemplateError(f"{logical}.RedrivePolicy needs deadLetterTargetArn and maxReceiveCount") from error
    attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": most})
    return QueueDefinition(logical, name, attributes, target)
