"""Where ``lambda-punch jobs`` finds SQS, and what it says if it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
NO_BOTO3 = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name == "boto3":
            raise ModuleNotFoundError("No module named 'boto3'", name="boto3")
sys.meta_path.insert(0, Nothing())
"""


def test_without_boto3_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    """And --help works without it."""
    (tmp_path / "sitecustomize.py").write_text(NO_BOTO3)
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def ran(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lambda_punch", "jobs", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)

    said = ran("list", "orders")
    assert (said.returncode, said.stdout) == (1, "")
    assert (
        said.stderr
        == "lambda-punch: lambda-punch jobs needs boto3; install it with: pip install 'lambda-punch[jobs]'\n"
    )
    assert ran("list", "--help").returncode == 0


def test_profile_region_and_endpoint(orders: Any, sqs_server: str, begin: Callable[..., Any], tmp_path: Path) -> None:
    """A profile that is named is used, whatever keys are in the environment."""
    orders.bury()
    (tmp_path / "credentials").write_text("[shop]\naws_access_key_id = a\naws_secret_access_key = b\n")
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_CONFIG_FILE": os.devnull}
    words = ("--profile", "shop", "--region", "eu-west-1", "--endpoint", sqs_server)
    process = begin(
        "list", "orders", *words, AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_DEFAULT_REGION="us-east-1", **files
    )

    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "shop.charge" in out
    wrong = begin("list", "orders", "--profile", "nobody", **files)
    assert (
        wrong.communicate(timeout=30)[1]
        == "lambda-punch: queue orders: The config profile (nobody) could not be found\n"
    )


def test_no_region_and_no_credentials_are_one_sentence_each(begin: Callable[..., Any]) -> None:
    """With what to do."""
    nothing = {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull, "AWS_DEFAULT_REGION": None}
    nowhere = begin("list", "orders", AWS_REGION=None, **nothing)
    nobody = begin(
        "list", "orders", "--region", "eu-west-1", AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, **nothing
    )

    assert nowhere.communicate(timeout=30)[1] == (
        "lambda-punch: queue orders: no region is set; name one, or set AWS_DEFAULT_REGION\n"
    )
    assert "name a profile, or set AWS_ACCESS_KEY_ID" in nobody.communicate(timeout=30)[1]
