"""SQSBackend and LambdaEventBackend with the real consumer, its queues in memory; run by Django's test runner."""

import datetime as dt
import json
import os
from contextlib import ExitStack
from importlib import import_module

import project_tasks as tasks
from asgiref.sync import sync_to_async
from django.core import checks
from django.db import transaction
from django.test import SimpleTestCase, TransactionTestCase, override_settings
from django.utils import timezone

from lambda_punch.integrations import django as ours
from lambda_punch.jobs import JobOptionError, exponential
from lambda_punch.testing import enqueued

framework = import_module(os.environ["TASKS_PACKAGE"])
errors = import_module(os.environ["TASKS_PACKAGE"] + ".exceptions")
signals = import_module(os.environ["TASKS_PACKAGE"] + ".signals")
InvalidTask = getattr(errors, "InvalidTask", None) or errors.InvalidTaskError
Status = framework.TaskResultStatus

PATH = "lambda_punch.integrations.django."
TASKS = {
    "default": {
        "BACKEND": PATH + "SQSBackend",
        "QUEUES": ["default", "bulk"],
        "OPTIONS": {"queues": {"bulk": "shop-bulk"}},
    },
    "event": {"BACKEND": PATH + "LambdaEventBackend", "OPTIONS": {"function": "worker"}},
    "at-once": {"BACKEND": PATH + "SQSBackend", "OPTIONS": {"enqueue_on_commit": False}},
}


@override_settings(TASKS=TASKS)
class Durable(SimpleTestCase):
    databases = ("default",)

    def setUp(self):
        self.heard = []
        tasks.ran.clear()
        for name in ("task_enqueued", "task_started", "task_finished"):
            getattr(signals, name).connect(self.hear)
            self.addCleanup(getattr(signals, name).disconnect, self.hear)

    def hear(self, sender, task_result, **_):
        self.heard.append((sender.__name__, task_result.status, task_result.attempts, task_result.id))

    def test_a_task_goes_through_the_queue_and_runs_with_its_context(self):
        with enqueued() as jobs:
            result = tasks.attempts.enqueue("name")
            self.assertEqual((len(jobs), result.status), (1, Status.READY))
            jobs.run()
        self.assertEqual(
            self.heard,
            [
                ("SQSBackend", Status.READY, 0, result.id),
                ("SQSBackend", Status.RUNNING, 1, result.id),
                ("SQSBackend", Status.SUCCESSFUL, 1, result.id),
            ],
        )
        self.assertEqual(jobs.dead, [])

    def test_async_tasks_run_too(self):
        with enqueued() as jobs:
            tasks.aadd.enqueue(1, b=2)
            jobs.run()
        self.assertEqual(self.heard[-1][1], Status.SUCCESSFUL)

    def test_the_queue_name_chooses_the_queue(self):
        with enqueued() as jobs:
            tasks.keep.enqueue("default")
            tasks.keep.using(queue_name="bulk").enqueue("bulk")
            queues = [entry.outgoing.queue for entry in jobs.backend.entries()]
            jobs.run()
        self.assertEqual(queues, ["default", "shop-bulk"])
        self.assertEqual(tasks.ran, ["default", "bulk"])

    def test_an_asynchronous_invoke_names_its_function(self):
        with enqueued() as jobs:
            tasks.keep.using(backend="event").enqueue("event")
            self.assertEqual([entry.outgoing.queue for entry in jobs.backend.entries()], ["worker"])
            jobs.run()
        self.assertEqual(self.heard[-1][:2], ("LambdaEventBackend", Status.SUCCESSFUL))

    def test_a_failure_is_tried_again_and_counted(self):
        with enqueued() as jobs, self.assertLogs(level="ERROR"):
            result = tasks.fail.enqueue("broken")
            jobs.run(rounds=5)  # three batches, and two waits
        failed = [attempt for _, status, attempt, _ in self.heard if status == Status.FAILED]
        self.assertEqual(failed, [1, 2, 3])
        self.assertEqual({identity for *_, identity in self.heard}, {result.id})

    def test_run_after_delays_the_message(self):
        with enqueued() as jobs:
            tasks.keep.using(run_after=timezone.now() + dt.timedelta(minutes=10)).enqueue("later")
            tasks.keep.using(run_after=timezone.now() - dt.timedelta(minutes=10)).enqueue("past")
            delays = [entry.outgoing.delay for entry in jobs.backend.entries()]
            jobs.run()
        self.assertTrue(598 <= delays[0] <= 601, delays)
        self.assertEqual(delays[1], 0)
        self.assertEqual(tasks.ran, ["past", "later"])

    def test_run_after_may_be_days_away(self):
        with enqueued() as jobs:
            began = jobs.backend.clock()
            tasks.keep.using(run_after=timezone.now() + dt.timedelta(days=9)).enqueue("much later")
            jobs.run()
            self.assertLess(abs(jobs.backend.clock() - began - 9 * 86_400), 60)
        self.assertEqual(tasks.ran, ["much later"])

    def test_what_the_lanes_cannot_do_is_refused(self):
        with self.assertRaisesMessage(InvalidTask, "priority"):
            tasks.keep.using(priority=1)
        with self.assertRaisesMessage(InvalidTask, "run_after"):
            tasks.keep.using(backend="event", run_after=timezone.now())
        with self.assertRaises(TypeError), enqueued():
            tasks.keep.enqueue({1})

    def test_a_message_can_name_nothing_but_tasks(self):
        from lambda_punch.integrations.django.durable_backend import run_task
        from lambda_punch.jobs import PoisonMessageError

        rest = ("default", "id", timezone.now().isoformat(), "default", [], {})
        for path in ("this.is.nothing", "antigravity.fly", "os.getcwd", "project_tasks.ran"):
            with self.assertRaises(PoisonMessageError):
                run_task(path, *rest)

    def test_arguments_arrive_as_json_carries_them(self):
        with enqueued() as jobs:
            tasks.keep.enqueue((1, {"a": None}))
            json.dumps(next(iter(jobs)).args)
            jobs.run()
        self.assertEqual(tasks.ran, [[1, {"a": None}]])


def per_person(name, **_):
    return f"of-{name}"


OPTIONS = {
    "queues": {"urgent": "shop-urgent", "default": "shop.fifo"},
    "priorities": {"urgent": 10, "very": 50, "bulk": -10},
    "retries": 1,
    "wait": exponential(base=100, jitter=0),
    "group": per_person,
    "tasks": {
        "project_tasks.fail": {"retries": 2, "timeout": 30, "wait": exponential(base=1000, jitter=0)},
        "project_tasks.keep": {"group": "all"},
    },
}


@override_settings(TASKS={"default": {"BACKEND": PATH + "SQSBackend", "OPTIONS": OPTIONS}})
class Options(SimpleTestCase):
    databases = ("default",)

    def declared(self, task):
        """The task, as a module has it that is imported with these settings."""
        return framework.task()(task.func)

    def runs(self, task):
        """How often a task is run that always fails, and for how many seconds it waits in all."""
        with enqueued() as jobs:
            began = jobs.backend.clock()
            task.enqueue("why")
            message = next(iter(jobs))
            jobs.run()
            self.assertEqual(len(jobs.dead), 1)
        return message.retries, message.timeout, round(jobs.backend.clock() - began)

    def test_retries_timeout_and_waits_are_those_of_the_task_or_of_all(self):
        ran = []
        signals.task_started.connect(lambda **_: ran.append(1), weak=False, dispatch_uid="count")
        self.addCleanup(signals.task_started.disconnect, dispatch_uid="count")
        self.assertEqual(self.runs(self.declared(tasks.fail)), (2, 30, 3000))
        self.assertEqual(len(ran), 3)
        self.assertEqual(self.runs(self.declared(tasks.not_json).using(group="some"))[::2], (1, 100))
        self.assertEqual(len(ran), 5)

    def test_using_wins_for_one_call(self):
        task = self.declared(tasks.fail)
        self.assertEqual(self.runs(task.using(retries=0, timeout=5, priority=50)), (0, 5, 0))
        self.assertEqual(self.runs(task.using(retries=0).using(run_after=None)), (0, 30, 0))
        with self.assertRaises(JobOptionError):
            task.using(retries=99).enqueue("why")

    def test_the_group_is_a_text_or_a_function_of_the_arguments(self):
        with enqueued() as jobs:
            self.declared(tasks.attempts).enqueue(name="ann")
            self.declared(tasks.keep).enqueue("word")
            self.declared(tasks.keep).using(group="own").enqueue("word")
            groups = [entry.group for entry in jobs.backend.entries()]
        self.assertEqual(groups, ["of-ann", "all", "own"])

    def test_a_priority_chooses_a_queue(self):
        with enqueued() as jobs:
            for priority in (0, 9, 10, 49, 50, 100, -9, -10, -100):
                tasks.keep.using(priority=priority).enqueue(priority)
            entries = jobs.backend.entries()
            queues = {json.loads(entry.outgoing.body)["args"][5][0]: entry.outgoing.queue for entry in entries}
            jobs.run()
        expected = {
            0: "shop.fifo", 9: "shop.fifo", -9: "shop.fifo", 10: "shop-urgent", 49: "shop-urgent", 50: "very", 100: "very",
            -10: "bulk", -100: "bulk",
        }  # fmt: skip
        self.assertEqual(queues, expected)
        self.assertEqual(sorted(tasks.ran[-9:]), [-100, -10, -9, 0, 9, 10, 49, 50, 100])


KEPT = {"default": {"BACKEND": PATH + "SQSBackend", "OPTIONS": {"keep_results": 600, "retries": 1}}}


class Results(SimpleTestCase):
    databases = ("default",)

    def setUp(self):
        stack = ExitStack()
        self.addCleanup(stack.close)
        stack.enter_context(override_settings(TASKS=KEPT))
        self.jobs = stack.enter_context(enqueued())

    def test_a_result_can_be_looked_up_by_id(self):
        task = framework.task()(tasks.add.func)
        result = task.enqueue(1, b=2)
        self.assertEqual(next(iter(self.jobs)).id, result.id)
        ready = task.get_result(result.id)
        self.assertEqual((ready.status, ready.attempts, ready.args, ready.kwargs), (Status.READY, 0, [1], {"b": 2}))
        self.assertLess(abs(ready.enqueued_at - result.enqueued_at), dt.timedelta(seconds=5))
        self.jobs.run()
        result.refresh()
        self.assertEqual((result.status, result.return_value, result.attempts), (Status.SUCCESSFUL, 3, 1))
        self.assertTrue(result.started_at <= result.finished_at)
        self.assertEqual(result.errors, [])

    async def test_asynchronously_too(self):
        task = framework.task()(tasks.aadd.func)
        result = await task.aenqueue(1, b=2)
        await sync_to_async(self.jobs.run)()
        await result.arefresh()
        self.assertEqual((await task.aget_result(result.id)).return_value, result.return_value)
        self.assertEqual(result.return_value, 3)

    def test_a_failure_is_ready_again_and_then_failed(self):
        result = framework.task()(tasks.fail.func).enqueue("broken")
        with self.assertLogs(level="ERROR"):
            self.jobs.run(rounds=1)
            result.refresh()
            self.assertEqual((result.status, result.attempts, result.finished_at), (Status.READY, 1, None))
            self.jobs.run()
        result.refresh()
        self.assertEqual((result.status, result.attempts), (Status.FAILED, 2))
        self.assertIs(result.errors[0].exception_class, ValueError)
        self.assertIn("raise ValueError(how)", result.errors[0].traceback)

    def test_what_is_not_known_does_not_exist(self):
        task = framework.task()(tasks.add.func)
        result = task.enqueue(1, b=2)
        with self.assertRaises(errors.TaskResultDoesNotExist):
            task.get_result("another")
        with self.assertRaises(errors.TaskResultMismatch):
            framework.task()(tasks.keep.func).get_result(result.id)
        with override_settings(TASKS=TASKS), self.assertRaisesMessage(NotImplementedError, "keep_results"):
            framework.task()(tasks.add.func).get_result(result.id)

    def test_it_needs_a_table(self):
        self.assertEqual(Checks.found(self, "SQSBackend", keep_results=600), ["lambda_punch.E009"])
        self.assertEqual(Checks.found(self, "SQSBackend", keep_results="long"), ["lambda_punch.E009"])


@override_settings(TASKS=TASKS)
class OnCommit(TransactionTestCase):
    def test_a_task_is_sent_at_the_commit_and_not_after_a_rollback(self):
        with enqueued() as jobs:
            with transaction.atomic():
                tasks.keep.enqueue("committed")
                self.assertEqual(len(jobs), 0)
            self.assertEqual(len(jobs), 1)
            try:
                with transaction.atomic():
                    tasks.keep.enqueue("rolled back")
                    raise LookupError
            except LookupError:
                pass
            self.assertEqual(len(jobs), 1)


@override_settings(TASKS=TASKS)
class Sqs(SimpleTestCase):
    databases = ("default",)

    def test_a_server_that_speaks_sqs_carries_a_task_to_the_handler(self):
        import boto3

        sqs = boto3.client("sqs")
        url = sqs.create_queue(QueueName="shop-bulk")["QueueUrl"]
        tasks.ran.clear()
        tasks.keep.using(queue_name="bulk").enqueue("over SQS")
        (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], WaitTimeSeconds=2)["Messages"]
        record = {
            "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
            "attributes": message["Attributes"], "messageAttributes": {}, "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:shop-bulk", "awsRegion": "eu-west-1",
        }  # fmt: skip
        self.assertEqual(ours.jobs_handler({"Records": [record]}), {"batchItemFailures": []})
        self.assertEqual(tasks.ran, ["over SQS"])


class Checks(SimpleTestCase):
    def found(self, backend, **options):
        with override_settings(TASKS={"default": {"BACKEND": PATH + backend, "OPTIONS": options}}):
            return sorted({message.id for message in checks.run_checks() if message.id.startswith("lambda_punch")})

    def test_settings_are_checked(self):
        self.assertEqual(self.found("SQSBackend", queues={"default": "shop"}, after_response=True), [])
        self.assertEqual(self.found("LambdaEventBackend", function="worker"), [])
        self.assertEqual(self.found("SQSBackend", function="worker"), ["lambda_punch.E001"])
        self.assertEqual(self.found("SQSBackend", queues=["shop"]), ["lambda_punch.E005"])
        self.assertEqual(self.found("SQSBackend", queues={"other": "shop"}), ["lambda_punch.E006"])
        self.assertEqual(self.found("SQSBackend", **OPTIONS), [])
        self.assertEqual(self.found("SQSBackend", retries=99), ["lambda_punch.E007"])
        self.assertEqual(self.found("SQSBackend", tasks={"a.b": {"wait": 5}}), ["lambda_punch.E007"])
        self.assertEqual(self.found("SQSBackend", tasks={"a.b": {"delay": 5}}), ["lambda_punch.E007"])
        self.assertEqual(self.found("SQSBackend", tasks=["a.b"]), ["lambda_punch.E007"])
        self.assertEqual(self.found("SQSBackend", priorities={"urgent": 0}), ["lambda_punch.E008"])
        self.assertEqual(self.found("LambdaEventBackend", timeout=5), [])
        self.assertEqual(self.found("LambdaEventBackend", tasks={"a.b": {"retries": 5}}), ["lambda_punch.E007"])
