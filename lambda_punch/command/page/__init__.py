"""The page that shows a local Lambda while it runs: requests, what ran behind them, their log lines, and what they cost.

``feed`` gathers what happened, ``server`` shows it on a port of its own, ``guard`` says who may ask, and ``static`` is
the page itself.
"""
