"""Where an environment keeps its files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambda_punch.local.hosts.temporary import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def short() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield Path(directory)


def test_it_is_where_tmpdir_says(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory is empty and this user's alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(short))

    made = Path(temporary_directory())

    assert made.parent == short
    assert (made.stat().st_mode & 0o777, list(made.iterdir())) == (0o700, [])


def test_it_is_in_tmp_where_no_socket_would_fit_under_tmpdir(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole path of a socket has at most 107 bytes. Nothing stays in the TMPDIR that is too long."""
    long = short / ("t" * 80)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))

    made = Path(temporary_directory())
    made.rmdir()

    assert made.parent == Path("/tmp")
    assert list(long.iterdir()) == []
