"""AWS's Runtime Interface Emulator (RIE) as a file: taken from the wheel of aws-sam-cli, by version, and checked."""

from __future__ import annotations

import atexit
import fcntl
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

SAM_CLI = "1.170.0"
SHA256 = {
    "x86_64": "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5",
    "arm64": "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21",
}


@functools.cache
def emulator() -> Path:
    """Return the path of RIE, fetched at the first use. If it cannot be fetched, skip, or fail if CI is set."""
    machine = {"aarch64": "arm64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())
    if sys.platform != "linux" or machine not in SHA256:
        pytest.skip(f"AWS publishes no RIE for {sys.platform} on {machine}")
    cached = _cache() / f"aws-lambda-rie-{SAM_CLI}-{machine}"
    with cached.with_name(f"{cached.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several workers one fetches it
        if not _is(cached, SHA256[machine]):
            _fetch(cached, machine)
    return cached


def _cache() -> Path:
    """Return a directory of this user alone that outlives the session, where the user has one."""
    wanted = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "lambda-punch"
    try:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            return wanted
    except OSError:
        aside = tempfile.mkdtemp(prefix="lambda-punch-rie-")
        atexit.register(shutil.rmtree, aside, ignore_errors=True)
        return Path(aside)


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and os.access(path, os.X_OK) and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def _fetch(target: Path, machine: str) -> None:
    """Install the wheel aside with pip, which is configured as the user wants it, and keep the one file."""
    with tempfile.TemporaryDirectory(dir=target.parent) as aside:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
        # RIE is a binary: which Python the rest of the wheel wants makes no difference
        what = ["--no-deps", "--ignore-requires-python", "--target", aside, f"aws-sam-cli=={SAM_CLI}"]
        done = subprocess.run(pip + what, capture_output=True, text=True, check=False)
        if done.returncode:
            _not_to_be_had((done.stderr.strip() or "no output").splitlines()[-1])
        binary = Path(aside, "samcli", "local", "rapid", f"aws-lambda-rie-{machine}")
        assert Path(aside, f"aws_sam_cli-{SAM_CLI}.dist-info").is_dir(), "pip installed another version"
        binary.chmod(0o755)
        assert _is(binary, SHA256[machine]), f"this is not the RIE of aws-sam-cli {SAM_CLI}"
        binary.replace(target)


def _not_to_be_had(reason: str) -> None:
    message = f"pip could not fetch aws-sam-cli {SAM_CLI}, which RIE is taken from: {reason}"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(message)
    pytest.skip(message)
