"""What is lost for good is named: by the function's process, by the extension, or by the extension of the next life."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function


def test_what_is_lost_at_the_shutdown_is_named(function: Callable[..., Function]) -> None:
    """A job that still runs when the time is over, and those behind it, are ERROR lines with their names."""
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


def test_leftovers_that_cannot_be_run_are_named(function: Callable[..., Function]) -> None:
    """Nothing has been drained before, and no descriptor is left to import the modules that would."""
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


def test_jobs_of_a_runtime_that_dies_are_named_also_after_tmp_has_been_emptied(
    function: Callable[..., Function],
) -> None:
    """The ledger goes with it; the extension has it open. Lambda may notice the death at the next invoke only."""
    shop = function(
        """
        import shutil

        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            if event == 2:
                punch.push(shutil.rmtree, os.environ["LAMBDA_PUNCH_DIR"])
                punch.push(os._exit, 3)
                punch.push(note, "never")
        """
    )
    shop.call(1)

    for event in (2, 3):
        shop.invoke(event)
        shop.wait_idle(timeout=15)

    assert shop.told[:2] == ["1", "2"]
    assert "never" not in shop.told
    assert len(shop.said("2 jobs lost (app.note, posix._exit): the function's process ended")) == 1


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
    """In the heir: the job that was running and the one that had no time; a hook that raises is logged."""
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
