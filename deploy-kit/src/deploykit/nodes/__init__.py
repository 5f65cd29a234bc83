"""Nodes that are there: their inventory, and how they are reached over SSH."""
