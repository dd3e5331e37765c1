"""Loads in the init phase what the first job needs, where the function has less than a whole core afterwards.

Lambda gives a full core during the init and a share afterwards, by the memory: a fourteenth at 128 MB. There the loading
would keep the environment busy for hundreds of milliseconds behind its first job, and so unable to take the next request.
With a whole core (1,769 MB and more) nothing is loaded ahead, because it costs there what it costs here.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_punch.runtime.process import Process

_WHOLE_CORE = 1769  # MB


def load(process: Process) -> None:
    """Load what the mode of ``process`` needs, at the end of the init; raises what would be raised at the first job."""
    memory = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if not memory.isdecimal() or int(memory) >= _WHOLE_CORE:
        return
    import lambda_punch.runtime.drain
    import lambda_punch.runtime.ledger  # loaded for its own sake, as the others

    process.get_ready_to_end()
    if not process.mode.is_asked:
        import lambda_punch.runtime.worker

        return
    import lambda_punch.runtime.server  # noqa: F401
    from lambda_punch.runtime.zeromq import load

    load()
