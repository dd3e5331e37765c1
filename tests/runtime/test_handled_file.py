"""The handled-file as the library writes it, and what it refuses to write to."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lambda_punch import _contract
from lambda_punch.runtime.handled import HandledFile, NoExtensionError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A rendezvous directory as the extension leaves it."""
    made = tmp_path / "meet"
    made.mkdir(mode=0o700)
    (made / "handled").write_bytes(_contract.greeting(os.getpid()))
    return made


def record(directory: Path) -> _contract.Record:
    found = _contract.parse_record((directory / "handled").read_bytes())
    assert found is not None
    return found


def test_a_record_says_which_request_is_handled_and_until_when_to_hold(directory: Path) -> None:
    """Each one replaces the last, with a higher number."""
    file = HandledFile(str(directory))
    assert file.write("jobs", 1234, "a-rather-long-request-id-first")
    first = record(directory)
    assert file.write("empty", 0, "short")
    second = record(directory)

    assert (first.state, first.until_ms, first.request_id) == ("jobs", 1234, "a-rather-long-request-id-first")
    assert (second.state, second.request_id, second.pid) == ("empty", "short", os.getpid())
    assert second.sequence == first.sequence + 1


@pytest.mark.parametrize("odd", ["", "two words", "line\nbreak", "é", "x" * 500])
def test_an_id_that_does_not_fit_is_written_as_any(directory: Path, odd: str) -> None:
    """The extension then takes the record for the request that it waits for."""
    HandledFile(str(directory)).write("empty", 0, odd)

    assert record(directory).request_id == _contract.ANY_REQUEST


def test_no_file_means_no_extension(tmp_path: Path) -> None:
    """This is not an error."""
    with pytest.raises(NoExtensionError, match=r"^$"):
        HandledFile(str(tmp_path / "nowhere"))


def test_a_file_of_a_dead_extension_means_none(directory: Path) -> None:
    """Left by an environment that was killed, on a developer's machine."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (directory / "handled").write_bytes(_contract.greeting(dead.pid))

    with pytest.raises(NoExtensionError, match=r"^$"):
        HandledFile(str(directory))


def test_another_contract_version_is_named(directory: Path) -> None:
    """With what to do about it."""
    (directory / "handled").write_bytes(b"lambda-punch 99 1\n")

    with pytest.raises(NoExtensionError, match=r"version 99, this library 1: install .* one release"):
        HandledFile(str(directory))


def test_a_directory_open_to_others_is_refused(directory: Path) -> None:
    """Anybody could have put the file there."""
    directory.chmod(0o755)

    with pytest.raises(NoExtensionError, match=r"not a directory for this user alone"):
        HandledFile(str(directory))


@pytest.mark.parametrize("what", ["another user's", "a link"])
def test_a_directory_that_is_not_ours_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Whatever it holds."""
    if what == "a link":
        link = directory.parent / "link"
        link.symlink_to(directory)
        directory = link
    else:
        own = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: own + 1)

    with pytest.raises(NoExtensionError, match=r"not a directory for this user alone"):
        HandledFile(str(directory))


def test_a_linked_file_is_refused(directory: Path, tmp_path: Path) -> None:
    """What it points at is not written to."""
    target = tmp_path / "target"
    (directory / "handled").rename(target)
    (directory / "handled").symlink_to(target)

    with pytest.raises(NoExtensionError, match=r"cannot be used"):
        HandledFile(str(directory))
    assert target.read_bytes() == _contract.greeting(os.getpid())


def test_a_removed_file_is_noticed_at_the_next_write(directory: Path) -> None:
    """The extension has gone out of service, or the directory was deleted."""
    file = HandledFile(str(directory))
    (directory / "handled").unlink()

    assert file.write("empty") is False
