"""Carries a kit as a train through environments."""
