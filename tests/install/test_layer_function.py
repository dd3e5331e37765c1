"""A function whose package contains nothing but its handler, with a layer."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from lambda_punch.installer import build_layer
from lambda_punch.local import LocalLambda

from .conftest import REPOSITORY
from .layers import SITE_PACKAGES, link_runtime_client, unpack

HELLO = REPOSITORY / "examples/hello/app.py"


@pytest.mark.parametrize("compiled", [False, True], ids=["sources", "compiled"])
def test_function_with_a_layer(tmp_path: Path, compiled: bool) -> None:
    """Its jobs run after the response, held by the extension; library and extension are the layer's."""
    layer = build_layer(tmp_path / "layer.zip", compiled=compiled).path
    extension = unpack(layer, tmp_path / "opt")
    link_runtime_client(tmp_path / "runtime")
    (tmp_path / "task").mkdir()
    (tmp_path / "task/app.py").write_text(HELLO.read_text() + SAY_WHERE)
    path = os.pathsep.join(str(tmp_path / place) for place in (f"opt/{SITE_PACKAGES}", "runtime"))

    function = LocalLambda(
        "app.handler",
        task_root=tmp_path / "task",
        extensions=[extension],
        # -S: nothing of the environment that the tests run in is on the function's path
        runtime_command=[sys.executable, "-SB", "-m", "awslambdaric", "app.handler"],
        env={"PYTHONPATH": path, "LAMBDA_PUNCH_DIR": str(tmp_path / "meet"), "LAMBDA_PUNCH_LOG_LEVEL": "debug"},
    )
    with function:
        for name in ("Ada", "Grace"):
            assert function.invoke({"name": name}).json() == {"message": f"Hello, {name}!"}
            function.wait_idle(timeout=10)
        (pid,) = function.extension_pids.values()
        mapped = Path(f"/proc/{pid}/maps").read_text()

    lines = [line for source, line in function.logs if source == "runtime"]
    assert f"lambda_punch is {tmp_path}/opt/{SITE_PACKAGES}/lambda_punch/__init__.py" in lines
    assert [line for line in lines if "greeted" in line] == [
        f"{name} has been greeted; this line was written after the response" for name in ("Ada", "Grace")
    ]
    assert [line for _, line in function.logs if "ERROR" in line] == []
    assert f"{tmp_path}/opt/lambda-punch/pyzmq.libs/libzmq" in mapped


SAY_WHERE = """
print("lambda_punch is", punch.__file__)
"""


def test_a_layer_for_another_python_is_told_at_once(tmp_path: Path) -> None:
    """The function's init fails by the library's name, instead of its jobs later."""
    layer = build_layer(tmp_path / "layer.zip").path
    unpack(layer, tmp_path / "opt")
    link_runtime_client(tmp_path / "runtime")
    shutil.copy(HELLO, tmp_path)
    other = tmp_path / "opt" / "python/lib/python3.99/site-packages"

    function = LocalLambda(
        "app.handler",
        task_root=tmp_path,
        runtime_command=[sys.executable, "-SB", "-m", "awslambdaric", "app.handler"],
        env={"PYTHONPATH": os.pathsep.join([str(other), str(tmp_path / "runtime")])},
    )
    with function:
        answer = function.invoke({}).json()

    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'lambda_punch'" in answer["errorMessage"]
