"""Durable jobs as the page shows them: which request sent one, and each of its runs."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

_MOST_RUNS = 50  # of one job


class DurableJobs:
    """The last ``most`` jobs. Its methods are called under the feed's lock; they return the id of a job that is dropped."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def sent(self, job: dict[str, Any], request: str | None) -> str | None:
        """Note that a request has sent a job: its ``id``, ``name`` and ``queue``."""
        known, dropped = self._job(job["id"], job["name"])
        known.update(queue=job["queue"], sent_by=request)
        return dropped

    def ran(self, run: dict[str, Any], request: str) -> str | None:
        """Note a run, or what is new of it, as its own request shows it."""
        known, dropped = self._job(run["id"], run["name"])
        runs: list[dict[str, Any]] = known["runs"]
        noted = next((each for each in runs if each["key"] == run["key"]), None)
        if noted is None:
            noted = {"request": request}
            runs.append(noted)
            del runs[:-_MOST_RUNS]
        noted.update({name: run.get(name) for name in ("key", "attempt", "begun", "ended", "error")})
        return dropped

    def record(self, identity: str) -> dict[str, Any]:
        """Return what is known of a job; the caller may keep it."""
        found: dict[str, Any] = json.loads(json.dumps(self._jobs[identity]))
        return found

    def _job(self, identity: str, name: str) -> tuple[dict[str, Any], str | None]:
        if identity in self._jobs:
            return self._jobs[identity], None
        made = self._jobs[identity] = {"id": identity, "name": name, "queue": "", "sent_by": None, "runs": []}
        return made, self._jobs.popitem(last=False)[0] if len(self._jobs) > self._most else None
