"""The extension's process. It imports nothing from lambda_punch.

``main`` starts it, and ``loop`` is its life. ``api`` talks to Lambda, ``watch`` waits for the handled-file, ``drain``
talks to the library. ``contract`` is this side's copy of what both processes must agree on.
"""
