"""Work after the response, in the function's process, from push to done.

``punch`` < ``queue`` < ``process``, the one state < ``modes``, what push and the end of a response mean < ``shutdown``
< ``start``, which decides where we are: the one door for all that stands above. Below the modes: ``drain`` runs punches,
``server`` and ``worker`` have it run, ``around`` is what is entered round each job, ``reports`` tells of failures and
losses, ``spill`` sends what would be lost, ``ledger`` keeps what is not done for those who outlive us, ``threads`` bears
every thread. Only what a cold start needs is imported with the package.
"""
