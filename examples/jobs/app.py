"""Orders over HTTP, and their jobs: one module, for the web function and the jobs function."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import lambda_punch as punch

TRIES = Path(os.environ.get("TRIES", "/tmp/tries"))  # noqa: S108 - where the demo counts, to fail twice


@punch.job(queue="orders", timeout=2)
def ship(order: str) -> None:
    print(f"shipped {order}", flush=True)


@punch.job(queue="orders", retries=5, wait=lambda _attempt: 1)
def charge(order: str) -> None:
    tries = int(TRIES.read_text()) + 1 if TRIES.exists() else 1
    TRIES.write_text(str(tries))
    if tries <= 2:
        raise ConnectionError(f"the bank does not answer, try {tries}")
    print(f"charged {order} at try {tries}", flush=True)


@punch.job(queue="orders", retries=1, wait=lambda _attempt: 1)
def print_label(order: str) -> None:
    raise RuntimeError(f"no paper for {order}")


@punch.job(queue="orders", cron="0 8 * * ? *", timezone="Europe/Berlin")  # schedules.json is made of this line
def report() -> None:
    print("the report of the day", flush=True)


@punch.handler  # runs the jobs that events bring; all other events come here
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    order = json.loads(event["body"])["order"]
    for job in (ship, charge, print_label):
        job.using(after_response=True).enqueue(order)  # one call sends all three, after the response
    return {"statusCode": 202, "body": json.dumps({"order": order})}
