"""SQS queues on this machine, and Lambda's event source that polls them."""
