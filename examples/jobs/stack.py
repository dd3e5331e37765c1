"""A web function and a jobs function from one image, a queue between them, and its dead letters."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App, Duration, Stack
from aws_cdk.aws_lambda import DockerImageCode, DockerImageFunction
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_sqs import DeadLetterQueue, Queue

HERE = Path(__file__).parent
MAX_RECEIVE_COUNT = 13  # for what a crash or throttling leaves; retries are new messages

app = App()
stack = Stack(app, "Jobs")

dead = Queue(stack, "OrdersDead", retention_period=Duration.days(14))
orders = Queue(
    stack,
    "Orders",
    visibility_timeout=Duration.seconds(180),  # six times the function's timeout
    retention_period=Duration.days(14),
    dead_letter_queue=DeadLetterQueue(queue=dead, max_receive_count=MAX_RECEIVE_COUNT),
)
queues = stack.to_json_string(
    {"orders": {"url": orders.queue_url, "max_receive_count": MAX_RECEIVE_COUNT, "dead_letters": dead.queue_name}}
)


def function(name: str) -> DockerImageFunction:
    return DockerImageFunction(
        stack,
        name,
        code=DockerImageCode.from_image_asset(str(HERE)),  # the same image for both
        timeout=Duration.seconds(30),
        environment={"LAMBDA_PUNCH_QUEUES": queues},
    )


web, worker = function("Web"), function("Worker")
orders.grant(web, "sqs:SendMessage")
orders.grant(worker, "sqs:ChangeMessageVisibility", "sqs:SendMessage")  # the mapping grants what it needs itself
dead.grant(worker, "sqs:SendMessage")
worker.add_event_source(SqsEventSource(orders, batch_size=10, report_batch_item_failures=True))

app.synth()
