"""The end of a process that is not on Lambda: its jobs are waited for while all that they use still works."""

from __future__ import annotations

import subprocess
import sys

import pytest

JOBS = {
    "executor": """
from concurrent.futures import ThreadPoolExecutor
def job():
    time.sleep(0.1)
    print(list(ThreadPoolExecutor(2).map(str, range(3))))
""",
    "to_thread": """
import asyncio
async def job():
    await asyncio.sleep(0.1)
    print(await asyncio.to_thread(str, [str(n) for n in range(3)]))
""",
    "thread": """
import threading
def job():
    time.sleep(0.1)
    thread = threading.Thread(target=print, args=(["0", "1", "2"],))
    thread.start()
    thread.join()
""",
    "getaddrinfo": """
import asyncio
async def job():
    await asyncio.sleep(0.1)
    await asyncio.get_running_loop().getaddrinfo("localhost", 80)
    print(["0", "1", "2"])
""",
}


# CPython 3.12.0 to 3.12.2 start no thread from the end of the main thread on: https://github.com/python/cpython/issues/113964
NO_NEW_THREADS = (3, 12, 0) <= sys.version_info < (3, 12, 3)


@pytest.mark.skipif(NO_NEW_THREADS, reason="this release starts no thread from the end of the main thread on")
@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("last", [True, False], ids=["at the very end", "earlier"])
def test_jobs_of_an_exiting_script_can_use_what_others_can(job: str, last: bool) -> None:
    """Executors, threads and asyncio, in a job that the script's last line pushes, or that runs already."""
    script = f"import time\nimport lambda_punch as punch\n{JOBS[job]}\npunch.push(job)\n" + (
        "" if last else "time.sleep(0.05)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=15)

    assert ran.stderr == ""
    assert ran.stdout == "['0', '1', '2']\n"


def test_two_async_jobs_are_not_waited_for_in_vain() -> None:
    """Both run, and the exit takes no longer than they do."""
    script = """
import asyncio
import lambda_punch as punch
async def job(number):
    await asyncio.sleep(0.01)
    print(number)
punch.push(job, 1)
punch.push(job, 2)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=10)

    assert (ran.stdout, ran.stderr) == ("1\n2\n", "")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_what_a_child_of_multiprocessing_pushes_is_waited_for(method: str, tmp_path: object) -> None:
    """It ends without Python's own exit."""
    program = f"""
import multiprocessing, time
import lambda_punch as punch

def job():
    time.sleep(0.1)
    print("done", flush=True)

def child():
    punch.push(job)

if __name__ == "__main__":
    punch.start()
    process = multiprocessing.get_context("{method}").Process(target=child)
    process.start()
    process.join()
"""
    path = f"{tmp_path}/program.py"
    with open(path, "w") as file:
        file.write(program)
    ran = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True, timeout=15)

    assert ran.stdout == "done\n"
