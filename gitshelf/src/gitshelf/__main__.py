"""`python -m gitshelf`."""

from gitshelf.commands.cli import main

main()
