"""A web function and a jobs function from one image, with a queue between them: what template.yaml has, by the CDK."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App, Duration, Stack
from aws_cdk.aws_lambda import DockerImageCode, DockerImageFunction
from lambda_punch.cdk import DurableJobs

HERE = Path(__file__).parent

app = App()
stack = Stack(app, "Jobs")


def function(name: str) -> DockerImageFunction:
    image = DockerImageCode.from_image_asset(str(HERE))  # the same for both
    return DockerImageFunction(stack, name, code=image, timeout=Duration.seconds(30))


DurableJobs(
    stack,
    "Durable",
    queues=["orders"],
    worker=function("Worker"),
    senders=[function("Web")],
    schedules=HERE / "schedules.json",  # written by: lambda-punch jobs schedules --app app --template > schedules.json
)

app.synth()
