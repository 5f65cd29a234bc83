"""A kit that is there: its lock, its proof, its unpacking. Standard library only: it also runs on
machines that have only Python (`verifier_zip`).
"""
