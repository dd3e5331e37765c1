"""Running the durable jobs that an event brings, and saying what becomes of each message."""
