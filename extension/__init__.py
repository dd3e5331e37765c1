"""The extension's process: it imports nothing from lambda_punch and stays out of the function's way.

``main`` wires; ``loop`` is the life of the process; ``api`` speaks to Lambda, ``watch`` to the handled-file,
``drain`` to the library. ``contract`` is this side's copy of what both processes must agree on.
"""
