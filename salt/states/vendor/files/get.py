#!/usr/bin/python3
"""apt-get for a release: lists anew, then download, tried again where a mirror fails, then act.

    get upgrade|install|fetch|fetch-newer PACKAGE...
    get try PACKAGE...
    get bring PACKAGE=VERSION...

upgrade: every package of the node, and PACKAGES. install: PACKAGES alone. fetch: their files only.
fetch-newer: the files of an upgrade. try: what that would do by the lists that are there, in apt-get's
words. bring: installed packages in another version, of the lists that are there and of what was fetched;
none goes for it, and who asked for which stays as it was.
While a release is gone back to (vendor-plan back), older versions come like newer ones.
A failure ends with one line per package that could not be had or installed, and why.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ATTEMPTS, PAUSE = 3, 3  # times, seconds
# How dpkg treats files that were edited, and waits for others, is day 0's to say (role base).
APT = ("apt-get", "-qy", "--no-install-recommends", "-o", "Acquire::Retries=2",
       "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20")  # fmt: skip
OLDER = Path("/var/lib/vendor/older")  # apt's preferences while older packages come
ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "UCF_FORCE_CONFFOLD": "1", "LC_ALL": "C.UTF-8",
               "SALT_INSTALLS": "yes"}  # services follow in their stages (policy-rc.d)
ACTS = {
    "upgrade": ("--with-new-pkgs", "upgrade"),
    "fetch-newer": ("--with-new-pkgs", "upgrade"),
    "install": ("install",),
    "fetch": ("install",),
    "bring": ("--no-remove", "install"),
}
UPDATE = ("-o", "APT::Update::Error-Mode=any", "update")
SECONDS = {"try": 120, "update": 180, "fetch": 900, "act": 1800}
BLAMED = (
    re.compile(r"^E: Failed to fetch \S*/(?P<name>[^/_\s]+)_[^/\s]*\.deb\s+(?P<why>.*)", re.M),
    re.compile(r"^[EW]: Failed to fetch (?P<name>\S+/dists/\S+)\s+(?P<why>.*)", re.M),
    re.compile(r"^E: Unable to locate (?P<name>package \S+)(?P<why>)", re.M),
    re.compile(r"^E: Version (?P<why>'[^']+') for '(?P<name>[^']+)' was not found", re.M),
    re.compile(r"^E: Package '(?P<name>[^']+)' has (?P<why>no installation candidate)", re.M),
    re.compile(
        r"^dpkg: error processing (?:package|archive) (?:\S*/)?(?P<name>[^\s_(]+)(?P<why>.*)", re.M
    ),
)  # fmt: skip


def older():
    """What apt-get is told while older packages come; nothing otherwise."""
    return ("-o", f"Dir::Etc::Preferences={OLDER}", "--allow-downgrades") if OLDER.exists() else ()


def run(words, seconds):
    """Whether apt-get succeeded, and what it said."""
    try:
        done = subprocess.run(
            (*APT, *older(), *words),
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"E: apt-get {' '.join(words)} takes longer than {seconds} s"
    return done.returncode == 0, done.stdout


def disabled():
    """The units that do not start at boot."""
    words = ("systemctl", "list-unit-files", "--state=disabled", "--plain", "--no-legend")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if done.stderr:  # the status is 1 where it finds none, too
        sys.exit(f"{' '.join(words)}: {done.stderr.strip()}")
    return {line.split()[0] for line in done.stdout.splitlines()}


def automatic():
    """The packages that came with others: naming one to apt-get makes it one that was asked for."""
    done = subprocess.run(
        ("apt-mark", "showauto"), capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()


def act_on(act, packages):
    """What was fetched, unpacked and configured; the reason where that fails.

    Some maintainer scripts enable their unit at each upgrade, also where nothing is configured.
    """
    before = disabled()
    done, said = run(("--no-download", *ACTS[act], *packages), SECONDS["act"])
    enabled = sorted(before - disabled())
    if enabled:
        subprocess.run(("systemctl", "--quiet", "disable", *enabled), timeout=120, check=True)
    return "" if done else blame(said)


def blame(said):
    """One line for each thing that failed, or the end of what was said."""
    found = {}
    for pattern in BLAMED:
        for match in pattern.finditer(said):
            name = match["name"] if "/" in match["name"] else match["name"].partition(":")[0]
            found.setdefault(name, match["why"].strip(" :()"))
    lines = [
        f"{name} cannot be had or installed" + (f": {why}" if why else "")
        for name, why in found.items()
    ]
    return "\n".join(lines or said.strip().splitlines()[-8:])


def fetched(act, packages):
    """Lists anew (but for `bring`) and the files of everything that `act` needs; the reason where that
    fails."""
    done, said = run(UPDATE, SECONDS["update"]) if act != "bring" else (True, "")
    if done:
        done, said = run(("--download-only", *ACTS[act], *packages), SECONDS["fetch"])
    return "" if done else blame(said)


def main():
    act, *packages = sys.argv[1:]
    if act == "try":
        done, said = run(("--simulate", *ACTS["upgrade"], *packages), SECONDS["try"])
        print(said)
        sys.exit(0 if done else blame(said))
    reason = fetched(act, packages)
    for attempt in range(1, ATTEMPTS):
        if not reason:
            break
        print(f"attempt {attempt}: {reason}", file=sys.stderr)
        time.sleep(PAUSE)
        reason = fetched(act, packages)
    if reason:
        sys.exit(f"after {ATTEMPTS} attempts: {reason}")
    if act.startswith("fetch"):
        return
    before = automatic() if act == "bring" else ()
    reason = act_on(act, packages)
    if before:
        subprocess.run(("apt-mark", "-qq", "auto", *before), timeout=120, check=True)
    if reason:
        sys.exit(reason)


if __name__ == "__main__":
    main()
