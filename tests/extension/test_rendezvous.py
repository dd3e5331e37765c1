"""The rendezvous directory as the extension makes it, and refuses it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from extension import contract, lost, rendezvous

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


def test_a_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner can put anything into it."""
    (tmp_path / "meet").mkdir(mode=0o700)
    monkeypatch.setattr("posix.getuid", lambda: os.getuid() + 1)

    with pytest.raises(rendezvous.RendezvousError, match="is another user's or open to others"):
        rendezvous.make_handled_file(str(tmp_path / "meet"))
    assert list((tmp_path / "meet").iterdir()) == []


def test_a_link_in_the_place_of_a_ledger_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe is not waited for either, a directory not opened, and another file counts for nothing."""
    directory = tmp_path / "meet"
    directory.mkdir(mode=0o700)
    full = contract.LEDGER_GREETING.ljust(contract.LEDGER_SIZE, b"\1")
    (tmp_path / "ledger").write_bytes(full)
    (directory / "jobs-1").symlink_to(tmp_path / "ledger")
    os.mkfifo(directory / "jobs-2")
    (directory / "jobs-3").mkdir()
    (directory / "jobs-4").write_bytes(full + b"more than a ledger has")

    lost.report(str(directory), "a test")

    assert capsys.readouterr().out == ""


def test_removing_twice_is_no_error(tmp_path: Path) -> None:
    """It is done while other faults are handled."""
    os.close(rendezvous.make_handled_file(str(tmp_path / "meet")))
    rendezvous.remove_handled_file(str(tmp_path / "meet"))
    rendezvous.remove_handled_file(str(tmp_path / "meet"))

    assert not (tmp_path / "meet" / "handled").exists()
