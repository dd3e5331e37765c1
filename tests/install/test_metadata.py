"""What a package index shows: classifiers, addresses, and the README, in which every link has to work there."""

from __future__ import annotations

import re
import sys
import zipfile
from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest

from .conftest import REPOSITORY

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

ADDRESS = "https://github.com/lambda-punch/lambda-punch"
# Where the files of the repository are shown: as pages, as folders, and raw, as a picture has to be.
FILES = re.compile(
    rf"(?:{ADDRESS}/(?:blob|tree)/main|https://raw\.githubusercontent\.com/lambda-punch/lambda-punch/main)/(.+)"
)


@pytest.fixture(scope="module")
def metadata(distributions: Path) -> Message:
    """The metadata of the wheel."""
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(packed.read(name))


def links(markdown: str) -> dict[str, str]:
    """Each link or picture of a text, as written there, with its address."""
    prose = re.sub(r"```.*?```|`[^`]*`", "", markdown, flags=re.DOTALL)
    defined = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", prose, flags=re.MULTILINE))
    found = {}
    for text, inline, name in re.findall(r"\[([^\]]+)\](?:\(([^)]*)\)|\[([^\]]*)\])?(?!:)", prose):
        found[f"[{text}]"] = inline or defined.get(name or text, "")
    return found


def test_every_link_is_absolute(metadata: Message) -> None:
    """A package index's page has no docs folder beside it, so a relative link is dead there."""
    found = links(str(metadata.get_payload()))

    assert len(found) > 10
    assert [link for link, address in found.items() if not address.startswith("https://")] == []


def test_every_link_into_the_repository_leads_to_a_file(metadata: Message) -> None:
    """Under the name that the link gives."""
    addresses = [*links(str(metadata.get_payload())).values(), *project_urls(metadata).values()]
    files = [match[1] for address in addresses if (match := FILES.fullmatch(address))]

    assert len(files) > 10
    assert [file for file in files if not (REPOSITORY / file).exists()] == []


@pytest.mark.parametrize(
    ("markdown", "address"),
    [
        ("see [this](docs/x.md)", "docs/x.md"),
        ("see ![this](docs/x.svg)", "docs/x.svg"),
        ("see [this][x]\n\n[x]: docs/x.md", "docs/x.md"),
        ("see [this]\n\n[this]: docs/x.md", "docs/x.md"),
        ("see [this]", ""),
    ],
)
def test_links_are_found(markdown: str, address: str) -> None:
    """In each way to write one; a reference to nothing counts as a link to nowhere."""
    assert list(links(markdown).values()) == [address]


def project_urls(metadata: Message) -> dict[str, str]:
    return dict(value.split(", ", 1) for value in metadata.get_all("Project-URL", []))


def test_the_addresses_are_the_project_s_own(metadata: Message) -> None:
    """All of them in one repository."""
    urls = project_urls(metadata)

    assert set(urls) == {"Repository", "Documentation", "Changelog", "Issues"}
    assert all(url.startswith(ADDRESS) for url in urls.values())


def test_this_python_is_a_supported_one(metadata: Message) -> None:
    """The tests run on each version that is named."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    assert f"Programming Language :: Python :: {version}" in metadata.get_all("Classifier", [])
