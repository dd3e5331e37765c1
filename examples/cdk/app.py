"""Two functions that answer first and work afterwards, one from a zip file and one from an image."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App, Duration, Stack
from aws_cdk.aws_lambda import (
    Architecture,
    Code,
    DockerImageCode,
    DockerImageFunction,
    Function,
    LayerVersion,
    Runtime,
)

HERE = Path(__file__).parent

app = App()
stack = Stack(app, "Hello")

layer = LayerVersion(
    stack,
    "LambdaPunchLayer",
    code=Code.from_asset(str(HERE / "layer.zip")),  # lambda-punch layer --python 3.13 --arch arm64 -o layer.zip
    compatible_runtimes=[Runtime.PYTHON_3_13],
    compatible_architectures=[Architecture.ARM_64],
)

Function(
    stack,
    "HelloFromZip",
    code=Code.from_asset(str(HERE.parent / "hello")),  # the handler, and nothing of lambda-punch
    handler="app.handler",
    runtime=Runtime.PYTHON_3_13,
    architecture=Architecture.ARM_64,
    timeout=Duration.seconds(10),  # the work after the response is within it
    layers=[layer],
)

DockerImageFunction(
    stack,
    "HelloFromImage",
    code=DockerImageCode.from_image_asset(str(HERE.parent / "image")),
    timeout=Duration.seconds(10),
)

app.synth()
