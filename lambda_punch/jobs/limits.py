"""What SQS and Lambda allow, each limit once, with the page of AWS that states it."""

from __future__ import annotations

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
LARGEST_MESSAGE = 1_048_576  # bytes of one message, and of all messages of a batch together
MOST_IN_BATCH = 10  # messages of one SendMessageBatch, or entries of one ChangeMessageVisibilityBatch
LONGEST_DELAY = 900  # seconds; FIFO queues take none for a single message
LATEST = 315_360_000  # seconds, ten years: a later job is a mistake, such as milliseconds for seconds
LONGEST_VISIBILITY = 43_200  # seconds in all, counted from the receive

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
LONGEST_QUEUE_NAME = 80

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-exactly-once-processing.html
DEDUPLICATION_WINDOW = 300  # seconds

# https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
LONGEST_BATCH_WINDOW = 300  # seconds for which a mapping gathers messages before the function sees them

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_EVENT = 1_000_000  # bytes of the payload of an asynchronous invoke

# Managed Instances let a function run for 90 minutes; elsewhere Lambda ends it after 15.
LONGEST_RUN = 5_400  # seconds
