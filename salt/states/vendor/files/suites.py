#!/usr/bin/python3
"""Which suites this node's packages come from: 0 when it is so (check) or made so (apply).

    suites check|apply SUITE...

The node's sources stay what they are. Of the suites that they lead to, those that are not named
are held back by apt's preferences, as if they were not there. One exception: a source package of
which the node already has more than the named suites offer (its image is newer) may still be
taken from the others, as its packages need each other at the same version. Nothing is downgraded.
"""

import sys
from pathlib import Path

import apt_pkg

PREFERENCES = Path("/etc/apt/preferences.d/vendor")
RULE = "Package: {packages}\nPin: release n={suite}\nPin-Priority: {priority}\n"


def offered():
    """The suites that the node has sources of."""
    sources = apt_pkg.SourceList()
    sources.read_main_list()
    return sorted({source.dist for source in sources.list})


def ahead(named):
    """Source packages of which something newer is installed than the suites `named` offer."""
    found = set()
    cache = apt_pkg.Cache(None)
    records = apt_pkg.PackageRecords(cache)
    for package in cache.packages:
        current = package.current_ver
        if current is None:
            continue
        best = [
            version
            for version in package.version_list
            if apt_pkg.version_compare(version.ver_str, current.ver_str) >= 0
            and any(file.codename in named for file, _ in version.file_list)
        ]
        if not best:
            records.lookup(current.file_list[0])
            found.add(records.source_pkg or package.name)
    return sorted(found)


def title(named, held):
    words = f"Taken from {' '.join(named)}, not from {' '.join(held)}."
    return f"# Written by Salt (vendor.config). {words}\n"


def rules(held, names):
    """apt's preferences: one for all packages of a suite, one for those that may come from it."""
    for suite in held:
        yield RULE.format(packages="*", suite=suite, priority=-1)
        if names:
            packages = " ".join(f"src:{name}" for name in names)
            yield RULE.format(packages=packages, suite=suite, priority=500)


def main():
    act, *named = sys.argv[1:]
    apt_pkg.init()
    there = offered()
    missing = sorted(set(named) - set(there))
    if missing:
        sys.exit(
            f"this node has no source of {', '.join(missing)}: add one to /etc/apt/sources.list.d,"
            " or name other suites in the content's pillar/vendor.sls"
        )
    held = sorted(set(there) - set(named))
    wanted = title(named, held) if held else ""
    text = PREFERENCES.read_text() if PREFERENCES.exists() else ""
    if text.startswith(wanted) and bool(text) == bool(wanted):
        return
    if act == "check":
        sys.exit(f"taken from other suites than {' '.join(named)}")
    if held:
        PREFERENCES.write_text("\n".join((wanted, *rules(held, ahead(set(named))))))
    else:
        PREFERENCES.unlink()


if __name__ == "__main__":
    main()
