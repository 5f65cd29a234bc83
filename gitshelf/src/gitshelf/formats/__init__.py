"""Formats as bytes: git objects, tar, compression, LFS pointers. Standard library only."""
