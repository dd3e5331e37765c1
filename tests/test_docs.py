"""What the docs repeat from the code is what stands there."""

from __future__ import annotations

import re
from pathlib import Path

from lambda_punch.runtime import modes

ROOT = Path(__file__).parent.parent


def test_the_state_table_in_the_docs_is_the_one_in_the_code() -> None:
    """Row by row, at the head of modes.py and in how-it-works."""
    table = [line for line in (modes.__doc__ or "").splitlines() if line.startswith("|")]
    docs = (ROOT / "docs" / "how-it-works.md").read_text().splitlines()

    assert len(table) >= 10
    assert [line for line in table if line not in docs] == []


def test_how_it_works_names_every_file_of_the_runtime() -> None:
    """In the table of the house; and no file that is not there."""
    house = (ROOT / "docs" / "how-it-works.md").read_text().partition("## The house")[2]
    rows = [line.split("|")[1] for line in house.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert named == {path.stem for path in (ROOT / "lambda_punch" / "runtime").glob("*.py")} - {"__init__"}


def test_the_tests_readme_has_a_place_for_every_folder() -> None:
    """In its table, or in a sentence that says why not."""
    text = (ROOT / "tests" / "README.md").read_text()
    folders = [path.parent.name for path in (ROOT / "tests").glob("*/*.py")]

    assert [folder for folder in set(folders) if f"`{folder}`" not in text] == []
