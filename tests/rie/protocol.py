"""Every wrong call to the Extensions API, and every step of its state machine, as programs for both platforms."""

from __future__ import annotations

from .client import FOLLOW
from .recording import Scenario

WRONG_CALLS = Scenario(
    extensions={
        "watcher": """
        def wrong(show, path, body="{}", method="POST", **headers):
            call(method, EXTENSION + path, body, show, **headers)

        name, both = dict(Lambda_Extension_Name=NAME), '{"events": ["INVOKE", "SHUTDOWN"]}'
        wrong("register without a name", "register", both)
        wrong("register broken", "register", "{", **name)
        wrong("register an array", "register", "[]", **name)
        wrong("register a word", "register", '{"events": "INVOKE"}', **name)
        wrong("register with keys", "register", '{"configurationKeys": ["a"]}', **name)
        wrong("register for FOO", "register", '{"events": ["FOO"]}', **name)
        wrong("next before register", "event/next", None, "GET")
        wrong("error before register", "init/error", Lambda_Extension_Function_Error_Type="My.Error")
        identifier = register("INVOKE", "SHUTDOWN")
        wrong("register again", "register", both, **name)

        error = dict(Lambda_Extension_Function_Error_Type="My.Error")
        nonsense = dict(Lambda_Extension_Identifier="nonsense")
        unknown = dict(Lambda_Extension_Identifier="00000000-0000-0000-0000-000000000001")
        known = dict(Lambda_Extension_Identifier=identifier)
        wrong("next by nonsense", "event/next", None, "GET", **nonsense)
        wrong("next by a stranger", "event/next", None, "GET", **unknown)
        for which in ("init/error", "exit/error"):
            wrong(which + " by nobody", which, **error)
            wrong(which + " by nonsense", which, **nonsense, **error)
            wrong(which + " by a stranger", which, **unknown, **error)
            wrong(which + " by a stranger without a type", which, **unknown)
            wrong(which + " without a type", which, **known)
        wrong("wrong method", "register", None, "GET")
        wrong("unknown path", "nothing", None, "GET")
        while next_event(identifier)["eventType"] != "SHUTDOWN":
            pass
        """
    },
    runtime="""
    def inner(show, name, *events):
        answer = call("POST", EXTENSION + "register", json.dumps({"events": events}), show, Lambda_Extension_Name=name)
        if answer[0] == 200:
            background(next_event, answer[1]["Lambda-Extension-Identifier"])

    inner("inner for SHUTDOWN", "inner", "INVOKE", "SHUTDOWN")
    inner("inner for FOO", "inner", "FOO")
    inner("inner", "inner")
    inner("inner again", "inner")
    inner("wrong name for SHUTDOWN", "Watcher", "SHUTDOWN")
    for number in range(3, 11):
        inner("number " + str(number), "inner" + str(number))
    inner("number 11", "inner11")
    request_id, event = next_invocation()
    inner("too late", "late")
    inner("too late again", "inner")
    respond(request_id, event)
    next_invocation()
    """,
)

_STEPS = """
def steps(state, *calls):
    for each in calls:
        show = state + ": " + each
        if each == "register":
            call("POST", EXTENSION + each, '{"events": ["INVOKE"]}', show, Lambda_Extension_Name=WHO)
        elif each == "next":
            call("GET", EXTENSION + "event/next", None, show, Lambda_Extension_Identifier=identifier)
        else:
            call("POST", EXTENSION + each, "{}", show,
                 Lambda_Extension_Identifier=identifier, Lambda_Extension_Function_Error_Type="My.Error")

def poll():
    background(steps, "Running", "next") if arrived else background(first_poll)
    seconds(0.15)  # by then it is blocked, which nothing but its effect tells

def first_poll():
    steps("Registered", "next")
    arrived.append(True)

arrived = []
answer = call("POST", EXTENSION + "register", '{"events": ["INVOKE"]}', "Started: register", Lambda_Extension_Name=WHO)
identifier = answer[1]["Lambda-Extension-Identifier"]
"""

_WALKS = {
    "all but the errors": """
        steps("Registered", "register")
        poll()
        steps("Ready", "register", "next", "init/error")
        make_file(".go")
        while not arrived:
            seconds(0.01)
        steps("Running", "register", "init/error")
        poll()
        steps("Ready", "register", "next", "init/error")
    """,
    "Registered to InitError": """
        steps("Registered", "init/error")
        steps("InitError", "register", "next", "exit/error", "init/error")
        os._exit(0)
    """,
    "Registered to ExitError": """
        steps("Registered", "exit/error")
        steps("ExitError", "register", "next", "init/error", "exit/error")
        os._exit(0)
    """,
    "Ready to ExitError": """
        poll()
        steps("Ready", "exit/error")
        steps("ExitError", "register", "next", "init/error", "exit/error")
        os._exit(0)
    """,
    "Running to ExitError": """
        poll()
        make_file(".go")
        while not arrived:
            seconds(0.01)
        wait_for_file(".responded")
        steps("Running", "exit/error")
        steps("ExitError", "register", "next", "init/error", "exit/error")
        os._exit(0)
    """,
}


def _indented(text: str) -> str:
    return "\n".join(line.removeprefix("        ") for line in text.splitlines())


# The runtime says that it has been started, waits until the walker is ready for an invoke, and says when it has responded.
_SERVE = """
make_file(".up")
def serve():
    wait_for_file(".go")
    request_id, event = next_invocation()
    respond(request_id, event)
    make_file(".responded")
    next_invocation()
"""
_STAY = "\nwhile True:\n    seconds(60)\n"


def _external(walk: str) -> Scenario:
    walker = "WHO = NAME\nif LIFE > 1:\n    os._exit(0)\n" + _STEPS + "wait_for_file('.up')\n" + _indented(walk) + _STAY
    return Scenario(runtime=_SERVE + "serve()\n", extensions={"walker": walker})


def _internal(walk: str) -> Scenario:
    runtime = "WHO = 'inner'\nif LIFE > 1:\n    os._exit(0)\n" + _STEPS + _SERVE + "background(serve)\n"
    return Scenario(runtime=runtime + _indented(walk) + _STAY, extensions={"watcher": FOLLOW})


WALKS = {
    **{f"external, {name}": _external(walk) for name, walk in _WALKS.items()},
    **{f"internal, {name}": _internal(walk) for name, walk in _WALKS.items()},
}
