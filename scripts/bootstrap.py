"""Make .venv, the development environment, with lambda-punch and the extras that are wanted.

Usage: python3 scripts/bootstrap.py [EXTRA ...]     (default: all that the tests need)

Needs Python 3.10 or later with its standard library, and a package index. It does not need pip, ensurepip or root: a
bare Debian has none of them. Where they exist they are used, otherwise pip's wheel is fetched from the package index.

Extras add up: those installed before stay, and nothing is done when all that are wanted are there.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

# Quoted annotations, and no syntax newer than 3.6, so that an old Python gets as far as saying that it is too old.

REPOSITORY = Path(__file__).resolve().parent.parent
ENVIRONMENT = REPOSITORY / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "bootstrapped.json"
MINIMUM = (3, 10)
EVERYTHING = ("jobs", "local", "test")  # `test` contains the other two; named so that they are not asked for again

# Settings that somebody may have for everyday use and that contradict installing into a virtual environment.
CONTRADICTING = ("PIP_DRY_RUN", "PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "PYTHONHOME", "PYTHONPATH")


def main(arguments: "list[str]") -> int:
    """Bring .venv up to date and return an exit status."""
    if sys.version_info < MINIMUM:
        return fail(f"Python 3.10 or later is needed, {sys.executable} is {version()}; try make PYTHON=...")
    try:
        there = installed_extras()
        extras = there.union(arguments or EVERYTHING)
        if extras == there:
            return 0
        make_environment()
        provide_pip()
        names = ",".join(sorted(extras))
        say(f"installing lambda-punch[{names}] into .venv")
        run_pip(str(PYTHON), "-m", "pip", arguments=["install", "--editable", f"{REPOSITORY}[{names}]"])
        STAMP.write_text(json.dumps({"made_from": made_from(), "extras": sorted(extras)}))
    except subprocess.CalledProcessError as fault:
        return fail(f"pip failed with exit status {fault.returncode}, see above")
    except (OSError, RuntimeError) as fault:
        return fail(str(fault))
    return 0


def version() -> str:
    """Return this Python's version as people write it."""
    return ".".join(str(part) for part in sys.version_info[:3])


def made_from() -> "dict[str, str]":
    """Return what an environment depends on; any difference to what it was made from means that it is out of date."""
    files = (REPOSITORY / "pyproject.toml", Path(__file__))
    return {
        "place": str(REPOSITORY),
        "files": hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest(),
        "interpreter": version() + " " + sys.base_prefix,
    }


def installed_extras() -> "set[str]":
    """Return the extras that .venv has; none if it was made from other files or another interpreter, or is broken."""
    try:
        stamp = json.loads(STAMP.read_text())
        if stamp["made_from"] == made_from() and environment_runs():
            return set(stamp["extras"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return set()


def environment_runs() -> bool:
    """Tell whether .venv works and belongs to this interpreter."""
    question = "import sys; print(*sys.version_info[:3], sys.base_prefix, sep='.')"
    try:
        answer = subprocess.check_output([str(PYTHON), "-c", question], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.decode().strip() == version() + "." + sys.base_prefix


def make_environment() -> None:
    """Make .venv anew, unless it works and belongs to this interpreter."""
    if environment_runs():
        return
    say(f"making .venv with Python {version()}")
    if ENVIRONMENT.exists():
        shutil.rmtree(str(ENVIRONMENT))
    venv.create(str(ENVIRONMENT), symlinks=True, with_pip=False)


def provide_pip() -> None:
    """Put pip into .venv: by ensurepip, by this interpreter's pip, or from the package index."""
    if runs(PYTHON, "-m", "pip", "--version"):
        return
    if importlib.util.find_spec("ensurepip") and runs(PYTHON, "-m", "ensurepip"):
        return
    own = importlib.util.find_spec("pip")
    if own is not None and own.origin is not None:
        run_pip(str(PYTHON), str(Path(own.origin).parent), arguments=["install", "--ignore-installed", "pip"])
        return
    import pip_wheel

    with tempfile.TemporaryDirectory() as directory:
        wheel = pip_wheel.fetch(Path(directory))
        say(f"fetched {wheel.name}, because this Python has no pip")
        run_pip(str(PYTHON), str(wheel / "pip"), arguments=["install", "--no-index", str(wheel)])


def runs(*command: object) -> bool:
    """Tell whether a command succeeds."""
    arguments = [str(part) for part in command]
    return subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def run_pip(*pip: str, arguments: "list[str]") -> None:
    """Run pip, quietly unless it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in CONTRADICTING}
    command = [*pip, "--quiet", "--no-input", "--disable-pip-version-check", *arguments, "--no-user"]
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=True)


def say(text: str) -> None:
    """Print a line without delay."""
    print("bootstrap: " + text, flush=True)


def fail(text: str) -> int:
    """Print one line to stderr and return the exit status of a failure."""
    print("bootstrap: " + text, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
