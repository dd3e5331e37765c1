"""examples/image: lambda-punch from a package index, in the smallest Dockerfile."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.container.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.container.conftest import ImageFunction

pytestmark = [pytest.mark.container, pytest.mark.network, pytest.mark.timeout(300)]
# The base, and a place where pip finds this checkout as if it were published.
INDEX = """\
ARG BASE
FROM ${BASE}
COPY *.whl /wheels/
ENV PIP_FIND_LINKS=/wheels
"""


def test_example_image(tmp_path: Path, build: Callable[..., str], run: Callable[..., ImageFunction]) -> None:
    """As it stands it gives a function that answers first and works afterwards, held by the extension."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (tmp_path / "Dockerfile").write_text(INDEX)
    base = build("index", tmp_path)

    function = run(build("example-image", ROOT / "examples/image", base=base))

    assert function.call(name="Ada") == {"message": "Hello, Ada!"}
    assert "Ada has been greeted; this line was written after the response" in [line for _, line in function.logs]
    assert function.extension_pids.keys() == {"lambda-punch"}
