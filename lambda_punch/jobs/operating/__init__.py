"""What an operator does with queues: look at dead letters, run, move or drop them, count, send, work.

What imports what: each line only what stands below it.

    carrying.py  counting.py                                to another queue, or away; how many there are
    calling.py  working.py  hidden.py                       a job sent from the shell; a worker on this machine
    walk.py                                                 one pass over the messages of a queue
    letters.py   selection.py                               a dead letter, and which are meant
    places.py                                               queues, their dead letters, and where these came from
"""
