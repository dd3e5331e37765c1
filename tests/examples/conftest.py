"""What the tests of the examples share: an example's modules, imported afresh and forgotten after the test."""

from __future__ import annotations

import importlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="session")
def shop_root() -> Path:
    """The task root of the shop."""
    return EXAMPLES / "shop"


@pytest.fixture(scope="session")
def hello_root() -> Path:
    """The task root of the smallest function."""
    return EXAMPLES / "hello"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path, str], Any]]:
    """Import a module as Lambda would, with the task root on the path."""
    known = set(sys.modules)
    roots = []

    def load(task_root: Path, name: str) -> Any:
        roots.append(task_root)
        monkeypatch.syspath_prepend(task_root)
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - known:
        path = getattr(sys.modules[name], "__file__", None)
        if path is not None and Path(path).parent in roots:
            del sys.modules[name]


@pytest.fixture
def services(load: Callable[[Path, str], Any], shop_root: Path) -> Any:
    """The module with the slow services."""
    return load(shop_root, "services")


@pytest.fixture
def mail(services: Any) -> Iterator[Any]:
    """A mail gateway that answers at once."""
    with services.SlowService(0.0) as service:
        yield service


@pytest.fixture
def telemetry(services: Any) -> Iterator[Any]:
    """A telemetry collector that answers at once."""
    with services.SlowService(0.0) as service:
        yield service


@pytest.fixture
def shop_variables(mail: Any, telemetry: Any, tmp_path: Path) -> dict[str, str]:
    """What the shop finds in its environment: an empty table, and both services."""
    return {
        "SHOP_DATABASE": str(tmp_path / "shop.db"),
        "SHOP_MAIL_URL": mail.url,
        "SHOP_TELEMETRY_URL": telemetry.url,
    }


@pytest.fixture
def load_app(
    load: Callable[[Path, str], Any], shop_root: Path, shop_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """Import the shop's function, with more variables if it needs them."""

    def load_app(**variables: str) -> Any:
        for name, value in {**shop_variables, **variables}.items():
            monkeypatch.setenv(name, value)
        return load(shop_root, "app")

    yield load_app
    if "orders" in sys.modules:
        sys.modules["orders"]._database.close()


@pytest.fixture
def app(load_app: Callable[..., Any]) -> Any:
    """The shop's function."""
    return load_app()


@pytest.fixture
def traffic(load: Callable[[Path, str], Any], shop_root: Path) -> Any:
    """The module that makes the requests."""
    return load(shop_root, "traffic")


@pytest.fixture
def shop_copy(shop_root: Path, tmp_path: Path) -> Path:
    """A copy of the shop that a test may change."""
    return Path(shutil.copytree(shop_root, tmp_path / "copy", ignore=shutil.ignore_patterns("__pycache__")))
