"""ASGI applications (FastAPI, Starlette, any other) whose background work no longer keeps the caller waiting.

handler = Mangum(PunchMiddleware(app))
"""

from __future__ import annotations

from lambda_punch.integrations.asgi.middleware import PunchMiddleware

__all__ = ["PunchMiddleware"]
