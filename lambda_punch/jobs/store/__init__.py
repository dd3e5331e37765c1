"""What is kept of jobs beside their queues: results by id, the locks of unique jobs, and large arguments.

    results.py    a job's result: what is written of it, and how one waits for it
    locks.py      the key of a unique job's lock
    places.py     which store a job has
    overflow.py   arguments that are too large for a message
    writing.py    writes that neither raise nor outlast their time
    dynamodb.py   memory.py    where it is kept
    interface.py  what the two have in common

It is imported only for jobs that declare ``unique`` or ``keep_result``, and for messages that were too large.
"""
