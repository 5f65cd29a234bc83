#!/usr/bin/python3
"""Take packages off this node, with what came along with them: undo.py [--test] PACKAGE...

A package that something still needs stays, whatever asked for it first: rsyslog's logrotate is
RabbitMQ's as well, and a purge of it would take the message queue along. So does a library, which
anything may use. Both are left to apt, which purges them with the last that needs them. Ends with
a line for Salt's `stateful`; with --test nothing is done.
"""

import os
import re
import subprocess
import sys

LIBRARY = re.compile(r"(python3|uwsgi)-")
APT = ["apt-get", "-qy", "-o", "DPkg::Lock::Timeout=60"]
# What other packages only recommend or suggest goes too: it came with what is purged here.
NEEDLESS = ["-o", "APT::AutoRemove::RecommendsImportant=false"]
NEEDLESS += ["-o", "APT::AutoRemove::SuggestsImportant=false", "--purge", "autoremove"]
WHO = ["apt-cache", "rdepends", "--recurse", "--installed", "--important"]


def run(words, timeout=60, good=(0,)):
    """What a command printed. Ends the run with its last words where it failed."""
    ours = {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", "SALT_INSTALLS": "yes"}
    env = {**os.environ, **ours}
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=timeout, env=env, check=False
    )
    if done.returncode not in good:
        sys.exit(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def states(packages):
    """dpkg's word for the state of each package that it knows: installed, config-files, ..."""
    if not packages:  # dpkg would tell of every one
        return {}
    told = run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *packages], good=(0, 1)
    )
    pairs = dict(line.split() for line in told.splitlines())
    return {name: state for name, state in pairs.items() if state != "not-installed"}


def needing(package):
    """The names of installed packages that depend on an installed one, however far away."""
    return set(re.findall(r"^[ |]*([a-z0-9][a-z0-9.+-]+)", run([*WHO, package]), re.M)) - {package}


def plan(there, manual, needed):
    """(to purge, to leave to apt) of the packages `there`, name -> state.

    `manual` are those that were asked for by name; `needed` tells who needs an installed one.
    """
    wanted = set(manual) - set(there)
    stay = {
        name
        for name, state in there.items()
        if state != "config-files" and (LIBRARY.match(name) or needed(name) & wanted)
    }
    return sorted(set(there) - stay), sorted(stay & set(manual))


def main():
    packages = [word for word in sys.argv[1:] if word != "--test"]
    test = "--test" in sys.argv
    purged, left = plan(states(packages), run(["apt-mark", "showmanual"]).split(), needing)
    if purged and not test:
        run([*APT, "purge", *purged], timeout=600)
    if left and not test:
        run(["apt-mark", "auto", *left])
    needless = re.findall(r"^(?:Remv|Purg) (\S+)", run([*APT, "--simulate", *NEEDLESS]), re.M)
    if needless and not test:
        run([*APT, *NEEDLESS], timeout=600)
    gone = sorted({*purged, *needless})
    told = f"gone: {' '.join(gone)}" if gone else "left to apt" if left else "as wanted"
    print(f'changed={"yes" if gone or left else "no"} comment="{told}"')


if __name__ == "__main__":
    main()
