"""Frameworks and vendors whose own ways to work after the response keep the caller waiting on Lambda.

Each module imports its framework only when it is used; none is imported by ``import lambda_punch``.
"""
