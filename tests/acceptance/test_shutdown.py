"""The end of an environment: what is still done, what is told, and whose SIGTERM handler is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function


def test_what_was_pushed_before_a_timeout_is_done_at_the_shutdown(function: Callable[..., Function]) -> None:
    """The handler never answered; Lambda did, for it, and what it had pushed still counts."""
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
    """Whether it was installed before start() or after it; it ends the process, not we."""
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


def test_what_is_lost_at_the_shutdown_is_named(function: Callable[..., Function]) -> None:
    """A job in its middle when the time is over, and those behind it, are ERROR lines with their names."""
    shop = function(
        """
        punch.configure(margin=0.9)

        def endless():
            note("begin")
            time.sleep(60)

        @punch.handler
        def handler(event, context):
            time.sleep(0.2)
            punch.push(endless)
            punch.push(note, "never")
        """,
        timeout=1.0,
    )
    shop.call()

    shop.shutdown()

    told = ["begin", "never"]  # the heir has run what stands behind the endless job
    assert shop.told == told
    assert len(shop.said("lost")) == 1
    assert len(shop.said("1 job lost (app.endless): the environment was shut down")) == 1


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
    """A platform that kills the runtime later than Lambda, where the test is not about the time and the machine is busy."""
    monkeypatch.setattr("lambda_punch.local.shutdown.RUNTIME_SHARE_SECONDS", 1.0)


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
    """The kernel gives it to another thread: the main one has to be woken to run Python's handlers."""
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
    """SIGTERM finds a handler in the middle of something; it goes on, gives its lock back, and the job gets it."""
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


def test_leftovers_that_cannot_be_run_are_named(function: Callable[..., Function]) -> None:
    """Nothing has ever been drained, and by now there is no descriptor left to import what would."""
    shop = function(
        """
        import resource
        punch.configure(margin=0.9)

        @punch.on_lost
        def tell(jobs, reason):
            print("on_lost", len(jobs), flush=True)

        @punch.handler
        def handler(event, context):
            time.sleep(0.2)
            punch.push(note, "never")
            punch.push(note, "never")
            free = os.dup(0)
            os.close(free)
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        """,
        timeout=1.0,
    )
    shop.call()

    shop.shutdown()

    assert shop.told == []
    assert len(shop.said("jobs lost (app.note): ")) == 1
    assert len(shop.said("2 jobs lost (app.note): the environment was shut down and they could not be worked off")) == 1
    assert shop.said("on_lost") == ["on_lost 2"]


def test_jobs_of_a_runtime_that_is_killed_are_named_by_the_extension(function: Callable[..., Function]) -> None:
    """Those pushed by a request that was never answered, in its handler; one line, with their number."""
    shop = function(
        """
        import signal

        @punch.handler
        def handler(event, context):
            punch.push(note, "done")
            if event == "kill":
                punch.push(note, "never")
                punch.push(os.getpid)
                os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    shop.call("live")

    shop.invoke("kill")
    shop.wait_idle(timeout=10)
    shop.call("live")

    assert shop.told == ["done", "done"]
    assert [line.partition(": ")[2] for line in shop.said("lost")] == [
        "3 jobs lost (app.note, posix.getpid): the function's process ended before they were done (failure)"
    ]


def test_jobs_that_died_with_the_whole_environment_are_named_by_the_next_one(function: Callable[..., Function]) -> None:
    """Function and extension killed at once: Lambda keeps /tmp, where the ledger lies."""
    shop = function(
        """
        import signal
        from pathlib import Path

        def kill_all():
            extension = (Path(os.environ["LAMBDA_PUNCH_DIR"]) / "extension").read_text()
            os.kill(int(extension), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

        @punch.handler
        def handler(event, context):
            if event == "kill":
                punch.push(kill_all)
            punch.push(note, event)
        """
    )
    (shop.notes_file.parent / "meet" / "extension").write_text(str(shop.extension_pids["lambda-punch"]))

    shop.invoke("kill")
    shop.wait_idle(timeout=10)
    shop.call("live")

    assert shop.told == ["live"]
    assert [line.partition(": ")[2] for line in shop.said("lost")] == [
        "2 jobs lost (app.kill_all, app.note): the environment was ended, extension and all, before they were done"
    ]


def test_the_on_lost_hook_gets_the_jobs_and_the_reason(function: Callable[..., Function]) -> None:
    """In the heir: the job that was in its middle and the one that had no time; a hook that raises is logged."""
    shop = function(
        """
        punch.configure(margin=0.9)

        @punch.on_lost
        def tell(jobs, reason):
            note("lost:", *(f"{job.name}{job.args}".replace(" ", "") for job in jobs), "-", reason)
            raise ValueError("the hook is broken")

        def endless(number):
            time.sleep(60)

        @punch.handler
        def handler(event, context):
            time.sleep(0.2)
            for number in range(3):
                punch.push(endless, number)
        """,
        timeout=1.0,
    )
    shop.call()

    shop.shutdown()

    assert shop.told == [
        (
            "lost: app.endless(0,) app.endless(1,) app.endless(2,) - "
            "the environment was shut down and had no time left for them"
        )
    ]
    assert len(shop.said("3 jobs lost (app.endless): ")) == 1
    assert len(shop.said("the on_lost hook failed")) == 1


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
