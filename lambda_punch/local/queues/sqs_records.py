"""What an event source mapping makes of SQS messages, and how it reads a function's answer.

The record's shape: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html. What counts as success and failure:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html.
"""

from __future__ import annotations

import base64
import json
from typing import Any

LARGEST_EVENT = 6 * 1024 * 1024


def record(message: dict[str, Any], arn: str) -> dict[str, Any]:
    """Return the record of a message as boto3's receive_message gives it."""
    made = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: str(value) for name, value in message.get("Attributes", {}).items()},
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        made["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return made


def batches(records: list[dict[str, Any]], size: int) -> list[list[dict[str, Any]]]:
    """Cut records into batches of at most ``size``, each an event of at most 6 MB."""
    cut: list[list[dict[str, Any]]] = []
    length = 0
    for each in records:
        its_length = len(json.dumps(each))
        if not cut or len(cut[-1]) == size or length + its_length > LARGEST_EVENT:
            cut.append([])
            length = len('{"Records":[]}')
        cut[-1].append(each)
        length += its_length + 2
    return cut


def failed_ids(payload: bytes, ids: set[str], *, ok: bool, partial: bool = True) -> set[str]:
    """Return which of the messages ``ids`` are not done, by the function's answer.

    ``ok``: whether it answered instead of failing. ``partial``: whether the mapping has ReportBatchItemFailures; without
    it an answer, whatever it says, means that all are done.
    """
    if not ok or not partial:
        return set() if ok else ids
    try:
        answer = json.loads(payload or b"null")
    except ValueError:
        return ids
    items = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if answer is None or answer == {} or (isinstance(answer, dict) and not items):
        return set()
    if not isinstance(items, list):
        return ids
    named = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in items]
    if any(not isinstance(name, str) or name not in ids for name in named):
        return ids
    return {str(name) for name in named}


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value.get("DataType", "String")}
    if "StringValue" in value:
        made["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        made["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode("ascii")
    return made
