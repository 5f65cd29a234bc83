"""The web pages: the board, releases, environments, figures, queues, pods and records, to read.

They show what `board`, `figures`, `ledger`, `gate` and `pods` give, and decide nothing. Every page
is a dataclass made by a pure function (`pages`): machines get it as JSON, people through a
template, so that the two cannot differ.
"""
