"""Loads in the init phase what the first job needs, where the function has less than a whole core afterwards.

Lambda gives a full core during the init and a share afterwards, by the memory: a fourteenth at 128 MB. There the loading
would keep the environment busy for hundreds of milliseconds behind its first job, and so unable to take the next request.
With a whole core (1,769 MB and more) this is not used, because the loading costs there what it costs here.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_punch.runtime.process import Process


def load(process: Process) -> None:
    """Load what the mode of ``process`` needs, at the end of the init; raises what would be raised at the first job."""
    # Imported to be there, so that the first job finds them; nothing here uses them.
    import lambda_punch.runtime.drain
    import lambda_punch.runtime.ledger

    process.get_ready_to_end()
    if not process.mode.is_asked:
        import lambda_punch.runtime.worker

        return
    import lambda_punch.runtime.server  # noqa: F401 - as above
    from lambda_punch.runtime.zeromq import load

    load()
