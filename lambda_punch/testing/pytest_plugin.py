"""The pytest fixtures, found by pytest through the entry point of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_punch.testing import EnqueuedJobs, Recorded


@pytest.fixture
def punch_inline() -> Iterator[None]:
    """Run each pushed job before push() returns."""
    from lambda_punch.testing import inline

    with inline():
        yield


@pytest.fixture
def punch_recorded() -> Iterator[Recorded]:
    """Yield the list of the jobs pushed; none is run."""
    from lambda_punch.testing import recorded

    with recorded() as jobs:
        yield jobs


@pytest.fixture
def punch_enqueued() -> Iterator[EnqueuedJobs]:
    """Yield queues in memory that take every durable job sent."""
    from lambda_punch.testing import enqueued

    with enqueued() as jobs:
        yield jobs
