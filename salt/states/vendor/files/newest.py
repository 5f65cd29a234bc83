#!/usr/bin/python3
"""Note how new the packages are that each component runs on, with all that they depend on.

    newest COMPONENT=PACKAGE,PACKAGE...

/var/lib/vendor/newest/COMPONENT gets the time at which the newest of them was unpacked: a service
that started before runs on something older (lib/service.jinja). Nothing else is in the file.
"""

import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.append("/usr/local/lib/vendor")
from closure import cache, closure  # noqa: E402

NOTES = Path("/var/lib/vendor/newest")
INFO = Path("/var/lib/dpkg/info")


def unpacked(package):
    """When a package was unpacked, in nanoseconds; 0 where dpkg does not say."""
    files = (INFO / f"{package.name}.list", INFO / f"{package.name}:{package.architecture}.list")
    return max((file.stat().st_mtime_ns for file in files if file.exists()), default=0)


def main():
    packages = cache()
    NOTES.mkdir(parents=True, exist_ok=True)
    for word in sys.argv[1:]:
        component, _, names = word.partition("=")
        newest = max(map(unpacked, closure(packages, names.split(","))), default=0)
        note = NOTES / component
        if not note.exists() or note.stat().st_mtime_ns != newest:
            note.touch()
            os.utime(note, ns=(newest, newest))


if __name__ == "__main__":
    main()
