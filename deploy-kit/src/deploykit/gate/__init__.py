"""The merge gate: a change is merged only if it passed on top of what will be there by then.

`queue.next_actions` decides, and is pure. `reconcile` reads what it is told (Gerrit, git, results
of jobs, the ledger) and does what it says; nothing that matters is remembered between two rounds.
"""
