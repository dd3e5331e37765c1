"""The recurring jobs that are declared in this process: what they are, and the template that has AWS run them.

The template is plain CloudFormation, so SAM, the CDK (CfnInclude), Terraform (aws_cloudformation_stack) and a nested stack
take it as it is. Its parameters are the ARNs of the queues, or of the functions for an asynchronous invoke.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch._settings import current
from lambda_punch.errors import JobOptionError
from lambda_punch.jobs import registry
from lambda_punch.jobs.message import MARK, VERSION
from lambda_punch.jobs.options import DEFAULT_QUEUE

if TYPE_CHECKING:
    from lambda_punch.jobs.schedules.schedule import Schedule

_SUB, _REF = "Fn::Sub", "Ref"


class Recurring(NamedTuple):
    """A recurring job. ``queue`` is its name in the code; for an asynchronous invoke it is a function, or None for its own."""

    job: str
    queue: str | None
    invoked: bool
    group: str | None
    schedule: Schedule

    @property
    def input(self) -> str:
        """The message that its schedule sends."""
        return json.dumps({MARK: VERSION, "job": self.job})

    def next_runs(self, after: float, count: int) -> list[float]:
        """Return when it is due next, in epoch seconds; nothing if that depends on when its schedule is made."""
        if self.schedule.cron is None:
            return []
        return list(itertools.islice(self.schedule.after(after), count))


def recurring() -> list[Recurring]:
    """Return the recurring jobs, by name. Raises JobOptionError if a group cannot be made without arguments."""
    found = []
    for declared in registry.every():
        if declared.schedule is not None:
            invoked = (current().backend or declared.backend) == "lambda_event"
            queue = declared.options.queue or (None if invoked else DEFAULT_QUEUE)
            found.append(Recurring(declared.name, queue, invoked, _group(declared), declared.schedule))
    return found


def _group(declared: registry.Declared) -> str | None:
    if not declared.options.fifo:
        return None
    group = declared.options.group or declared.name
    if isinstance(group, str):
        return group
    try:
        return str(group())
    except Exception as error:
        raise JobOptionError(f"{declared.name}: its group is not known without arguments: {error}") from error


def template(jobs: list[Recurring]) -> dict[str, Any]:
    """Return the template of the schedules, with the role that lets EventBridge Scheduler send or invoke."""
    parameters: dict[str, Any] = {
        "State": {"Type": "String", "Default": "ENABLED", "AllowedValues": ["ENABLED", "DISABLED"]}
    }
    names = _Names({"State", "Role"})
    resources: dict[str, Any] = {}
    allowed: dict[str, list[Any]] = {}
    targets: dict[tuple[str | None, bool], str] = {}
    told: dict[str, dict[str, str | None]] = {}
    for job in jobs:
        place = (job.queue, job.invoked)
        if place not in targets:
            targets[place] = names.take((job.queue or "Function") + " Arn")
            kind = "function" if job.invoked else "queue"
            about = f"ARN of the {kind} {job.queue}" if job.queue else "ARN of the function that runs the jobs"
            parameters[targets[place]] = {"Type": "String", "Description": about}
            told[targets[place]] = {kind: job.queue}
            action = "lambda:InvokeFunction" if job.invoked else "sqs:SendMessage"
            allowed.setdefault(action, []).append({_REF: targets[place]})
        resources[names.take(job.job)] = _schedule(job, targets[place])
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The recurring jobs, written by `lambda-punch jobs schedules --template`.",
        "Metadata": {"Targets": told},  # for lambda_punch.cdk
        "Parameters": parameters,
        "Resources": {"Role": _role(allowed), **resources},
    }


def _schedule(job: Recurring, parameter: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Description": f"Runs the job {job.job}"[:512],
            "ScheduleExpression": job.schedule.expression,
            "ScheduleExpressionTimezone": job.schedule.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": {_REF: "State"},
            "Target": _fifo_target(job, parameter) if job.group else _target(job, parameter),
        },
    }


def _target(job: Recurring, parameter: str) -> dict[str, Any]:
    return {"Arn": {_REF: parameter}, "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "Input": job.input}


def _fifo_target(job: Recurring, parameter: str) -> dict[str, Any]:
    """Return the API call as the target: the queue as one could not be told a deduplication id.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
    """
    call = {
        "QueueUrl": "<queue>",
        "MessageBody": job.input,
        "MessageGroupId": job.group,
        "MessageDeduplicationId": "<aws.scheduler.execution-id>",
    }
    text = (
        json.dumps(call).replace("${", "${!").replace("<queue>", "https://sqs.${Region}.${Suffix}/${Account}/${Name}")
    )
    parts = {"Fn::Split": [":", {_REF: parameter}]}
    variables = {
        "Region": {"Fn::Select": [3, parts]},
        "Account": {"Fn::Select": [4, parts]},
        "Name": {"Fn::Select": [5, parts]},
        "Suffix": {_REF: "AWS::URLSuffix"},
    }
    return {
        "Arn": {_SUB: "arn:${AWS::Partition}:scheduler:::aws-sdk:sqs:sendMessage"},
        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "Input": {_SUB: [text, variables]},
    }


def _role(allowed: dict[str, list[Any]]) -> dict[str, Any]:
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {_REF: "AWS::AccountId"}}},
    }
    statements = [{"Effect": "Allow", "Action": action, "Resource": resources} for action, resources in allowed.items()]
    policy = {"PolicyName": "Send", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]},
            "Policies": [policy],
        },
    }


class _Names:
    """Names in a template: letters and digits, each once."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken

    def take(self, text: str) -> str:
        """Return a name that says as much as it may, and take it."""
        words = re.split(r"[^A-Za-z0-9]+", text)
        name = "".join(word[:1].upper() + word[1:] for word in words)[:200] or "Job"
        chosen = next(
            each
            for each in itertools.chain([name], (f"{name}{n}" for n in itertools.count(2)))
            if each not in self._taken
        )
        self._taken.add(chosen)
        return chosen
