"""Results and locks in a DynamoDB table whose partition key is the string ``pk``, and whose TTL attribute is ``expires``.

DynamoDB removes what has expired some time later, up to days, so each read and each condition looks at the time itself.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from lambda_punch.jobs import aws
from lambda_punch.jobs.store.interface import EXPIRES, HOLDER, KEY, SENT, Held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambda_punch.jobs.store.interface import Item

_MOST_IN_BATCH = 25  # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html


class DynamoDb:
    """One table; has no state of its own."""

    def __init__(self, table: str) -> None:
        self._table = table

    def take(self, key: str, holder: str, expires: float) -> Held | None:
        """Take a lock that nobody has, that has expired, or that ``holder`` has already (its first answer was lost)."""
        item: Item = {KEY: key, HOLDER: holder, EXPIRES: expires}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_written(item),
                ConditionExpression="attribute_not_exists(#key) OR #expires <= :now OR #holder = :me",
                ExpressionAttributeNames={"#key": KEY, "#expires": EXPIRES, "#holder": HOLDER},
                ExpressionAttributeValues={":now": _value(time.time()), ":me": _value(holder)},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            found = error.response.get("Item")
            other = _read(found) if found else self.get(key) or {}
            return Held(str(other.get(HOLDER, "unknown")), SENT in other)
        return None

    def confirm(self, key: str, holder: str, expires: float) -> None:
        """Keep a lock for longer."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_written({KEY: key}),
                UpdateExpression="SET #expires = :expires, #sent = :sent",
                ConditionExpression="#holder = :me",
                ExpressionAttributeNames={"#expires": EXPIRES, "#sent": SENT, "#holder": HOLDER},
                ExpressionAttributeValues={":expires": _value(expires), ":sent": _value(1), ":me": _value(holder)},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # the job has been run already, and has freed it

    def free(self, key: str, holder: str) -> None:
        """Free a lock."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=_written({KEY: key}),
                ConditionExpression="#holder = :me",
                ExpressionAttributeNames={"#holder": HOLDER},
                ExpressionAttributeValues={":me": _value(holder)},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # it has expired, and somebody else may have it

    def add(self, items: Sequence[Item]) -> None:
        """Write items, 25 with one call. What DynamoDB leaves undone is written once more."""
        if len(items) == 1:
            self._client.put_item(TableName=self._table, Item=_written(items[0]))
            return
        for start in range(0, len(items), _MOST_IN_BATCH):
            puts = [{"PutRequest": {"Item": _written(item)}} for item in items[start : start + _MOST_IN_BATCH]]
            left = self._client.batch_write_item(RequestItems={self._table: puts}).get("UnprocessedItems")
            for each in next(iter(left.values())) if left else ():
                self._client.put_item(TableName=self._table, Item=each["PutRequest"]["Item"])

    def change(self, key: str, fields: Item) -> None:
        """Write fields."""
        names = {f"#{number}": name for number, name in enumerate(fields)}
        values = {f":{number}": _value(value) for number, value in enumerate(fields.values())}
        self._client.update_item(
            TableName=self._table,
            Key=_written({KEY: key}),
            UpdateExpression="SET " + ", ".join(f"#{number} = :{number}" for number in range(len(fields))),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )

    def remove(self, key: str) -> None:
        """Remove an item."""
        self._client.delete_item(TableName=self._table, Key=_written({KEY: key}))

    def get(self, key: str) -> Item | None:
        """Return an item as the last write left it."""
        answer = self._client.get_item(TableName=self._table, Key=_written({KEY: key}), ConsistentRead=True)
        item = _read(answer["Item"]) if answer.get("Item") else None
        return item if item is not None and float(item.get(EXPIRES, 0)) > time.time() else None

    @property
    def _client(self) -> Any:
        return aws.client("dynamodb")


def _value(value: str | float) -> dict[str, str]:
    """Return a value as DynamoDB has it. A time is in whole seconds, as its TTL needs it."""
    return {"S": value} if isinstance(value, str) else {"N": str(math.ceil(value))}


def _written(item: Item) -> dict[str, dict[str, str]]:
    return {name: _value(value) for name, value in item.items()}


def _read(item: dict[str, dict[str, str]]) -> dict[str, str | float]:
    return {
        name: value["S"] if "S" in value else float(value["N"])
        for name, value in item.items()
        if "S" in value or "N" in value
    }
