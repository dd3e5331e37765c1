"""The smallest function with work after its response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lambda_punch as punch

if TYPE_CHECKING:
    from collections.abc import Mapping

punch.start()


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    name = event.get("name", "world")
    try:
        punch.push(note_visit, name)
        return {"message": f"Hello, {name}!"}
    finally:
        punch.handled(context)


def note_visit(name: str) -> None:
    print(f"{name} has been greeted; this line was written after the response")
