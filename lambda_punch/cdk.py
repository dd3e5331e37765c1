"""What durable jobs need on AWS, as one construct of the CDK: ``from lambda_punch.cdk import DurableJobs``. Extra ``cdk``.

    worker = DockerImageFunction(stack, "Worker", code=..., timeout=Duration.seconds(30))
    jobs = DurableJobs(stack, "Jobs", queues=["orders", "bills.fifo"], worker=worker, senders=[web])
    for alarm in jobs.alarms:
        alarm.add_alarm_action(SnsAction(topic))

It runs where a stack is synthesised, and never in a function.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_punch._settings import OPTIONS
from lambda_punch.errors import JobOptionError, MissingExtraError

try:
    from aws_cdk import Duration, Stack, aws_dynamodb, aws_s3, aws_sqs
    from aws_cdk.aws_cloudwatch import Alarm, IMetric, TreatMissingData
    from aws_cdk.aws_lambda_event_sources import SqsEventSource
    from aws_cdk.cloudformation_include import CfnInclude
    from constructs import Construct
except ImportError:
    raise MissingExtraError("aws-cdk-lib", extra="cdk", part="lambda_punch.cdk") from None

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk.aws_lambda import Function

_TIMEOUT = 3  # seconds: of a function that says nothing of it
_TIMES = 6  # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_RETENTION = 14  # days, the most that SQS has
_LIFECYCLE = 30  # days: a message, and then its dead letter
_LONGEST_WAIT = 16_200  # seconds: 4.5 hours; the last wait of the table is 4.1
_TABLE = ("PutItem", "UpdateItem", "DeleteItem", "GetItem", "BatchWriteItem")
_LARGE = "lambda-punch/*"


class DurableJobs(Construct):  # type: ignore[misc]  # it is Any where the extra is not installed
    """Queues with their dead letters, the mappings to the worker, alarms, permissions, and the settings of the functions.

    ``queues``: their names in the code; those ending in .fifo keep order. ``worker``: the function that runs the jobs; it has
    to have its timeout. ``senders``: other functions that enqueue. ``schedules``: the file that `lambda-punch jobs
    schedules --template` has written. ``table``: make the table for results and unique jobs. ``bucket``: make the bucket for
    large arguments. ``batch_size``: messages that one invoke gets at most. ``max_concurrency``: environments that one queue
    takes at most, from 2. ``max_receive_count``: receives before SQS itself moves a message; retries are new messages and do
    not count.

    Attributes: ``queues`` and ``dead_letters``, the queues of the CDK by their names in the code; ``alarms``; ``table`` and
    ``bucket``, or None. Raises JobOptionError if the schedules need a queue that is not here.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        scope: Construct,
        construct_id: str,
        *,
        queues: Sequence[str],
        worker: Function,
        senders: Sequence[Function] = (),
        schedules: str | Path | None = None,
        table: bool = False,
        bucket: bool = False,
        batch_size: int = 10,
        max_concurrency: int = 10,
        max_receive_count: int = 13,
    ) -> None:
        super().__init__(scope, construct_id)
        self.queues: dict[str, Any] = {}
        self.dead_letters: dict[str, Any] = {}
        self.alarms: list[Any] = []
        self._worker = worker
        self._functions = [worker, *senders]
        self._max_receive_count = max_receive_count
        for name in queues:
            self._queue(name)
            self._map(name, batch_size, max_concurrency)
            self._watch(name)
        self.table = self._table() if table else None
        self.bucket = self._bucket() if bucket else None
        self._tell()
        if schedules is not None:
            self._schedule(Path(schedules))

    def _queue(self, name: str) -> None:
        stem, fifo = name.removesuffix(".fifo"), name.endswith(".fifo")
        physical = f"{Stack.of(self).stack_name}-{stem}"  # lambda-punch dashboard finds the dead letters by these names
        end, more = (".fifo", {"fifo": True}) if fifo else ("", {})
        timeout = _TIMEOUT if self._worker.timeout is None else self._worker.timeout.to_seconds()
        self.dead_letters[name] = dead = aws_sqs.Queue(
            self, f"{_camel(name)}Dead", queue_name=f"{physical}-dead{end}", retention_period=Duration.days(_RETENTION), **more
        )  # fmt: skip
        self.queues[name] = queue = aws_sqs.Queue(
            self, _camel(name), queue_name=f"{physical}{end}", retention_period=Duration.days(_RETENTION),
            visibility_timeout=Duration.seconds(_TIMES * timeout),
            dead_letter_queue=aws_sqs.DeadLetterQueue(queue=dead, max_receive_count=self._max_receive_count), **more,
        )  # fmt: skip
        for function in self._functions:
            queue.grant(function, "sqs:SendMessage")
        queue.grant(self._worker, "sqs:ChangeMessageVisibility")  # the mapping grants what it needs itself
        dead.grant(self._worker, "sqs:SendMessage")

    def _map(self, name: str, batch_size: int, max_concurrency: int) -> None:
        self._worker.add_event_source(
            SqsEventSource(
                self.queues[name],
                batch_size=batch_size,
                max_concurrency=max_concurrency,
                report_batch_item_failures=True,
            )
        )

    def _watch(self, name: str) -> None:
        dead = self.dead_letters[name].metric_approximate_number_of_messages_visible
        age = self.queues[name].metric_approximate_age_of_oldest_message
        self._alarm(f"{_camel(name)}Died", dead(period=Duration.minutes(1), statistic="Maximum"), 1)
        self._alarm(f"{_camel(name)}Late", age(period=Duration.minutes(5), statistic="Maximum"), _LONGEST_WAIT)

    def _alarm(self, construct_id: str, metric: IMetric, threshold: int) -> None:
        self.alarms.append(
            Alarm(
                self,
                construct_id,
                metric=metric,
                threshold=threshold,
                evaluation_periods=1,
                treat_missing_data=TreatMissingData.NOT_BREACHING,
            )
        )

    def _table(self) -> Any:
        table = aws_dynamodb.Table(
            self, "Table", partition_key=aws_dynamodb.Attribute(name="pk", type=aws_dynamodb.AttributeType.STRING),
            billing_mode=aws_dynamodb.BillingMode.PAY_PER_REQUEST, time_to_live_attribute="expires",
        )  # fmt: skip
        for function in self._functions:
            table.grant(function, *(f"dynamodb:{action}" for action in _TABLE))
        return table

    def _bucket(self) -> Any:
        rule = aws_s3.LifecycleRule(prefix="lambda-punch/", expiration=Duration.days(_LIFECYCLE))
        bucket = aws_s3.Bucket(
            self, "Bucket", lifecycle_rules=[rule], enforce_ssl=True, block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL
        )  # fmt: skip
        for function in self._functions:
            bucket.grant_put(function, _LARGE)
            bucket.grant_delete(function, _LARGE)
        bucket.grant_read(self._worker)  # with the list, or a missing object would be a forbidden one
        return bucket

    def _tell(self) -> None:
        """Set the variables, so that the library asks AWS for nothing."""
        settings = {
            name: {
                "url": queue.queue_url, "max_receive_count": self._max_receive_count,
                "dead_letters": self.dead_letters[name].queue_name,
            }
            for name, queue in self.queues.items()
        }  # fmt: skip
        for function in self._functions:
            function.add_environment(OPTIONS["queues"].variable, Stack.of(self).to_json_string(settings))
            if self.table is not None:
                function.add_environment(OPTIONS["table"].variable, self.table.table_name)
            if self.bucket is not None:
                function.add_environment(OPTIONS["bucket"].variable, self.bucket.bucket_name)

    def _schedule(self, file: Path) -> None:
        template = json.loads(file.read_text(encoding="utf-8"))
        parameters = {}
        for parameter, target in template["Metadata"]["Targets"].items():
            if "function" in target:
                parameters[parameter] = self._worker.function_arn
            elif target["queue"] in self.queues:
                parameters[parameter] = self.queues[target["queue"]].queue_arn
            else:
                raise JobOptionError(
                    f"{file} has a job for queue {target['queue']}, which is not among {', '.join(self.queues)}"
                )
        CfnInclude(self, "Schedules", template_file=str(file), parameters=parameters, preserve_logical_ids=False)


def _camel(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.replace(".", "-").replace("_", "-").split("-"))
