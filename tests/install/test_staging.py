"""The tree of links that stands in for an installation."""

from __future__ import annotations

import subprocess
import sys
import time

from lambda_punch.installer import staged


def test_it_looks_installed() -> None:
    """The layout is the installed one, and the dependencies import from it without site-packages."""
    with staged() as executable:
        library = executable.parents[1] / "lambda-punch"
        proof = (
            "import sys; sys.path.append(sys.argv[1]); import zmq, inotify_simple, extension.main; print(zmq.__file__)"
        )
        found = subprocess.check_output([sys.executable, "-IS", "-c", proof, library], text=True).strip()

        assert executable.parent.name == "extensions"
        assert found == f"{library}/zmq/__init__.py"


def test_it_is_gone_afterwards() -> None:
    """Nothing is left when the context ends."""
    with staged() as executable:
        root = executable.parents[2]
        assert root.is_dir()

    assert not root.exists()


def test_it_is_quick() -> None:
    """Staging takes milliseconds: the local Lambda does it at every start."""

    def seconds() -> float:
        started = time.perf_counter()
        with staged():
            return time.perf_counter() - started

    assert min(seconds() for _ in range(10)) < 0.02
