"""Receiving: which events are jobs, running them, and what becomes of each message."""
