"""`python -m gitshelf`."""

from gitshelf.cli import main

main()
