"""What the recorded programs begin with: a client of both APIs that writes down each call, with the answer."""

from __future__ import annotations

CLIENT = """
import http.client, json, os, select, signal, subprocess, sys, threading, time

NAME = os.path.basename(sys.argv[0])
EXTENSION, RUNTIME = "/2020-01-01/extension/", "/2018-06-01/runtime/"
UNIMPORTANT = {"date", "content-length", "server", "connection", "transfer-encoding"}

def lives():
    try:
        with open(os.environ["RECORD"]) as file:
            return sum(json.loads(line)["who"].startswith(NAME + "/") and '"start"' in line for line in file)
    except FileNotFoundError:
        return 0

LIFE = lives() + 1

def record(**fields):
    thread = threading.current_thread()
    part = "" if thread is threading.main_thread() else " " + thread.name
    line = json.dumps({"at": time.monotonic(), "who": f"{NAME}/{LIFE}{part}", **fields}) + "\\n"
    descriptor = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)

def fact(name, value=None):
    record(fact=name, value=value)

def call(method, path, body=None, show="", **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    seen = {k.lower(): v for k, v in answer.headers.items() if k.lower() not in UNIMPORTANT}
    try:
        shown = json.loads(data)
    except ValueError:
        shown = data.decode("utf-8", "replace")[:400]
    record(call=show or method + " " + path, status=answer.status, headers=seen, body=shown)
    return answer.status, answer.headers, data

def register(*events, name=NAME, **headers):
    answer = call("POST", EXTENSION + "register", json.dumps({"events": events}),
                  "register " + name, Lambda_Extension_Name=name, **headers)
    return answer[1]["Lambda-Extension-Identifier"]

def next_event(identifier):
    event = call("GET", EXTENSION + "event/next", Lambda_Extension_Identifier=identifier)[2]
    return json.loads(event)

def fail(identifier, which, error_type="My.Error"):
    return call("POST", EXTENSION + which, "{}", Lambda_Extension_Identifier=identifier,
                Lambda_Extension_Function_Error_Type=error_type)[0]

def next_invocation():
    answer = call("GET", RUNTIME + "invocation/next")
    return answer[1]["Lambda-Runtime-Aws-Request-Id"], json.loads(answer[2])

def respond(request_id, value="ok", kind="response", **headers):
    body = value if isinstance(value, bytes) else json.dumps(value)
    return call("POST", RUNTIME + "invocation/" + request_id + "/" + kind, body, kind, **headers)[0]

def seconds(number):
    until = time.monotonic() + number
    while (left := until - time.monotonic()) > 0:
        select.select([], [], [], left)

def left(event):
    return event["deadlineMs"] / 1000 - time.time()

def nearest(value, *choices):
    return min(choices, key=lambda choice: abs(choice - value))

def background(target, *args):
    threading.Thread(target=target, args=args, name=target.__name__, daemon=True).start()

def wait_for_file(name):
    while not os.path.exists(os.environ["RECORD"] + name):
        seconds(0.01)

def make_file(name, text=""):
    with open(os.environ["RECORD"] + name + ".new", "w") as file:
        file.write(text)
    os.replace(file.name, os.environ["RECORD"] + name)

fact("start", os.getpid())
"""

FOLLOW = """
identifier = register("INVOKE", "SHUTDOWN")
while next_event(identifier)["eventType"] != "SHUTDOWN":
    pass
"""

ECHO = """
while True:
    request_id, event = next_invocation()
    respond(request_id, event)
"""
