"""Work after the response, in the function's process.

``queue`` < ``drain`` < ``process`` (the one state) < ``lost`` < ``modes`` (what follows a response) < ``shutdown``. ``response``
watches the runtime client, ``handled`` writes the handled-file, ``server`` answers the extension, ``worker`` drains
without it, ``margin`` warns of jobs that outlast their invoke, ``ledger`` keeps what is not done for those who outlive us.
Only ``queue`` and ``process`` are imported with the package; the rest when it is needed.
"""

from lambda_punch.runtime.process import Process, forget_in_children, no_entry

__all__ = ["Process", "forget_in_children", "no_entry"]
