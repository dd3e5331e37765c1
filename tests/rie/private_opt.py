"""A process that sees a test's directory as /opt, while the machine's own /opt stays untouched.

Needs a mount namespace, which root may have, and where the kernel lets them, users in a user namespace of their own.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

import pytest

# What lies in the machine's /opt (an interpreter, perhaps) stays to be seen, but for what is to be replaced.
_MOUNT = """
set -eu
opt=$1
shift
for entry in /opt/*/; do
    name=$(basename "$entry")
    case $name in extensions | lambda-punch | '*') continue ;; esac
    mkdir -p "$opt/$name"
    mount --rbind "$entry" "$opt/$name"
done
mount --rbind "$opt" /opt
exec "$@"
"""
_WAYS = (("--mount",), ("--user", "--map-root-user", "--mount"))


def in_private_opt(opt: Path, command: list[str]) -> list[str]:
    """Return the command that runs ``command``, as the same process, with ``opt`` in the place of /opt.

    Skips the test where the platform allows no such thing.
    """
    return _command(_way(), opt, command)


def _command(way: tuple[str, ...], opt: Path, command: list[str]) -> list[str]:
    return ["unshare", *way, "sh", "-c", _MOUNT, "sh", str(opt), *command]


@functools.cache
def _way() -> tuple[str, ...]:
    said = []
    for way in _WAYS:
        with tempfile.TemporaryDirectory() as directory:
            opt = Path(directory)
            (opt / "extensions").mkdir()
            try:
                tried = subprocess.run(
                    _command(way, opt, ["test", "-d", "/opt/extensions"]), capture_output=True, text=True, check=False
                )
            except FileNotFoundError:
                pytest.skip("no private /opt: there is no unshare (util-linux)")
        if tried.returncode == 0:
            return way
        said.append((tried.stderr.strip() or "/opt did not change").splitlines()[-1])
    pytest.skip(f"no private /opt: {'; '.join(said)}")
