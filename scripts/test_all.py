"""Run the tests on each CPython that lambda-punch supports and this machine has, and name those that it does not have.

Usage: python3 scripts/test_all.py [arguments for pytest]

Interpreters are looked for on PATH, and among those of pyenv and of uv. Each gets an environment of its own under
build/, made once.
"""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
# As `make test` does.
FAST = ["-q", "-n", "4", "--dist", "loadfile", "-m", "not container and not faults and not soak"]


def main(arguments: "list[str]") -> int:
    """Return 0 if no version failed and at least one was found."""
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
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path("~/.local/share/uv/python").expanduser())
    found = [  # the newest first; a name that ends in "t" is a free-threaded build
        *sorted(pyenv.glob(f"versions/{version}.*[0-9]/bin/python"), reverse=True),
        *sorted(uv.glob(f"cpython-{version}.*/bin/python{version}"), reverse=True),
    ]
    candidates = [f"python{version}", *map(str, found)]
    question = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], sys.executable, sep='\\n')"
    for candidate in candidates:
        try:
            answer = subprocess.check_output([candidate, "-c", question], stderr=subprocess.DEVNULL, text=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        name, its_version, path = answer.splitlines()
        if (name, its_version) == ("cpython", version):
            return path
    return None


def tested(version: str, interpreter: str, arguments: "list[str]") -> bool:
    """Make the version's environment if it does not exist, run pytest in it, and tell whether all tests passed."""
    home = REPOSITORY / "build" / "test-all" / version
    python = home / "bin" / "python"
    if not python.exists() and subprocess.run([interpreter, "-m", "venv", str(home)], check=False).returncode:
        return False
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, "install", "--editable", f"{REPOSITORY}[test]"], check=False).returncode:
        return False
    return subprocess.run([str(python), "-m", "pytest", *arguments], cwd=REPOSITORY, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
