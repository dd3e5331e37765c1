"""What each process on Lambda's hot path imports: cold-start time that every user pays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from extension import contract

ROOT = Path(__file__).parent.parent
NEW_MODULES = "import sys; {before}; before = set(sys.modules); {code}; print(*sorted(set(sys.modules) - before))"


def modules(code: str, *flags: str, before: str = "pass", **environ: str) -> set[str]:
    """The modules that a bare interpreter loads for ``code``, or one that has run ``before``."""
    command = [sys.executable, *flags, "-c", NEW_MODULES.format(before=before, code=code)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environ}, cwd=ROOT)
    return set(ran.stdout.split())


def test_importing_the_library_loads_next_to_nothing() -> None:
    """No logging, no threading, no typing, no zmq: they come when they are needed."""
    loaded = modules("import lambda_punch", "-S", PYTHONPATH=str(ROOT))

    ours = {name for name in loaded if name.startswith("lambda_punch")}
    assert ours == {
        "lambda_punch",
        "lambda_punch._contract",
        "lambda_punch._log",
        "lambda_punch._settings",
        "lambda_punch._settings.checks",
        "lambda_punch.runtime",
        "lambda_punch.runtime.clock",
        "lambda_punch.runtime.modes",
        "lambda_punch.runtime.process",
        "lambda_punch.runtime.queue",
        "lambda_punch.runtime.start",
        "lambda_punch.runtime.threads",
    }
    # os and what it needs; deque; context variables; the compiler's flag for annotations
    assert loaded - ours <= {
        "__future__", "_collections", "_collections_abc", "_contextvars", "_stat", "abc", "_abc", "collections",
        "collections.abc", "errno", "genericpath", "itertools", "keyword", "_operator", "operator", "os", "posixpath", "reprlib",
        "stat", "os.path",
    }  # fmt: skip


def test_starting_on_lambda_loads_three_files_more(tmp_path: Path) -> None:
    """What comes at the first jobs, or at the end, is not paid for at each cold start."""
    (tmp_path / "handled").write_bytes(contract.greeting(os.getpid()))
    tmp_path.chmod(0o700)
    environ = {"LAMBDA_PUNCH_DIR": str(tmp_path), "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
    before = "import awslambdaric.bootstrap, awslambdaric.lambda_runtime_client, lambda_punch"
    loaded = modules("lambda_punch.start()", before=before, PYTHONPATH=str(ROOT), **environ)

    ours = {"handled", "response", "signals"}
    assert loaded == {f"lambda_punch.runtime.{name}" for name in ours}


def test_the_handlers_that_users_give_load_one_small_file_and_no_errors() -> None:
    """The errors need typing, and are imported when there is one to raise."""
    code = "lambda_punch.error_handler(print); lambda_punch.on_lost(print); lambda_punch.around_job(print)"
    loaded = modules(code, "-S", before="import lambda_punch", PYTHONPATH=str(ROOT))

    assert loaded == {"lambda_punch.runtime.misuse"}


def test_a_job_loads_nothing_of_what_it_does_not_use() -> None:
    """Not boto3, no time zones, and nothing of schedules, results and locks, not even to receive and run it."""
    event = "{'eventSource': 'aws:sqs', 'messageId': '1', 'eventSourceARN': 'arn:aws:sqs:local:0:jobs', 'body': body}"
    code = (
        "punch.job(name='work', queue='jobs')(lambda what=None: None); "
        'body = \'{"lambda_punch": 1, "job": "work"}\'; '
        f"assert punch.jobs_handler({{'Records': [{event}]}}, None) == {{'batchItemFailures': []}}"
    )
    loaded = modules(code, before="import lambda_punch as punch", PYTHONPATH=str(ROOT))

    unused = (
        "boto3",
        "zoneinfo",
        "calendar",
        "lambda_punch.jobs.schedules",
        "lambda_punch.jobs.operating",
        "lambda_punch.jobs.store",
        "hashlib",
    )
    assert [name for name in loaded if name.startswith(unused)] == []
    scheduled = modules(
        code.replace("queue=", "every=60, queue="), before="import lambda_punch as punch", PYTHONPATH=str(ROOT)
    )
    assert "lambda_punch.jobs.schedules.cron" in scheduled


def test_before_registering_the_extension_loads_its_own_five_files_and_a_socket(tmp_path: Path) -> None:
    """Lambda starts the runtime when every extension has registered: nothing else may come before."""
    probe = (
        "import extension.api, json_free; "
        "extension.api.ExtensionsApi.register = json_free.stop; "
        "import extension.main; extension.main.main('/opt/extensions/lambda-punch')"
    )
    (tmp_path / "json_free.py").write_text("def stop(*_): raise SystemExit(print(*__import__('sys').modules))\n")
    code = f"import sys; sys.path += [{str(ROOT)!r}, {str(tmp_path)!r}]; {probe}"
    command = [sys.executable, "-IS", "-c", code]
    environ = {"LAMBDA_PUNCH_DIR": str(tmp_path / "meet"), "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    bare = subprocess.run(
        [sys.executable, "-IS", "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )

    loaded = set(ran.stdout.split()) - set(bare.stdout.split()) - {"json_free"}
    assert loaded == {
        "_socket", "extension", "extension.api", "extension.contract", "extension.log", "extension.main",
        "extension.rendezvous",
    }  # fmt: skip
    assert (tmp_path / "meet" / "handled").read_bytes().startswith(b"lambda-punch ")


def test_the_command_line_loads_no_server_until_it_is_asked_for_one() -> None:
    """``lambda-punch install`` needs neither aiohttp nor zmq."""
    loaded = modules("import lambda_punch.command")

    assert json.dumps(sorted(loaded & {"aiohttp", "zmq", "requests", "awslambdaric"})) == "[]"


@pytest.mark.parametrize(
    ("name", "frameworks"),
    [
        ("asgi", {"starlette", "fastapi", "mangum", "anyio"}),
        ("wsgi", {"flask", "werkzeug", "django", "asyncio"}),
        ("telemetry", {"opentelemetry", "sentry_sdk", "newrelic", "langfuse", "aws_lambda_powertools", "asyncio"}),
    ],
)
def test_an_integration_loads_nothing_of_a_framework(name: str, frameworks: set[str]) -> None:
    """It takes the application as it comes; the framework is the application's to import."""
    assert modules(f"import lambda_punch.integrations.{name}") & frameworks == set()
