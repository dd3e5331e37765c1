"""How a job's arguments travel: by their annotations, as JSON and back.

    arguments.py   one function's parameters, in a call and in a message
    find.py        the carrier of an annotation
    containers.py  records.py  unions.py   carriers that are made of others
    values.py      models.py               carriers of single values; of pydantic's and msgspec's models
    carrier.py     what a carrier is, and what JSON itself can carry

A carrier is made when a job is declared, and only for an annotation that JSON alone cannot carry. Only ``arguments.py`` is
imported for a job that has none of those.
"""
