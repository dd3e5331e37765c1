"""A function that answers with its first yield and goes on working after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lambda_punch as punch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@punch.handler
def handler(event: Mapping[str, Any], _context: Any) -> Iterator[dict[str, str]]:
    name = event.get("name", "world")
    yield {"message": f"Hello, {name}!"}
    print(f"{name} has been greeted; this line was written after the response")
