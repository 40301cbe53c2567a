"""Faults, thrown at real servers and real environments at random: whatever breaks, one of everything in the end.

    python -m tests.faults --tries 10000 --seed 1

A try is a fault, a kind of source, a database and some mails, all drawn from its seed: it can be repeated alone.
The fault strikes a round, then is mended; rounds go on until nothing is left to do; then everything is looked at.
`catalogue` lists the faults, each a module or a small family of one; `invariant` says what must hold.
"""
