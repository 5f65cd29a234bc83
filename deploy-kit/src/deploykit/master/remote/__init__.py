"""What runs on the Salt master: sent there over SSH, never installed.

Only the standard library, what Salt's own environment holds, and gitshelf's verifier may be
imported here, and only by relative imports among these modules: on the master this package is
called `remote`.
"""
