"""What is run on both platforms to compare them."""

from __future__ import annotations

from .client import ECHO, FOLLOW
from .recording import Scenario

_VARIABLES = """
names = (
    "_HANDLER", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_REGION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "TZ",
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
)
for name in names:
    fact("has " + name, name in os.environ)
fact("directory", os.getcwd())
"""
_ACCOUNT = """
identifier = register("INVOKE", "SHUTDOWN", Lambda_Extension_Accept_Feature="x, accountId")
while next_event(identifier)["eventType"] != "SHUTDOWN":
    pass
"""
_STUBBORN = """
signal.signal(signal.SIGTERM, lambda *_: fact("SIGTERM"))
def serve():
    while True:
        request_id, event = next_invocation()
        respond(request_id, event)
background(serve)
while True:
    seconds(60)
"""
_BEATING = """
def beat(*_):
    begun = time.monotonic()
    while True:
        make_file(".beat", str(time.monotonic() - begun))
        seconds(0.005)
signal.signal(signal.SIGTERM, beat)
"""
_INTERNAL = """
inner = register("INVOKE", name="inner")
background(lambda: [next_event(inner) for _ in range(9)])
"""
_SECONDS_LEFT = """
identifier = register("INVOKE", "SHUTDOWN")
while (event := next_event(identifier))["eventType"] != "SHUTDOWN":
    pass
fact("seconds left", nearest(left(event), 0.0, 1.4, {share}, 2.0))
"""
_CRASH = """
request_id, event = next_invocation()
if event == "crash":
    {crash}
respond(request_id, event)
next_invocation()
"""
_EXTENSION_EXIT = """
identifier = register("INVOKE", "SHUTDOWN")
next_event(identifier)
if LIFE == 1:
    {exit}
next_event(identifier)
"""

SCENARIOS = {
    "plain": Scenario(
        runtime=_VARIABLES + ECHO, extensions={"watcher": _VARIABLES + _ACCOUNT}, events=(1, {"two": None}), trace=None
    ),
    "traced": Scenario(),
    "awslambdaric": Scenario(
        handler="""
        def handler(event, context):
            fact("event", event)
            fact("context", [context.function_name, context.function_version, context.invoked_function_arn,
                             context.client_context is None, 2000 < context.get_remaining_time_in_millis() <= 3000])
            if event == "fail":
                raise ValueError("no such order")
            return event
        """,
        events=({"a": [1, "ä"]}, "fail", None),
    ),
    "only SHUTDOWN": Scenario(
        extensions={"watcher": 'identifier = register("SHUTDOWN")\nnext_event(identifier)'}, events=(1, 2)
    ),
    "only INVOKE": Scenario(
        extensions={"watcher": 'identifier = register("INVOKE")\nwhile True:\n    next_event(identifier)'}
    ),
    "no events": Scenario(extensions={"watcher": "identifier = register()\nnext_event(identifier)"}),
    "two external, one internal": Scenario(runtime=_INTERNAL + ECHO, extensions={"a": FOLLOW, "b.py": FOLLOW}),
    "no extension": Scenario(runtime=_STUBBORN, extensions={}),
    "slow extension": Scenario(
        extensions={
            "watcher": """
            identifier = register("INVOKE", "SHUTDOWN")
            while next_event(identifier)["eventType"] != "SHUTDOWN":
                seconds(0.3)
                fact("done")
            """
        }
    ),
    "late extension": Scenario(
        extensions={
            "watcher": """
            identifier = register("INVOKE", "SHUTDOWN")
            while next_event(identifier)["eventType"] != "SHUTDOWN":
                seconds(1.3)
                fact("done")
            """
        },
        timeout=1,
    ),
    "late runtime": Scenario(
        runtime="""
        request_id, event = next_invocation()
        if event == "late":
            seconds(60)
        respond(request_id, event)
        next_invocation()
        """,
        events=("late", 2),
        timeout=1,
    ),
    # RIE gives the extension its event a moment after the runtime: the crash comes later still.
    "runtime exits 42": Scenario(runtime=_CRASH.format(crash="seconds(0.2); os._exit(42)"), events=("crash", 2)),
    "runtime exits 0": Scenario(runtime=_CRASH.format(crash="seconds(0.2); os._exit(0)"), events=("crash", 2)),
    "runtime is killed": Scenario(
        runtime=_CRASH.format(crash="seconds(0.2); os.kill(os.getpid(), 9)"), events=("crash", 2)
    ),
    "runtime exits after its response": Scenario(
        runtime=_CRASH.format(crash="respond(request_id, 'good'); os._exit(3)"), events=("crash", 2)
    ),
    "extension exits before the response": Scenario(
        runtime=_CRASH.format(crash="make_file('.got'); seconds(60)"),
        extensions={"watcher": _EXTENSION_EXIT.format(exit="wait_for_file('.got'); os._exit(9)")},
        events=("crash", 2),
    ),
    "extension exits after the response": Scenario(
        extensions={"watcher": _EXTENSION_EXIT.format(exit="seconds(0.3); fact('done'); os._exit(9)")}, events=(1, 2)
    ),
    "extension gives notice": Scenario(
        runtime=_CRASH.format(crash="make_file('.got'); seconds(60)"),
        extensions={
            "watcher": _EXTENSION_EXIT.format(exit="wait_for_file('.got'); fail(identifier, 'exit/error'); os._exit(9)")
        },
        events=("crash", 2),
    ),
    "extension fails to initialise": Scenario(
        runtime="make_file('.up')" + ECHO,
        extensions={
            "watcher": """
            fail(register("INVOKE"), "init/error")
            wait_for_file(".up")
            os._exit(5)
            """
        },
    ),
    "extension cannot be executed": Scenario(mode=0o644),
    "runtime exits in init": Scenario(runtime="os._exit(7)", events=(1, 2)),
    "runtime exits in its first init": Scenario(runtime="if LIFE == 1:\n    os._exit(7)" + ECHO),
    "runtime tells of its init error": Scenario(
        runtime="""
        if LIFE == 1:
            error = {"errorType": "My.InitError", "errorMessage": "broken", "stackTrace": []}
            call("POST", RUNTIME + "init/error", json.dumps(error), Lambda_Runtime_Function_Error_Type="Function.Oops")
            os._exit(1)
        while True:
            request_id, event = next_invocation()
            if event == "crash":
                os._exit(42)
            respond(request_id, event)
        """,
        events=(1, "crash"),
    ),
    "slow init": Scenario(
        runtime="""
        seconds(0.8)
        request_id, event = next_invocation()
        respond(request_id, event)
        next_invocation()
        """,
        extensions={
            "watcher": """
            identifier = register("INVOKE", "SHUTDOWN")
            event = next_event(identifier)
            fact("seconds left", nearest(left(event), 0.0, 2.2, 3.0))
            next_event(identifier)
            """
        },
        timed=True,
    ),
    "init over its limit": Scenario(runtime="if LIFE == 1:\n    seconds(1.0)" + ECHO, init_timeout=0.5, timeout=5),
    "runtime's share": Scenario(runtime=_STUBBORN, extensions={"watcher": _SECONDS_LEFT.format(share=1.7)}, timed=True),
    "runtime's share with an internal extension": Scenario(
        runtime=_INTERNAL + _STUBBORN, extensions={"watcher": _SECONDS_LEFT.format(share=1.5)}, timed=True
    ),
    "internal extension only": Scenario(
        runtime=_INTERNAL + _BEATING + _STUBBORN.replace("signal.signal(", "(", 1), extensions={}, timed=True
    ),
    "detached child": Scenario(
        runtime="""
        child = subprocess.Popen([sys.executable, "-IS", "-c", "import time; time.sleep(20)"], start_new_session=True)
        fact("child", child.pid)
        """
        + "\n        ".join(ECHO.splitlines())
    ),
    "wrong calls of the runtime": Scenario(
        runtime="""
        request_id, event = next_invocation()
        again, event = next_invocation()
        fact("the same again", request_id == again)
        respond("00000000-0000-0000-0000-000000000001")
        call("POST", RUNTIME + "init/error", "{}")
        call("GET", "/2018-06-01/ping")
        call("GET", RUNTIME + "restore/next")
        call("POST", RUNTIME + "invocation/next")
        call("GET", RUNTIME + "nothing")
        respond(request_id, 7)
        respond(request_id, 8)
        respond(request_id, kind="error")
        next_invocation()
        """
    ),
    "errors of the handler": Scenario(
        runtime="""
        for error_type in ("Function.Broken", "Broken", "Function.", ""):
            request_id, event = next_invocation()
            error = {"errorType": "ValueError", "errorMessage": "no", "stackTrace": []} if event else "no JSON"
            respond(request_id, error, "error", Lambda_Runtime_Function_Error_Type=error_type)
        next_invocation()
        """,
        events=(1, 2, 3, 0),
    ),
    "too large a response": Scenario(
        runtime="""
        for size in (6291556, 6291557):
            request_id, event = next_invocation()
            respond(request_id, b"x" * size)
        next_invocation()
        """,
        events=(1, 2),
    ),
    "streaming": Scenario(
        runtime="""
        request_id, event = next_invocation()
        respond(request_id, b"streamed", Lambda_Runtime_Function_Response_Mode="streaming", Content_Type="text/html")
        next_invocation()
        """
    ),
    "unknown response mode": Scenario(
        runtime="""
        request_id, event = next_invocation()
        if LIFE == 1:
            respond(request_id, Lambda_Runtime_Function_Response_Mode="other")
        else:
            respond(request_id, event)
        next_invocation()
        """,
        timeout=1,
    ),
    "no telemetry": Scenario(
        extensions={
            "watcher": """
            identifier = register("INVOKE", "SHUTDOWN")
            call("PUT", "/2022-07-01/telemetry", "{}", Lambda_Extension_Identifier=identifier)
            call("PUT", "/2020-08-15/logs", "{}", Lambda_Extension_Identifier=identifier)
            while next_event(identifier)["eventType"] != "SHUTDOWN":
                pass
            """
        }
    ),
}
