"""The handler alone: the baseline of every response."""

from __future__ import annotations


def handler(event: dict[str, int], _context: object) -> str:
    return "x" * event.get("bytes", 1)
