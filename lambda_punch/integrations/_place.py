"""Whether this process is one in which a pushed job waits for a response."""

from __future__ import annotations

import os
import sys

from lambda_punch.runtime.start import process, start

_RUNTIME_CLIENT = "awslambdaric.lambda_runtime_client"


def prepare() -> bool:
    """Call start() if AWS's runtime client runs this process; return whether it does.

    Under another one (a web server on the Lambda Web Adapter, say) nothing tells when a response is out. So nothing is
    started there, and the integrations change nothing.
    """
    if "AWS_LAMBDA_RUNTIME_API" not in os.environ or _RUNTIME_CLIENT not in sys.modules:
        return False
    start()
    return True


def defers() -> bool:
    """Tell whether what is pushed now waits for the response of the request being handled.

    Not outside Lambda, where it would run at once, beside the request; not while lambda_punch.testing has taken push()
    over; and not in ``lambda-punch local --compare``, which also runs jobs inside the request.
    """
    return process.sequence > 0 and process.mode.defers
