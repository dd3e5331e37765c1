"""``uninstall`` takes away what ``install`` brought."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambda_punch.errors import InstallError
from lambda_punch.installer import uninstall

from .conftest import snapshot


def test_nothing_is_left(root: Path) -> None:
    """Afterwards none of the installed files is left."""
    assert uninstall(root)

    assert snapshot(root) == {}
    assert list(root.iterdir()) == []


def test_others_stay(root: Path) -> None:
    """Other extensions, and files that someone added to our directory, are left."""
    others = {"opt/extensions/other": b"1", "opt/lambda-punch/zmq/added": b"2", "opt/other": b"3"}
    for name, content in others.items():
        (root / name).write_bytes(content)

    assert uninstall(root)

    assert snapshot(root) == others


def test_twice_is_no_error(root: Path) -> None:
    """A second time, or without an installation, there is nothing to do."""
    uninstall(root)

    assert not uninstall(root)


def test_what_another_put_there(tmp_path: Path) -> None:
    """An executable of our name that is not ours is left."""
    (tmp_path / "opt/extensions").mkdir(parents=True)
    (tmp_path / "opt/extensions/lambda-punch").write_text("another's")

    assert not uninstall(tmp_path)

    assert snapshot(tmp_path) == {"opt/extensions/lambda-punch": b"another's"}


def test_half_an_installation(root: Path) -> None:
    """What a killed installation left is removed too."""
    (root / "opt/extensions/lambda-punch").unlink()

    assert uninstall(root)

    assert snapshot(root) == {}


def test_it_says_what_cannot_be_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system's refusal becomes an InstallError."""
    monkeypatch.setattr(Path, "unlink", _refuse)

    with pytest.raises(InstallError, match="cannot uninstall from .*Read-only"):
        uninstall(root)


def _refuse(*_: object, **__: object) -> None:
    raise OSError(30, "Read-only file system")
