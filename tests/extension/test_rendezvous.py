"""The rendezvous directory as the extension makes it, and refuses it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from extension import contract, rendezvous

if TYPE_CHECKING:
    from pathlib import Path


def test_directory_and_file_are_the_user_s_alone(tmp_path: Path) -> None:
    """And the file opens with the greeting."""
    os.close(rendezvous.make_handled_file(str(tmp_path / "meet")))

    file = tmp_path / "meet" / "handled"
    assert stat.S_IMODE((tmp_path / "meet").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert contract.parse_greeting(file.read_bytes()) == (contract.VERSION, os.getpid())


def test_what_an_earlier_life_left_is_replaced(tmp_path: Path) -> None:
    """Lambda keeps /tmp over a re-init; a link there is not followed."""
    directory = tmp_path / "meet"
    directory.mkdir(mode=0o700)
    (directory / "handled").symlink_to(tmp_path / "target")

    os.close(rendezvous.make_handled_file(str(directory)))

    assert not (directory / "handled").is_symlink()
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("kind", ["open to others", "a link", "a file"])
def test_a_directory_that_is_not_ours_alone_is_refused(tmp_path: Path, kind: str) -> None:
    """With what to do about it, and nothing is written there."""
    directory = tmp_path / "meet"
    if kind == "a file":
        directory.touch()
    else:
        (tmp_path / "real").mkdir(mode=0o700)
        (tmp_path / "real").chmod(0o777 if kind == "open to others" else 0o700)
        directory.symlink_to(tmp_path / "real") if kind == "a link" else (tmp_path / "real").rename(directory)

    with pytest.raises(rendezvous.RendezvousError, match="set LAMBDA_PUNCH_DIR"):
        rendezvous.make_handled_file(str(directory))


def test_removing_twice_is_no_error(tmp_path: Path) -> None:
    """It is done in the face of other faults."""
    os.close(rendezvous.make_handled_file(str(tmp_path / "meet")))
    rendezvous.remove_handled_file(str(tmp_path / "meet"))
    rendezvous.remove_handled_file(str(tmp_path / "meet"))

    assert not (tmp_path / "meet" / "handled").exists()
