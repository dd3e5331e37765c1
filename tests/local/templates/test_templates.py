"""Templates are read as SAM and CloudFormation read them; what cannot be run here is one sentence that names the place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local.errors import TemplateError
from lambda_punch.local.templates.application import Application, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FUNCTION = "{Type: AWS::Serverless::Function, Properties: {Runtime: python3.13, Handler: app.handler, %s}}"


@pytest.fixture
def application(tmp_path: Path) -> Callable[..., Application]:
    def application(text: str, **parameters: str) -> Application:
        (tmp_path / "template.yaml").write_text(text)
        return read(tmp_path / "template.yaml", parameters, region="eu-west-1", endpoint="http://sqs")

    return application


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref Stage", "dev"),
        ("!Ref Work", "http://sqs/123456789012/Work"),
        ("!GetAtt Work.Arn", "arn:aws:sqs:eu-west-1:123456789012:Work"),
        ("!GetAtt Named.QueueName", "named.fifo"),
        ("!GetAtt F.Arn", "arn:aws:lambda:eu-west-1:123456789012:function:F"),
        ("!Ref Table", "orders-table"),
        ("!Ref Bucket", "Bucket"),
        ('!Sub "${Stage}/${AWS::Region}/${Work.QueueName}/${!Kept}"', "dev/eu-west-1/Work/${Kept}"),
        ('!Sub ["${A}-${Stage}", {A: !Ref AWS::AccountId}]', "123456789012-dev"),
        ('!Join ["-", [a, !Ref Stage]]', "a-dev"),
        ("!If [IsProd, big, small]", "small"),
        ("!If [NotProd, [big], small]", "['big']"),
        ('!Select [1, !Split [",", "a,b"]]', "b"),
        ("!Select [0, !Ref Several]", "x"),
        ("!FindInMap [Sizes, !Ref Stage, size]", "1"),
        ("{'Fn::Base64': hi}", "aGk="),
        ("2026-01-01", "2026-01-01"),
        ("true", "true"),
    ],
)
def test_what_functions_give(application: Callable[..., Application], value: str, expected: str) -> None:
    found = application(f"""
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Stage: {{Type: String, Default: dev}}
  Several: {{Type: CommaDelimitedList, Default: "x, y"}}
Mappings: {{Sizes: {{dev: {{size: 1}}}}}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  NotProd: !And [!Not [!Condition IsProd], !Or [!Equals [a, a], !Equals [a, b]]]
Resources:
  Work: {{Type: AWS::SQS::Queue}}
  Named: {{Type: AWS::SQS::Queue, Properties: {{QueueName: named, FifoQueue: true}}}}
  Table: {{Type: AWS::DynamoDB::Table, Properties: {{TableName: orders-table}}}}
  Bucket: {{Type: AWS::S3::Bucket}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      Environment: {{Variables: {{VALUE: {value}}}}}
""")
    assert found.functions[0].variables == {"VALUE": expected}


def test_no_value_leaves_a_property_out_and_a_condition_a_resource(application: Callable[..., Application]) -> None:
    text = """
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources:
  A: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.13, Handler: a.b, Timeout: !If [IsProd, 60, !Ref AWS::NoValue]}}
  B: {Type: AWS::Serverless::Function, Condition: IsProd, Properties: {Runtime: python3.13, Handler: a.b}}
"""
    assert [(each.logical, each.timeout) for each in application(text).functions] == [("A", 3.0)]
    assert [(each.logical, each.timeout) for each in application(text, Stage="prod").functions] == [("A", 60), ("B", 3)]


def test_globals_are_for_all_and_a_function_s_own_word_wins(application: Callable[..., Application]) -> None:
    found = application("""
Globals:
  Function:
    Runtime: python3.13
    Timeout: 20
    MemorySize: 256
    Layers: [arn:one]
    Environment: {Variables: {A: 1, B: shared}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, Timeout: 9, Layers: [arn:two], Environment: {Variables: {B: own}}}
""").functions[0]
    assert (found.timeout, found.memory, found.layers) == (9, 256, ("arn:one", "arn:two"))
    assert found.variables == {"A": "1", "B": "own"}


def test_dead_letter_queues_come_before_the_queues_whose_messages_they_take(
    application: Callable[..., Application],
) -> None:
    found = application(f"""
Resources:
  Work:
    Type: AWS::SQS::Queue
    Properties: {{VisibilityTimeout: 60, RedrivePolicy: {{deadLetterTargetArn: !GetAtt Zombies.Arn, maxReceiveCount: 3}}}}
  Zombies: {{Type: AWS::SQS::Queue}}
  F: {FUNCTION % "Events: {Work: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, BatchSize: 3}}}"}
""")
    assert [each.name for each in found.queues] == ["Zombies", "Work"]
    assert found.queues[1].attributes["VisibilityTimeout"] == "60"
    (source,) = found.functions[0].queues
    assert (source.arn.rpartition(":")[2], source.batch_size, source.partial) == ("Work", 3, False)


def test_what_is_not_run_here_is_left_out_and_named(application: Callable[..., Application]) -> None:
    found = application(f"""
Resources:
  Machine: {{Type: AWS::Serverless::StateMachine, Properties: {{DefinitionUri: !Sub "${{Unknown}}"}}}}
  Layer: {{Type: AWS::Serverless::LayerVersion, Properties: {{ContentUri: layer.zip}}}}
  Node: {{Type: AWS::Serverless::Function, Properties: {{Runtime: nodejs22.x, Handler: a.b}}}}
  F: {FUNCTION % "Policies: [!ImportValue Elsewhere], Events: {Photo: {Type: S3, Properties: {Bucket: x}}}"}
""")
    assert [each.logical for each in found.functions] == ["F"]
    assert found.notes == [
        "layer Layer is left out: there is no layer.zip yet",
        "Node is left out: its runtime nodejs22.x is not Python's",
        "F.Events.Photo is left out: events of type S3 do not come here; send one by hand",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Resources: [", "is not YAML"),
        ("a: 1", "it has no Resources"),
        ("Resources: {A: {Type: AWS::SQS::Queue}}", "has no function that can be run here"),
        (f"Resources: {{F: {FUNCTION % 'CodeUri: nowhere'}}}", "F: CodeUri nowhere is not a directory"),
        (f"Resources: {{F: {FUNCTION % 'CodeUri: s3://bucket/key'}}}", "F: its code is not on this machine"),
        (f"Resources: {{F: {FUNCTION % 'InlineCode: x'}}}", "F: InlineCode is not run here"),
        (f"Resources: {{F: {FUNCTION % 'Timeout: soon'}}}", "F: Timeout must be a number, not 'soon'"),
        (
            f"Resources: {{F: {FUNCTION % 'Timeout: !Ref Nobody'}}}",
            "F.Timeout: there is no parameter or resource Nobody",
        ),
        (f"Resources: {{F: {FUNCTION % 'Timeout: !ImportValue X'}}}", "F.Timeout: Fn::ImportValue is not known here"),
        (
            f"Resources: {{F: {FUNCTION % 'Timeout: !Join [1]'}}}",
            "F.Timeout: Fn::Join has arguments that it cannot have",
        ),
        (f"Resources: {{F: {FUNCTION % 'Timeout: !If [None, 1, 2]'}}}", "the template has no condition None"),
        (
            f"Parameters: {{P: {{Type: Number}}}}\nResources: {{F: {FUNCTION % 'Timeout: !Ref P'}}}",
            "parameter P has no default; give it with --parameter P=VALUE",
        ),
        (
            f"Resources: {{F: {FUNCTION % 'Events: {E: {Type: Schedule, Properties: {Schedule: at(2026-01-01)}}}'}}}",
            "F.Events.E: only rate(...) and cron(...) are run here",
        ),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {PackageType: Image}}}",
            "lambda-punch local --image",
        ),
    ],
)
def test_what_cannot_be_run_is_one_sentence_with_its_place(
    application: Callable[..., Application], text: str, said: str
) -> None:
    with pytest.raises(TemplateError) as raised:
        application(text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_parameter_that_the_template_does_not_have_is_refused(application: Callable[..., Application]) -> None:
    arguments: dict[str, Any] = {"Stege": "prod"}
    with pytest.raises(TemplateError, match="no parameter Stege"):
        application(f"Resources: {{F: {FUNCTION % 'Timeout: 3'}}}", **arguments)


def test_the_handler_of_an_image_is_what_its_dockerfile_says(
    application: Callable[..., Application], tmp_path: Path
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text('FROM x\nCMD ["old.handler"]\nCMD [ "src/app.handler" ]\n')
    (function,) = application(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {PackageType: Image}, Metadata: {DockerContext: web}}}"
    ).functions
    assert (function.handler, function.code) == ("src/app.handler", tmp_path / "web")
