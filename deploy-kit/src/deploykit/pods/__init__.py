"""Disposable copies of environments."""
