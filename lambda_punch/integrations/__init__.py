"""Where people already are: frameworks and vendors whose own ways of working after the response do not on Lambda.

Each module imports its framework only when it is used; none is imported by ``import lambda_punch``.
"""
