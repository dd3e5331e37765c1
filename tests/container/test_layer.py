"""A function whose package contains nothing but its handler, with a layer unpacked to /opt of its container."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambda_punch.installer import build_layer
from tests.container.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.container.conftest import ImageFunction

pytestmark = [pytest.mark.container, pytest.mark.network, pytest.mark.timeout(300)]
PYTHONS = ("3.11", "3.12", "3.13")  # the base's is one of them
DOCKERFILE = """\
ARG BASE
FROM ${BASE}
COPY opt /opt
COPY app.py /var/task/
CMD ["app.handler"]
"""


def test_function_with_a_layer(tmp_path: Path, build: Callable[..., str], run: Callable[..., ImageFunction]) -> None:
    """One layer for several Pythons and both machines: the base finds what is its own, and the work is done."""
    layer = build_layer(tmp_path / "layer.zip", pythons=PYTHONS, architectures=["x86_64", "arm64"]).path
    context = tmp_path / "image"
    with zipfile.ZipFile(layer) as packed:
        for entry in packed.infolist():
            Path(packed.extract(entry, context / "opt")).chmod(entry.external_attr >> 16 & 0o777)
    shutil.copy(ROOT / "examples/hello/app.py", context)
    (context / "Dockerfile").write_text(DOCKERFILE)

    function = run(build("layer", context))
    for name in ("Ada", "Grace"):
        assert function.call(name=name) == {"message": f"Hello, {name}!"}

    lines = [line for source, line in function.logs if source == "runtime"]
    assert [line for line in lines if "greeted" in line] == [
        f"{name} has been greeted; this line was written after the response" for name in ("Ada", "Grace")
    ]
    assert function.extension_pids.keys() == {"lambda-punch"}
    assert [line for _, line in function.logs if "ERROR" in line] == []
