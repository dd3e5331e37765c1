"""inotify by libc's own calls, and by inotify_simple where libc does not take them."""

from __future__ import annotations

import ctypes
import os
import select
from typing import TYPE_CHECKING

import pytest

from extension import inotify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["libc", "the package"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two ways."""

    def refuse(*_: object, **__: object) -> object:
        raise OSError("no libc by this name")

    if request.param == "the package":
        import inotify_simple  # noqa: F401 - it has found its own way to libc

        monkeypatch.setattr(ctypes, "CDLL", refuse)
    return str(request.param)


@pytest.fixture
def watched(tmp_path: Path, way: str) -> Iterator[tuple[Path, int]]:
    """A file, and the descriptor that tells of it."""
    file = tmp_path / "handled"
    file.write_bytes(b"first")
    descriptor = inotify.watch(str(file))
    yield file, descriptor
    os.close(descriptor)


def is_told(descriptor: int, seconds: float) -> bool:
    ready = bool(select.select([descriptor], [], [], seconds)[0])
    if ready:
        os.read(descriptor, 4096)
    return ready


def test_a_write_and_a_removal_are_told(watched: tuple[Path, int]) -> None:
    file, descriptor = watched
    assert not is_told(descriptor, 0)

    with file.open("r+b") as opened:
        opened.write(b"again")
    assert is_told(descriptor, 10)

    file.unlink()
    assert is_told(descriptor, 10)


def test_the_descriptor_is_closed_in_what_is_executed(watched: tuple[Path, int]) -> None:
    assert not os.get_inheritable(watched[1])


@pytest.mark.usefixtures("way")
def test_a_file_that_is_not_there_is_an_error_with_its_reason(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))

    with pytest.raises(OSError, match="No such file or directory"):
        inotify.watch(str(tmp_path / "missing"))

    assert set(os.listdir("/proc/self/fd")) == before
