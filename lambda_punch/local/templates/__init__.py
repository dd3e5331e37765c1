"""SAM templates: several functions, their queues, and what calls them.

What imports what: each line only what stands below it.

    application.py                          the functions and queues of a template
    functions.py   queues.py                one of them, from its properties
    names.py                                names, ARNs and URLs that resources have on this machine
    intrinsics.py                           !Ref, !Sub, !If and the like
    documents.py                            YAML and JSON
"""
