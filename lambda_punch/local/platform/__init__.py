"""What Lambda itself is: an execution environment, its invokes and its processes, without HTTP and without processes.

It speaks to whatever runs the processes through :class:`~.host.Host`. It imports nothing but the standard library.
"""
