"""User code's acts on its own process: the caller has its answer, and the job behind the act runs once per request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function

# What a job does before the next one runs: lines of a function's body.
ACTS = {
    "umask": "os.umask(0o777)",
    "chdir to a directory that is removed": "d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)",
    "shared directory is removed": "shutil.rmtree(os.environ['LAMBDA_PUNCH_DIR'], ignore_errors=True)",
    "fork and exit": "pid = os.fork()\n    if pid == 0: os._exit(0)\n    os.waitpid(pid, 0)",
    "double fork": "pid = os.fork()\n    if pid == 0:\n        os.setsid()\n        if os.fork(): os._exit(0)\n        time.sleep(1); os._exit(0)\n    os.waitpid(pid, 0)",
    "process pool": "import concurrent.futures as c\n    with c.ProcessPoolExecutor(1) as p: p.submit(abs, -1).result()",
    "multiprocessing pool": "p = multiprocessing.get_context('fork').Pool(1); p.map(abs, [1]); p.terminate(); p.join()",
    "subprocess with preexec_fn": "subprocess.run(['true'], preexec_fn=os.setsid)",
    "posix_spawn": "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)",
    "wakeup descriptor": "signal.set_wakeup_fd(-1)",
    "SIGTERM blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])",
    "all signals blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
    "switch interval": "sys.setswitchinterval(5)",
    "no more descriptors": "resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))",
    "no file may grow": "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))",
    "time stands still": "time.time = time.monotonic = time.perf_counter = lambda: 0.0",
    "sleep returns at once": "time.sleep = lambda s: None",
    "logging shut down": "logging.shutdown()",
    "handler raises": "class H(logging.Handler):\n        def handle(self, r): raise ValueError('handler')\n    logging.getLogger().addHandler(H()); raise ValueError('x')",
    "filter raises": "def f(r): raise ValueError('filter')\n    [h.addFilter(f) for h in logging.getLogger().handlers]; raise ValueError('x')",
    "log record factory raises": "def f(*a, **k): raise ValueError('factory')\n    logging.setLogRecordFactory(f); raise ValueError('x')",
    "stderr is None": "sys.stderr = sys.stdout = None; raise ValueError('x')",
    "stderr is closed": "sys.stderr.close(); raise ValueError('x')",
    "warnings are errors": "import warnings; warnings.simplefilter('error')",
    "excepthooks raise": "def no(*a): raise ValueError('hook')\n    sys.excepthook = threading.excepthook = sys.unraisablehook = no; raise ValueError('x')",
    "error whose str raises": "class E(Exception):\n        def __str__(self): raise ValueError('str')\n        __repr__ = __str__\n    raise E",
    "error whose attributes raise": "class E(Exception):\n        def __getattribute__(self, n): raise ValueError(n)\n    raise E",
    "error that is falsy and unhashable": "class E(Exception):\n        __hash__ = None\n        def __bool__(self): raise ValueError('bool')\n        def __eq__(self, o): raise ValueError('eq')\n    raise E",
    "error that is its own cause": "e = ValueError('x'); f = ValueError('y'); e.__cause__ = f; f.__cause__ = e; raise e",
    "GeneratorExit": "raise GeneratorExit",
    "StopIteration": "raise StopIteration",
    "CancelledError": "raise asyncio.CancelledError",
    "RecursionError": "def r(): r()\n    r()",
    "MemoryError": "raise MemoryError",
    "own BaseException": "class B(BaseException): pass\n    raise B",
    "modules deleted": "[sys.modules.pop(n) for n in list(sys.modules) if n.startswith(('lambda_punch', 'logging', 'json', 'traceback', 'signal'))]",
    "print and open replaced": "import builtins; builtins.print = builtins.open = None",
    "clocks raise": "def no(*a): raise ValueError('clock')\n    time.time = time.monotonic = time.sleep = no",
    "trace function raises": "def no(*a): raise ValueError('trace')\n    threading.settrace(no); sys.settrace(no)",
    "profile function raises": "def no(*a): raise ValueError('profile')\n    threading.setprofile(no); sys.setprofile(no)",
    "recursion limit": "sys.setrecursionlimit(60)",
    "thread that never ends": "threading.Thread(target=threading.Event().wait).start()",
    "environment cleared": "os.environ.clear()",
    "default socket timeout": "import socket; socket.setdefaulttimeout(0.001)",
    "locale and encoding": "sys.stdout = open(os.devnull, 'w', encoding='ascii'); raise ValueError('\\ud800')",
    "event loop policy raises": "class P(asyncio.DefaultEventLoopPolicy):\n        def new_event_loop(self): raise ValueError('policy')\n    asyncio.set_event_loop_policy(P())",
    "SIGCHLD ignored": "signal.pthread_kill(threading.get_ident(), signal.SIGCHLD)",
    "thread start refused": 'def no(*a, **k): raise RuntimeError("can\'t start new thread")\n    threading.Thread.start = no',
    "gc": "import gc; gc.disable(); gc.set_threshold(0)",
    "fork is replaced": "def no(): raise OSError('fork')\n    os.fork = no",
}


# These few are part of `make test`; all of them are part of `make test-faults`.
QUICK = {
    "process pool",
    "excepthooks raise",
    "error whose attributes raise",
    "modules deleted",
    "thread start refused",
    "clocks raise",
}


def _acts() -> list[object]:
    return [
        pytest.param(act, id=name, marks=[] if name in QUICK else [pytest.mark.faults]) for name, act in ACTS.items()
    ]


@pytest.mark.parametrize("with_extension", [True, False], ids=["extension", "alone"])
@pytest.mark.parametrize("act", _acts())
def test_an_act_of_a_job_harms_no_other_job_and_no_answer(
    function: Callable[..., Function], extension: Path, with_extension: bool, act: str
) -> None:
    """The act is done once; the two requests after it have their answers and their jobs as well, in the same process."""
    shop = function(
        f"""
        import asyncio, logging, multiprocessing, resource, shutil, signal, subprocess, sys, tempfile, threading
        from pathlib import Path
        told = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        def say(word, write=os.write, told=told):
            write(told, word.encode())

        ACT = {act!r}
        space = dict(globals())
        exec("def act():\\n    " + ACT, space)

        @punch.handler
        def handler(event, context):
            punch.push(say, "before ")
            if event:
                punch.push(space["act"])
            punch.push(say, "after ")
            return "ok"
        """,
        extensions=[extension] if with_extension else [],
        timeout=10,
    )
    assert [shop.call(1), shop.call(0), shop.call(0)] == ["ok"] * 3
    assert shop.notes_file.read_text().split() == ["before", "after"] * 3
    assert shop.started.count("runtime") == 1
