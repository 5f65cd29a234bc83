#!/usr/bin/python3
"""Note how new the packages are that each component runs on, with all that they depend on.

    newest COMPONENT=PACKAGE,PACKAGE...

/var/lib/vendor/newest/COMPONENT gets the time at which the newest of them was unpacked: a service
that started before runs on something older (lib/service.jinja). Nothing else is in the file.
"""

import os
import sys
from pathlib import Path

import apt_pkg

NOTES = Path("/var/lib/vendor/newest")
INFO = Path("/var/lib/dpkg/info")


def closure(cache, names):
    """The installed packages of `names` and all that they depend on, as apt_pkg has them."""
    found, todo = {}, [cache[name] for name in names if name in cache]
    while todo:
        package = todo.pop()
        version = package.current_ver
        if version is None or package.id in found:
            continue
        found[package.id] = package
        for kind in ("PreDepends", "Depends"):
            for alternatives in version.depends_list.get(kind, ()):
                for one in alternatives:
                    todo += [target.parent_pkg for target in one.all_targets()]
    return list(found.values())


def unpacked(package):
    """When a package was unpacked, in nanoseconds; 0 where dpkg does not say."""
    files = (INFO / f"{package.name}.list", INFO / f"{package.name}:{package.architecture}.list")
    return max((file.stat().st_mtime_ns for file in files if file.exists()), default=0)


def main():
    apt_pkg.init()
    cache = apt_pkg.Cache(None)
    NOTES.mkdir(parents=True, exist_ok=True)
    for word in sys.argv[1:]:
        component, _, names = word.partition("=")
        newest = max(map(unpacked, closure(cache, names.split(","))), default=0)
        note = NOTES / component
        if not note.exists() or note.stat().st_mtime_ns != newest:
            note.touch()
            os.utime(note, ns=(newest, newest))


if __name__ == "__main__":
    main()
