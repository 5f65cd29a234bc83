"""What `gitshelf --help` says: the commands by what they are for, and how to begin."""

from __future__ import annotations

SECTIONS = {
    "A release": {
        "build": "Build a kit: all books in one reproducible tar.",
        "verify": "Prove every byte of a kit, offline.",
        "show": "Say what is in a kit.",
        "extract": "Prove a kit and unpack it.",
        "changes": "List commits, authors and bugs from one release to the next.",
        "lint": "Hold a manifest to the rules of a release.",
    },
    "Its manifest": {
        "pin": "Write branches and tags as the full SHAs they are now.",
        "update": "Move pins to the newest commits of their branches.",
        "discover": "Write the manifest of clones that are there.",
        "import": "Write the manifest from one of repo, west, vcstool or Ansible.",
    },
    "A shelf to work in": {
        "install": "Clone all books to their places, or bring them up to date.",
        "status": "Say where the shelf differs from its manifest.",
        "diff": "Show what changed in the books, as patches.",
    },
    "Besides": {
        "cache": "Look at the cache, and take out what is not used.",
        "completion": "Print what makes a shell complete commands and options.",
    },
}
"""The commands with what they do, under headings."""

EPILOG = """\b
A book is a git repository at a commit, with its place on the shelf; a kit is the
tarball of a release. gitshelf.yml, the manifest, lists the books:
  books:
  - book: salt/states                              # its place
    git: https://git.example.org/salt/states       # a URL or a path
    branch: main                                   # a full SHA, a tag or a branch

\b
Begin with:
  gitshelf pin                       write the SHA that main is now into gitshelf.yml
  gitshelf build --output kit.tar    one tarball of the books of gitshelf.yml
  gitshelf verify kit.tar            prove every byte of it
  gitshelf COMMAND --help            every command has examples
Exit codes: 0 done, 1 the answer is no, 2 the call or its input was wrong.
"""
