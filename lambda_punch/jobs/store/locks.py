"""The locks of unique jobs."""

from __future__ import annotations

import hashlib
import json

EVERY_ARGUMENT = "arguments"
"""The value of ``unique`` by which two calls are the same if their arguments are."""


def fingerprint(what: object) -> str:
    """Return a short text that is the same for the same JSON, in every process."""
    text = json.dumps(what, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def key(job: str, lock: str) -> str:
    """Return the key of a lock."""
    return f"lock#{job}#{lock}"
