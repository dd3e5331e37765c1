"""What the docs repeat from the code is what stands there."""

from __future__ import annotations

from pathlib import Path

from lambda_punch.runtime import modes

ROOT = Path(__file__).parent.parent


def test_the_state_table_in_the_docs_is_the_one_in_the_code() -> None:
    """Row by row, at the head of modes.py and in how-it-works."""
    table = [line for line in (modes.__doc__ or "").splitlines() if line.startswith("|")]
    docs = (ROOT / "docs" / "how-it-works.md").read_text().splitlines()

    assert len(table) >= 10
    assert [line for line in table if line not in docs] == []
