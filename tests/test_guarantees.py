"""Each sentence of docs/guarantees.md names its tests, and these exist; so do those that tests/README.md names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "guarantees.md").read_text()
PROMISES = TEXT.partition("## What is promised")[2].partition("\n## ")[0]
ACTS = [line for line in TEXT.partition("## What your code may do")[2].splitlines() if line.startswith("| ")][2:]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def names(path: Path) -> set[str]:
    """What a test file has at its top level: functions, and test cases that are assigned."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_every_promise_names_a_test() -> None:
    """A paragraph without one is only words."""
    paragraphs = [paragraph for paragraph in PROMISES.strip().split("\n\n") if paragraph]

    assert len(paragraphs) >= 15
    assert [paragraph for paragraph in paragraphs if not NAMED.search(paragraph)] == []


def test_every_act_of_user_code_names_its_test() -> None:
    """Row by row."""
    assert len(ACTS) >= 20
    assert [row for row in ACTS if not NAMED.search(row)] == []


def test_every_test_that_is_named_exists() -> None:
    """Under that name, in that file."""
    named = NAMED.findall(TEXT + (ROOT / "tests" / "README.md").read_text())

    assert [f"{path}::{name}" for path, name in named if name not in names(ROOT / path)] == []
