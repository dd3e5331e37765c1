"""What Django's tests ask of its own backends, asked of this library's. Django's test runner runs it in its own process."""

import asyncio
import datetime as dt
import os
import threading
from importlib import import_module

import project_tasks as tasks
from django.core import checks
from django.core.management import call_command
from django.db import connection, transaction
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings
from django.utils import timezone

from lambda_punch.integrations.django import PunchBackend
from lambda_punch.testing import inline, recorded

framework = import_module(os.environ["TASKS_PACKAGE"])
errors = import_module(os.environ["TASKS_PACKAGE"] + ".exceptions")
signals = import_module(os.environ["TASKS_PACKAGE"] + ".signals")
InvalidTask = getattr(errors, "InvalidTask", None) or errors.InvalidTaskError
Status = framework.TaskResultStatus


class Signals:
    """The signals sent in a block, each with the status at that moment."""

    def __enter__(self):
        self.heard = []
        for name in ("task_enqueued", "task_started", "task_finished"):
            getattr(signals, name).connect(getattr(self, name))
        return self.heard

    def __exit__(self, *_):
        for name in ("task_enqueued", "task_started", "task_finished"):
            getattr(signals, name).disconnect(getattr(self, name))

    def task_enqueued(self, sender, task_result, **_):
        self.heard.append(("enqueued", sender, task_result.status))

    def task_started(self, sender, task_result, **_):
        self.heard.append(("started", sender, task_result.status))

    def task_finished(self, sender, task_result, **_):
        self.heard.append(("finished", sender, task_result.status))


class Enqueueing(SimpleTestCase):
    databases = ("default",)

    def test_backend_is_ours(self):
        self.assertIsInstance(framework.task_backends["default"], PunchBackend)

    def test_a_result_is_ready_until_the_task_has_run(self):
        with recorded() as jobs:
            result = tasks.add.enqueue(1, b=2)
        self.assertEqual(result.status, Status.READY)
        self.assertEqual((result.args, result.kwargs), ([1], {"b": 2}))
        self.assertIsNotNone(result.enqueued_at)
        self.assertIsNone(result.started_at)
        self.assertLessEqual(len(result.id), 64)
        self.assertEqual([job.name for job in jobs], ["project_tasks.add"])
        with self.assertRaisesMessage(ValueError, "Task has not finished yet"):
            result.return_value
        jobs.run()
        self.assertEqual(result.status, Status.SUCCESSFUL)
        self.assertEqual(result.return_value, 3)
        self.assertEqual(result.attempts, 1)
        self.assertLessEqual(result.enqueued_at, result.started_at)
        self.assertLessEqual(result.started_at, result.finished_at)
        self.assertEqual(result.last_attempted_at, result.started_at)

    def test_signals_and_statuses_come_in_the_order_of_the_immediate_backend(self):
        with Signals() as heard, inline():
            tasks.add.enqueue(1, 2)
        self.assertEqual(
            heard,
            [
                ("enqueued", PunchBackend, Status.READY),
                ("started", PunchBackend, Status.RUNNING),
                ("finished", PunchBackend, Status.SUCCESSFUL),
            ],
        )

    def test_a_failure_is_in_the_result_and_in_django_s_log(self):
        with Signals() as heard, inline(), self.assertLogs(os.environ["TASKS_PACKAGE"], "ERROR") as logs:
            result = tasks.fail.enqueue("broken")
        self.assertEqual(result.status, Status.FAILED)
        self.assertEqual([status for *_, status in heard], [Status.READY, Status.RUNNING, Status.FAILED])
        self.assertIs(result.errors[0].exception_class, ValueError)
        self.assertIn("ValueError: broken", result.errors[0].traceback)
        self.assertIn("ValueError: broken", "".join(logs.output))
        with self.assertRaisesMessage(ValueError, "Task failed"):
            result.return_value

    def test_a_value_that_json_cannot_carry_fails_the_task(self):
        with inline(), self.assertLogs(os.environ["TASKS_PACKAGE"], "ERROR"):
            result = tasks.not_json.enqueue()
        self.assertEqual(result.status, Status.FAILED)
        self.assertIs(result.errors[0].exception_class, TypeError)

    def test_a_keyboard_interrupt_goes_through(self):
        with inline(), self.assertRaises(KeyboardInterrupt):
            tasks.interrupt.enqueue()

    def test_async_tasks_run_on_the_one_loop(self):
        with inline():
            self.assertEqual(tasks.aadd.enqueue(1, 2).return_value, 3)
            self.assertGreaterEqual(tasks.acount_tables.enqueue().return_value, 0)

    def test_aenqueue(self):
        with recorded() as jobs:
            result = asyncio.run(tasks.add.aenqueue(2, 3))
        jobs.run()
        self.assertEqual(result.return_value, 5)

    def test_a_task_may_take_its_context(self):
        with inline():
            result = tasks.attempts.enqueue("name")
        self.assertEqual(result.return_value, ["name", 1, result.id])

    def test_arguments_that_json_cannot_carry_are_refused(self):
        with recorded() as jobs, self.assertRaises(TypeError):
            tasks.add.enqueue(dt.date(2026, 1, 1), {1})
        self.assertEqual(jobs, [])

    def test_what_the_lane_cannot_do_is_refused(self):
        with self.assertRaisesMessage(InvalidTask, "run_after"):
            tasks.add.using(run_after=timezone.now())
        with self.assertRaisesMessage(InvalidTask, "priority"):
            tasks.add.using(priority=1)
        with self.assertRaisesMessage(InvalidTask, "not valid for backend"):
            tasks.at_once.using(queue_name="other")
        with self.assertRaisesMessage(InvalidTask, "module level"):
            framework.task()(lambda: None)

    def test_results_cannot_be_asked_for_by_id(self):
        with inline():
            result = tasks.add.enqueue(1, 2)
        with self.assertRaises(NotImplementedError):
            tasks.add.get_result(result.id)

    def test_off_lambda_a_thread_runs_it_at_once(self):
        done = threading.Event()

        def listen(**_):
            done.set()

        signals.task_finished.connect(listen)
        result = tasks.count_tables.enqueue()
        self.assertTrue(done.wait(10))
        self.assertEqual(result.status, Status.SUCCESSFUL)


class Transactions(TransactionTestCase):
    def setUp(self):
        tasks.ran.clear()

    def test_a_task_is_handed_on_at_the_commit(self):
        with recorded() as jobs, Signals() as heard:
            with transaction.atomic():
                result = tasks.keep.enqueue("committed")
                self.assertEqual((len(jobs), heard, result.enqueued_at), (0, [], None))
            self.assertEqual(len(jobs), 1)
            self.assertEqual([name for name, *_ in heard], ["enqueued"])
        self.assertIsNotNone(result.enqueued_at)

    def test_a_rollback_takes_the_task_back(self):
        with recorded() as jobs:
            try:
                with transaction.atomic():
                    tasks.keep.enqueue("rolled back")
                    raise LookupError
            except LookupError:
                pass
        self.assertEqual(jobs, [])

    def test_it_can_be_turned_off(self):
        with recorded() as jobs, transaction.atomic():
            tasks.at_once.enqueue("now")
            self.assertEqual(len(jobs), 1)


class InTransaction(TestCase):
    def test_on_commit_callbacks_can_be_captured(self):
        with inline(), self.captureOnCommitCallbacks(execute=True):
            result = tasks.add.enqueue(1, 2)
        self.assertEqual(result.return_value, 3)

    def test_a_task_within_a_transaction_leaves_its_connection_open(self):
        with inline(), self.captureOnCommitCallbacks(execute=True):
            tasks.count_tables.enqueue()
        self.assertIsNotNone(connection.connection)


class Checks(SimpleTestCase):
    def found(self, **options):
        queues = options.pop("QUEUES", ["default"])
        backend = {"BACKEND": "lambda_punch.integrations.django.PunchBackend", "OPTIONS": options, "QUEUES": queues}
        with override_settings(TASKS={"default": backend}):
            return sorted({message.id for message in checks.run_checks() if message.id.startswith("lambda_punch")})

    def test_good_settings_pass(self):
        self.assertEqual(self.found(), [])
        self.assertEqual(self.found(enqueue_on_commit=False, database="default"), [])
        call_command("check")

    def test_bad_settings_are_told(self):
        self.assertEqual(self.found(enqueue_on_comit=True), ["lambda_punch.E001"])
        self.assertEqual(self.found(enqueue_on_commit="yes"), ["lambda_punch.E002"])
        self.assertEqual(self.found(database="other"), ["lambda_punch.E003"])
        self.assertEqual(self.found(QUEUES=["fast", "slow"]), ["lambda_punch.W001"])
