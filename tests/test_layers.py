"""The architecture, read from the imports: who may know whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Layer by layer, lowest first: a module may import only from rows above its own, or within its own package.
LIBRARY = [
    {"errors", "_contract"},
    {"_config", "_log"},
    {"_job_config"},
    {"_events"},
    {"runtime", "metrics"},
    {"_job_settings"},
    {"_wiring"},
    {"jobs"},
    {"__init__"},
    {"testing", "installer", "integrations", "dashboard"},
    {"local"},
    {"_pytest", "cli"},
    {"__main__"},
]
# Inside runtime the rule holds file by file.
RUNTIME = [
    {"queue", "response", "handled", "job", "background_loop", "handler", "spill"},
    {"drain", "server", "ledger"},
    {"worker", "margin"},
    {"process"},
    {"lost"},
    {"modes"},
    {"heir"},
    {"shutdown"},
    {"__init__"},
]
# Inside jobs too. A backend is found by its name, so nothing above names one.
JOBS = [
    {"errors"},
    {"aws", "arguments", "message", "outgoing", "record", "waits"},
    {"options", "queues", "perform"},
    {"backends", "deliveries", "registry", "retry"},
    {"sender"},
    {"durable", "attempt", "invoked"},
    {"consumer", "spill"},
    {"routing"},
    {"memory_worker"},
    {"__init__"},
]
EXTENSION = [
    {"__init__"},
    {"contract", "api", "log"},
    {"lost"},
    {"rendezvous", "events", "watch"},
    {"drain"},
    {"loop"},
    {"main"},
]


def imports(path: Path, folder: Path, package: str) -> set[str]:
    """The full names that a file of ``folder`` imports at run time, also inside its functions."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    here = [package, *path.relative_to(folder).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = [*here[: len(here) - node.level + 1], *filter(None, [node.module])] if node.level else [node.module]
            found |= {".".join([*map(str, base), alias.name]) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def rank(layers: list[set[str]], name: str) -> int | None:
    return next((number for number, layer in enumerate(layers) if name in layer), None)


def violations(layers: list[set[str]], folder: Path, package: str) -> list[str]:
    """What is imported from the importer's own row, or from one below it; a file without a row is one too."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        own = path.relative_to(folder).parts[0].removesuffix(".py")
        place = rank(layers, own)
        if place is None:
            found.append(f"{own} has no layer")
            continue
        for name in imports(path, folder, package):
            target = name.removeprefix(f"{package}.").partition(".")[0] if name.startswith(f"{package}.") else None
            there = None if target is None else rank(layers, target)
            if there is not None and target != own and there >= place:
                found.append(f"{path.relative_to(ROOT)} imports {name}")
    return found


def test_imports_of_the_library_point_one_way() -> None:
    """No module imports from its own row or from one below it."""
    assert violations(LIBRARY, ROOT / "lambda_punch", "lambda_punch") == []


@pytest.mark.parametrize(("room", "layers"), [("runtime", RUNTIME), ("jobs", JOBS)])
def test_imports_inside_a_room_point_one_way(room: str, layers: list[set[str]]) -> None:
    """The same, file by file, for the rooms that run in the function's process."""
    assert violations(layers, ROOT / "lambda_punch" / room, f"lambda_punch.{room}") == []


def test_no_module_but_the_one_for_aws_names_boto3() -> None:
    """It takes a third of a second to import; that is the one place where it is."""
    folder = ROOT / "lambda_punch"
    named = {
        str(path.relative_to(ROOT))
        for path in folder.rglob("*.py")
        if any(name.split(".")[0] in ("boto3", "botocore") for name in imports(path, folder, "lambda_punch"))
    }

    assert {path for path in named if "/local/" not in path} == {"lambda_punch/jobs/aws.py"}


def test_imports_of_the_extension_point_one_way() -> None:
    """The same for the other process."""
    assert violations(EXTENSION, ROOT / "extension", "extension") == []


def test_the_extension_knows_nothing_of_the_library() -> None:
    """It may come from a layer of another version, so it must stand alone."""
    folder = ROOT / "extension"
    for path in [*folder.glob("*.py"), folder / "lambda-punch"]:
        names = imports(path, folder, "extension")
        assert [name for name in names if name.split(".")[0] == "lambda_punch"] == [], path


def test_only_one_file_on_each_side_names_zmq() -> None:
    """Trading ZeroMQ for something else would touch two files."""
    named = {
        str(path.relative_to(ROOT))
        for folder in (ROOT / "lambda_punch", ROOT / "extension")
        for path in folder.rglob("*.py")
        if any(name.split(".")[0] == "zmq" for name in imports(path, folder, folder.name))
    }

    assert named == {"lambda_punch/runtime/server.py", "extension/drain.py"}
