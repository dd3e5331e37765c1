"""Sending: from the call of a declared job to its message, now or after the response."""
