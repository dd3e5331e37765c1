"""The end of an environment: what is still done, what is told, and whose SIGTERM handler is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function


def test_what_was_pushed_before_a_timeout_is_done_at_the_shutdown(function: Callable[..., Function]) -> None:
    """Lambda answered in place of the handler, and what the handler had pushed still counts."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            punch.push(note, "pushed")
            if event == "slow":
                time.sleep(60)
        """,
        timeout=1.0,
    )

    assert shop.invoke("slow").error_type == "Sandbox.Timedout"
    shop.wait_idle(timeout=10)
    assert shop.told == ["pushed"]
    shop.call("quick")
    assert shop.told == ["pushed", "pushed"]


@pytest.mark.parametrize("execution_env", ["AWS_Lambda_python3.12", None], ids=["thread polling", "plain polling"])
def test_leftovers_are_done_within_the_shutdown_window(
    function: Callable[..., Function], execution_env: str | None
) -> None:
    """Ten jobs of 150 ms that had no time before the deadline: all done, once, in order, before the end."""
    shop = function(
        """
        punch.configure(margin=0.9)

        def work(number):
            note(number, "begins")
            time.sleep(0.15)
            note(number, "ends")

        @punch.handler
        def handler(event, context):
            time.sleep(0.2)
            for number in range(10):
                punch.push(work, number)
        """,
        timeout=1.0,
        execution_env=execution_env,
    )
    shop.call()
    assert shop.told == []

    shop.shutdown()

    assert shop.told == [f"{number} {what}" for number in range(10) for what in ("begins", "ends")]
    down = shop.events[-1]
    sigterm = next(event for event in shop.events if event.kind == "sigterm")
    assert all(note.at < sigterm.at + 2.0 for note in shop.notes)
    assert not any(event.kind == "sigkill" for event in shop.events)
    assert down.at - sigterm.at < 2.0


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_user_s_own_sigterm_handler_is_called_after_the_leftovers(
    function: Callable[..., Function], order: str
) -> None:
    """Whether it was installed before start() or after it; then the handler, not the library, ends the process."""
    shop = function(
        f"""
        import signal

        def end(*_):
            note("user's handler")
            os._exit(0)

        if "{order}" == "before":
            signal.signal(signal.SIGTERM, end)
        punch.configure(margin=0.9)
        punch.start()
        if "{order}" == "after":
            signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.1), end()))

        @punch.handler
        def handler(event, context):
            time.sleep(0.2)
            punch.push(note, "leftover")
        """,
        timeout=1.0,
        execution_env="AWS_Lambda_python3.12",
    )
    shop.call()

    shop.shutdown()

    assert shop.told == ["leftover", "user's handler"]


POLLING = pytest.mark.parametrize(
    "execution_env", ["AWS_Lambda_python3.12", None], ids=["thread polling", "plain polling"]
)
SIGTERM = """
    import signal

    def end(*_):
        note("user's handler")
        os._exit(0)

    if {order!r} == "before":
        signal.signal(signal.SIGTERM, end)
    punch.start()
    if {order!r} == "after":
        signal.signal(signal.SIGTERM, end)

    def long():
        note("job begins")
        time.sleep(60)
        note("job ends")

    @punch.handler
    def handler(event, context):
        if event == "in a job":
            punch.push(long)
        punch.push(note, "job")
        if event == "in the handler":
            time.sleep(60)
"""


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that kills the runtime later than Lambda, for tests that are not about this time."""
    monkeypatch.setattr("lambda_punch.local.platform.shutdown.RUNTIME_SHARE_SECONDS", 1.0)


@POLLING
@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("order", ["before", "after", "never"])
@pytest.mark.parametrize("when", ["idle", "in the handler", "in a job"])
def test_sigterm_finds_the_function_whatever_it_does(
    function: Callable[..., Function], execution_env: str | None, order: str, when: str
) -> None:
    """Leftovers are done, then the user's handler is called, once; nobody has to be killed."""
    shop = function(SIGTERM.format(order=order), timeout=1.0, execution_env=execution_env)

    if when == "in the handler":
        assert shop.invoke(when).error_type == "Sandbox.Timedout"
        shop.wait_idle(timeout=10)
    else:
        shop.call(when)
        shop.shutdown()

    own = [] if order == "never" else ["user's handler"]
    if when == "in a job":
        assert sorted(shop.told) == sorted(["job begins", "job", *own])
        assert len(shop.said("1 job lost (app.long): ")) == 1
    else:
        assert shop.told == ["job", *own]
        assert shop.said("lost") == []
    assert not any(event.kind == "sigkill" for event in shop.events)


@POLLING
@pytest.mark.usefixtures("patience")
def test_a_sigterm_that_the_main_thread_does_not_get_reaches_the_user_s_handler(
    function: Callable[..., Function], execution_env: str | None
) -> None:
    """The kernel gives it to another thread, so the main one has to be woken to run Python's handlers."""
    shop = function(
        """
        import signal
        signal.signal(signal.SIGTERM, lambda *_: (note("user's handler"), os._exit(0)))
        punch.start()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # for this thread and those that it makes

        @punch.handler
        def handler(event, context):
            punch.push(note, "job")
        """,
        execution_env=execution_env,
    )
    shop.call()

    shop.shutdown()

    assert shop.told == ["job", "user's handler"]
    assert not any(event.kind == "sigkill" for event in shop.events)


@pytest.mark.usefixtures("patience")
def test_leftovers_do_not_wait_for_locks_that_the_main_thread_holds(function: Callable[..., Function]) -> None:
    """SIGTERM finds a handler at work; the handler goes on and gives its lock back, and the job gets it."""
    shop = function(
        """
        import signal
        lock, waiting = threading.Lock(), threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: (note("user's handler"), os._exit(0)))

        def work():
            waiting.set()
            with lock:
                note("job")

        @punch.handler
        def handler(event, context):
            punch.push(work)
            with lock:
                waiting.wait()
            time.sleep(60)
        """,
        timeout=1.0,
    )

    assert shop.invoke().error_type == "Sandbox.Timedout"
    shop.wait_idle(timeout=10)

    assert shop.told == ["job", "user's handler"]


@pytest.mark.parametrize("generations", [1, 2], ids=["child", "child of a child"])
def test_a_forked_child_that_starts_is_not_lambda_s_runtime(
    function: Callable[..., Function], generations: int
) -> None:
    """It runs its own jobs, at its own end; the handled-file and the parent's jobs stay the parent's."""
    shop = function(
        f"""
        def in_child():
            punch.start()
            punch.push(note, "the child's job")
            import atexit
            atexit._run_exitfuncs()
            os._exit(0)

        def fork(generations):
            pid = os.fork()
            if pid == 0:
                fork(generations - 1) if generations > 1 else in_child()
                os._exit(0)
            note("child ended with", os.waitpid(pid, 0)[1])

        @punch.handler
        def handler(event, context):
            punch.push(note, "the parent's job")
            fork({generations})
        """
    )

    shop.call()
    shop.call()

    one = ["the child's job", *["child ended with 0"] * generations, "the parent's job"]
    assert shop.told == one + one
    assert shop.started.count("runtime") == 1
    assert shop.said("ERROR") == []


def test_a_leftover_that_stands_still_does_not_take_the_rest_with_it(function: Callable[..., Function]) -> None:
    """It waits for a lock that nobody releases in the process that works leftovers off; it is named as lost."""
    shop = function(
        """
        import threading

        held = threading.Lock()

        def keeper():
            with held:
                threading.Event().wait()

        def blocked():
            with held:
                note("never")

        def handler(event, context):
            punch.push(time.sleep, 0.3)
            punch.push(blocked)
            for number in range(4):
                punch.push(note, number)
            return "ok"

        threading.Thread(target=keeper, daemon=True).start()
        punch.start()
        """,
        timeout=0.35,
    )

    shop.invoke(1)
    shop.wait_idle(timeout=10)
    shop.shutdown()

    assert shop.told == ["0", "1", "2", "3"]
    assert shop.said("1 job lost (app.blocked)"), shop.logs


def test_leftovers_import_what_the_running_job_was_importing_at_the_fork(
    function: Callable[..., Function], tmp_path: Path
) -> None:
    """Its thread is not in the heir, and holds the module's lock there for ever."""
    (tmp_path / "heavy").mkdir()
    (tmp_path / "heavy" / "__init__.py").write_text("import time\ntime.sleep(0.6)\nfrom . import part\nready = True\n")
    (tmp_path / "heavy" / "part.py").write_text("")
    shop = function(
        """
        def job(number):
            import heavy
            assert heavy.ready
            note(number)

        @punch.handler
        def handler(event, context):
            punch.push(time.sleep, 0.3)
            for number in range(4):
                punch.push(job, number)
        """,
        timeout=0.5,
    )
    shop.invoke(1)
    shop.wait_idle(timeout=10)

    shop.shutdown()

    assert sorted(shop.told) == ["1", "2", "3"], shop.logs  # the first one was interrupted in its import
    assert len(shop.said("1 job lost (app.job)")) == 1


@pytest.mark.parametrize("cut", [0.0, 0.03, 0.06, 0.11, 0.17])
def test_leftovers_that_use_sqlite_are_all_done_whenever_the_end_comes(
    function: Callable[..., Function], cut: float
) -> None:
    """A lock that a library holds at the fork stays locked in the child, so the child is forked between two jobs."""
    shop = function(
        f"""
        import sqlite3

        local = threading.local()

        def slow(number):
            if not hasattr(local, "connection"):
                local.connection = sqlite3.connect(os.environ["NOTES"] + ".db", timeout=5)
                local.connection.execute("create table if not exists done (number)")
            local.connection.execute("insert into done values (?)", (number,))
            local.connection.commit()
            time.sleep(0.06)
            note(number)

        def handler(event, context):
            punch.push(time.sleep, 0.25 + {cut})
            for number in range(12):
                punch.push(slow, number)
            return "ok"

        punch.start()
        """,
        timeout=0.5,
    )

    shop.invoke(1)
    shop.wait_idle(timeout=10)
    shop.shutdown()

    assert sorted(map(int, shop.told)) == list(range(12))
    assert shop.said("lost") == []
