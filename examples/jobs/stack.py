"""A web function and a jobs function from one image, a queue between them, and its dead letters."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App, Duration, Stack
from aws_cdk.aws_cloudwatch import TreatMissingData
from aws_cdk.aws_lambda import DockerImageCode, DockerImageFunction
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_sqs import DeadLetterQueue, Queue
from aws_cdk.cloudformation_include import CfnInclude

HERE = Path(__file__).parent
MAX_RECEIVE_COUNT = 13  # for what a crash or throttling leaves; retries are new messages
MOST_ENVIRONMENTS = 10
LONGEST_WAIT = 16_200  # seconds: 4.5 hours; the last wait of the table is 4.1

app = App()
stack = Stack(app, "Jobs")

# lambda-punch dashboard finds the dead letters by these names
dead = Queue(stack, "OrdersDead", queue_name=f"{stack.stack_name}-orders-dead", retention_period=Duration.days(14))
orders = Queue(
    stack,
    "Orders",
    queue_name=f"{stack.stack_name}-orders",
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
worker.add_event_source(
    SqsEventSource(orders, batch_size=10, report_batch_item_failures=True, max_concurrency=MOST_ENVIRONMENTS)
)
dead.metric_approximate_number_of_messages_visible(period=Duration.minutes(1), statistic="Maximum").create_alarm(
    stack, "OrdersDied", threshold=1, evaluation_periods=1, treat_missing_data=TreatMissingData.NOT_BREACHING
)
orders.metric_approximate_age_of_oldest_message(period=Duration.minutes(5), statistic="Maximum").create_alarm(
    stack, "OrdersLate", threshold=LONGEST_WAIT, evaluation_periods=1, treat_missing_data=TreatMissingData.NOT_BREACHING
)
# written by: lambda-punch jobs schedules --app app --template > schedules.json
CfnInclude(stack, "Schedules", template_file=str(HERE / "schedules.json"), parameters={"OrdersArn": orders.queue_arn})

app.synth()
