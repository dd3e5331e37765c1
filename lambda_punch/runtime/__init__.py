"""Work after the response, in the function's process, from push to done.

From low to high: ``punch``, ``queue``, ``process`` (the one state), ``modes`` (what push and the end of a response mean),
``shutdown``, and ``start``, which finds out where we are and is the one door for the layers above. docs/how-it-works.md
has a table of all files. Importing the package imports only what a cold start needs.
"""
