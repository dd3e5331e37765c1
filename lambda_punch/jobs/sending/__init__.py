"""Declaring durable jobs and sending them: now, after the response, or instead of being lost."""
