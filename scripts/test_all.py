"""Run the tests on each CPython that lambda-punch supports and this machine has; name those that it lacks.

Usage: python3 scripts/test_all.py [arguments for pytest]

Interpreters are looked for on PATH and among pyenv's. Each gets an environment of its own under build/, made once.
"""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
FAST = ["-m", "not container and not faults and not soak"]


def main(arguments: "list[str]") -> int:
    """Return 0 if no version failed and at least one was there."""
    outcomes = {}
    for version in VERSIONS:
        interpreter = find(version)
        if interpreter is None:
            outcomes[version] = "skipped: this machine has no CPython " + version
            continue
        print(f"test-all: CPython {version}, {interpreter}", flush=True)
        outcomes[version] = "passed" if tested(version, interpreter, arguments or FAST) else "FAILED"
    for version, outcome in outcomes.items():
        print(f"test-all: CPython {version} {outcome}")
    return 0 if "passed" in outcomes.values() and "FAILED" not in outcomes.values() else 1


def find(version: str) -> "str | None":
    """Return the path of an interpreter of ``version`` that runs, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path("~/.pyenv").expanduser())
    candidates = [f"python{version}", *map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True))]
    question = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], sys.executable, sep='\\n')"
    for candidate in candidates:
        try:
            answer = subprocess.check_output([candidate, "-c", question], stderr=subprocess.DEVNULL, text=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        name, found, path = answer.splitlines()
        if (name, found) == ("cpython", version):
            return path
    return None


def tested(version: str, interpreter: str, arguments: "list[str]") -> bool:
    """Make the version's environment if need be, run pytest in it, and tell whether all passed."""
    home = REPOSITORY / "build" / "test-all" / version
    python = home / "bin" / "python"
    if not python.exists() and subprocess.run([interpreter, "-m", "venv", str(home)], check=False).returncode:
        return False
    install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--editable",
        f"{REPOSITORY}[local,test]",
    ]
    if subprocess.run([str(python), *install], check=False).returncode:
        return False
    return subprocess.run([str(python), "-m", "pytest", *arguments], cwd=REPOSITORY, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
