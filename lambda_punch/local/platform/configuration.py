"""A function's configuration, and the environment variables that its processes get from it.

Variables: "Using Lambda environment variables", "Defined runtime environment variables", and for extensions the table
in "Using the Lambda Extensions API", all in the AWS Lambda Developer Guide.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

ACCOUNT_ID = "123456789012"
FUNCTION_VERSION = "$LATEST"
DERIVED = "derived from the interpreter"
"""The ``execution_env`` that stands for ``AWS_Lambda_pythonX.Y`` of the interpreter that runs the function.

For an image it stands for ``AWS_Lambda_Image``, unless the image sets the variable itself, as AWS's own images do.
"""

WITHHELD_FROM_EXTENSIONS = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
"""Extensions do not get these variables of the runtime, and none whose name begins with ``_``."""


@dataclass(frozen=True)
class FunctionConfiguration:
    """One function's configuration. Times are in seconds, memory is in MB.

    The host fills in ``inherited``: the variables that it gives every process. All others win over them. For an
    ``image`` it also fills in ``directory``, in which the runtime starts.
    """

    handler: str
    task_root: Path
    extensions: tuple[Path, ...] = ()
    timeout: float = 3.0
    init_timeout: float = 10.0
    freeze: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable
    runtime_command: Sequence[str] | None = None
    memory_size: int = 128
    share_cpu: bool = False
    function_name: str = "function"
    execution_env: str | None = DERIVED
    image: str | None = None
    directory: str | None = None
    inherited: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        """The runtime's argument vector."""
        if self.runtime_command is not None:
            return [str(part) for part in self.runtime_command]
        return [str(self.python), "-m", "awslambdaric", self.handler]

    @property
    def runtime_directory(self) -> str:
        """The directory in which the runtime starts."""
        return str(self.task_root) if self.directory is None else self.directory

    @property
    def region(self) -> str:
        """The region the function believes to be in."""
        return self.variables.get("AWS_REGION", "us-east-1")

    @property
    def arn(self) -> str:
        """The function's ARN."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT_ID}:function:{self.function_name}"

    def extension_variables(self, api: str) -> dict[str, str]:
        """Return the environment of an extension; ``api`` is the platform's ``host:port``."""
        common = self._common(api)
        return {
            name: value
            for name, value in common.items()
            if name not in WITHHELD_FROM_EXTENSIONS and not name.startswith("_")
        }

    def runtime_variables(self, api: str) -> dict[str, str]:
        """Return the environment of the runtime; ``api`` is the platform's ``host:port``."""
        own = {
            "_HANDLER": self.handler,
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.function_name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "1970/01/01/[$LATEST]local",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LAMBDA_TASK_ROOT": str(self.task_root),
        }
        if self.image is None:
            own["_LAMBDA_TELEMETRY_LOG_FD"] = "1"  # frames on stdout; see hosts/output.py
        execution_env = self._execution_env()
        if execution_env is not None:
            own["AWS_EXECUTION_ENV"] = execution_env
        return {**own, **self._common(api), "_HANDLER": self.handler}

    def _common(self, api: str) -> dict[str, str]:
        platform = {
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            **self.inherited,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "local",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_LAMBDA_FUNCTION_NAME": self.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": FUNCTION_VERSION,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_size),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        }
        return {**platform, **self.variables, "AWS_LAMBDA_RUNTIME_API": api}

    def _execution_env(self) -> str | None:
        if self.execution_env != DERIVED:
            return self.execution_env
        if self.image is not None:
            return "AWS_Lambda_Image"
        return f"AWS_Lambda_python{_python_version(self.python)}"


def absolute_paths(extensions: Sequence[str | os.PathLike[str]]) -> tuple[Path, ...]:
    """Return the executables' absolute paths; raise ValueError if two would have one name."""
    paths = tuple(Path(path).absolute() for path in extensions)
    if len({path.name for path in paths}) < len(paths):
        raise ValueError("two extensions have the same file name, which is their name on Lambda; rename one of them")
    return paths


def _python_version(python: str) -> str:
    """Return the ``X.Y`` of an interpreter; it is run to find out, unless it is the one that runs this."""
    if python == sys.executable:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([python, "-I", "-S", "-c", question], capture_output=True, text=True, check=True)
    return answer.stdout.strip()
