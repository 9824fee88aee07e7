"""What processes may do to each other: each function here is one sentence of a role.

A grant that needs an address brings the address along, so that a function knows of
nothing that it may not use.
"""
