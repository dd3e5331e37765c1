"""``lambda-punch install`` and ``uninstall``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambda_punch import command

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_install_and_uninstall(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each says what it did and ends with 0."""
    assert command.main(["install", "--root", str(tmp_path)]) == 0
    assert command.main(["uninstall", "--root", str(tmp_path)]) == 0
    assert command.main(["uninstall", "--root", str(tmp_path)]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said == [f"installed {tmp_path}/opt/extensions/lambda-punch", "uninstalled", "nothing to uninstall"]
