"""Packages that tests need and that are not installed beside the product: too large, or pinning what it uses in other releases.

Each is installed once, into ``build/``, by whichever test process comes first.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

AWS_CDK = "2.275.0"
_BUILD = Path(__file__).parents[1] / "build"
_NO_INDEX = ("ConnectionError", "NewConnectionError", "No matching distribution", "Temporary failure", "timed out")


def installed(name: str, release: str) -> Path:
    """Return the directory with a package and what it needs, which begins to exist when it is whole.

    Skips the test if no package index can be reached.
    """
    place = _BUILD / f"{name}-{release}-{sys.version_info.major}.{sys.version_info.minor}"
    _BUILD.mkdir(exist_ok=True)
    with (_BUILD / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes run side by side
        if not place.exists():
            unfinished = place.with_name(f"{place.name}.new")
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--upgrade"]
            ran = subprocess.run(
                [*command, "--target", str(unfinished), f"{name}=={release}"],
                capture_output=True,
                text=True,
                check=False,
            )
            if ran.returncode and any(sign in ran.stderr for sign in _NO_INDEX):
                pytest.skip(f"the package index cannot be reached, or does not have {name} {release}")
            assert ran.returncode == 0, ran.stderr
            unfinished.rename(place)
    return place


def aws_cdk() -> Path:
    """Return the directory with the CDK (over 400 MB), which runs on node; skips the test if there is none."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    return installed("aws-cdk-lib", AWS_CDK)
