"""A function image where there is no engine to run it: what is refused, what is missing, what it is given."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from lambda_punch.errors import MissingExtraError
from lambda_punch.local import EngineError, LocalLambda
from lambda_punch.local.platform.configuration import FunctionConfiguration

LOCAL = Path(__file__).parents[2] / "lambda_punch" / "local"
HOSTS = LOCAL / "hosts"


def test_neither_handler_nor_image() -> None:
    """There must be something to run."""
    with pytest.raises(ValueError, match="neither a handler nor an image"):
        LocalLambda()


@pytest.mark.parametrize("own", [{"task_root": "."}, {"extensions": ["mine"]}])
def test_an_image_is_complete(own: dict[str, str]) -> None:
    """Code and extensions from outside are refused instead of ignored."""
    with pytest.raises(ValueError, match="an image has its own"):
        LocalLambda(image="shop", **own)


def test_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package docker the extra that brings it is named."""
    monkeypatch.setitem(sys.modules, "docker", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'lambda-punch\[image\]'"):
        LocalLambda(image="shop").start()


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is not there is one line of error, which names the setting for its address."""
    pytest.importorskip("docker")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    with pytest.raises(EngineError, match="no container engine to talk to; is DOCKER_HOST right"):
        LocalLambda(image="shop").start()


def test_variables_of_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image's are below Lambda's and the function's, above the defaults; this machine's are not there."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/of/this/machine")
    configuration = FunctionConfiguration(
        handler="app.handler",
        task_root=Path("/var/task"),
        image="shop",
        inherited={"PATH": "/image", "TZ": "Europe/Vienna", "AWS_REGION": "image", "OWN": "image", "_HIDDEN": "1"},
        variables={"OWN": "function"},
    )

    runtime, extension = configuration.runtime_variables("host:1"), configuration.extension_variables("host:1")

    expected = {"PATH": "/image", "TZ": "Europe/Vienna", "AWS_REGION": "us-east-1", "OWN": "function"}
    assert {name: runtime[name] for name in expected} == expected
    assert (runtime["AWS_EXECUTION_ENV"], runtime["LAMBDA_TASK_ROOT"]) == ("AWS_Lambda_Image", "/var/task")
    assert "LD_LIBRARY_PATH" not in runtime
    assert runtime.keys() - extension.keys() >= {"_HIDDEN", "_HANDLER", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT"}


def test_what_runs_inside_the_image_stands_alone() -> None:
    """Its text is given to the image's own Python, which may be old and have only its standard library."""
    tree = ast.parse((HOSTS / "guest.py").read_text(), feature_version=(3, 8))

    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported - {"__future__"} <= sys.stdlib_module_names


def test_only_one_file_names_docker() -> None:
    """Another way to an engine would touch one file."""
    named = {
        path.name
        for path in LOCAL.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
        if name.split(".")[0] == "docker"
    }

    assert named == {"engine.py"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [str(node.module)] if isinstance(node, ast.ImportFrom) else []


def test_what_runs_inside_the_image_refuses_to_run_outside() -> None:
    """At its end it kills every process that it sees, so it runs only as process 1."""
    ran = subprocess.run(
        [sys.executable, "-IS", str(HOSTS / "guest.py")], check=False, capture_output=True, text=True, env={}
    )

    assert ran.returncode == 1
    assert ran.stderr == "this program is for process 1 of a container\n"
