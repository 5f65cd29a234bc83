#!/usr/bin/python3
"""What of a node's newer packages comes with which of its components, and bring it there.

    plan make LEVEL COMPONENT=PACKAGE,... -- COMPONENT=PACKAGE,...
    plan back SUITE,... LEVEL COMPONENT=PACKAGE,... -- COMPONENT=PACKAGE,...
    plan bring COMPONENT=PACKAGE,...
    plan rest COMPONENT=PACKAGE,...
    plan drop COMPONENT=PACKAGE,...

make: fetch whatever is newer, and what components lack; install none of it. The components are told
in the order in which they come; behind '--' those that every node has. What is newer comes with the
first component that stands on it, its version as of now: of roles, then of every node, and what none
stands on with `rest`. /var/lib/vendor/plan/COMPONENT holds its share, a line NAME=VERSION each.

back: the same for going back to a release: what the suites have in an older version than the node
comes in that one, by apt's own rules (a pin above 1000), until the plan is gone.

bring: the share of one component, and its note (vendor-newest). rest: what is left of all shares;
then every note, /var/lib/vendor/level says LEVEL, and the plan is gone. drop: every note, no plan.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HOME = Path("/var/lib/vendor")
PLAN, ASIDE, LEVEL = HOME / "plan", HOME / "plan.new", HOME / "level"
LEVEL_OF_PLAN, REST = ".level", ".rest"  # files of the plan that are no component's
OLDER = HOME / "older"  # apt's preferences while older packages come: vendor-get goes by them
PREFERENCES = Path("/etc/apt/preferences")  # a person's own: they hold besides
PIN = "Package: *\nPin: release n={suite}\nPin-Priority: 1001\n"
ON_THE_WAY = "going back\n"  # no release's level: who is interrupted there begins anew
GET, NEWEST = "/usr/local/sbin/vendor-get", "/usr/local/sbin/vendor-newest"
# Another version of what is installed, as apt-get tells it when it only tries.
OTHER = re.compile(r"^Inst (\S+) \[[^\]]*\] \((\S+)", re.M)
SECONDS = {"try": 120, "get": 3600, "newest": 120}


def parted(words):
    """Components and their packages, of words COMPONENT=PACKAGE,PACKAGE in their order."""
    return {name: names.split(",") for name, _, names in (word.partition("=") for word in words)}


def shares(newer, components):
    """What comes with which component: `newer` is name to version, `components` name to the names
    of all that it stands on, in their order. What none stands on is under REST."""
    left, found = dict(newer), {}
    for component, names in components.items():
        found[component] = {name: left.pop(name) for name in sorted(names & left.keys())}
    return {**found, REST: left}


def lines(share):
    return "".join(f"{name}={version}\n" for name, version in share.items())


def pairs(text):
    return dict(line.split("=", 1) for line in text.split())


def call(words, seconds):
    """Run a program, its output this one's; end with its status where it fails."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, timeout=seconds, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def others_of(packages):
    """What an upgrade of the node, with `packages`, would install in the place of something else."""
    done = subprocess.run(
        (GET, "try", *packages),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS["try"],
        check=False,
    )
    if done.returncode:
        sys.exit(done.returncode)
    return dict(OTHER.findall(done.stdout))


def make(level, words):
    """Fetch, and write the plan whole."""
    from closure import cache, closure

    components = parted([word for word in words if word != "--"])
    packages = sorted({name for names in components.values() for name in names})
    call((GET, "fetch-newer", *packages), SECONDS["get"])
    known = cache()
    standing = {
        component: {package.name for package in closure(known, names)}
        for component, names in components.items()
    }
    for folder in (ASIDE, PLAN):
        shutil.rmtree(folder, ignore_errors=True)
    ASIDE.mkdir(parents=True)
    for component, share in shares(others_of(packages), standing).items():
        (ASIDE / component).write_text(lines(share))
    (ASIDE / LEVEL_OF_PLAN).write_text(f"{level}\n")
    ASIDE.rename(PLAN)


def allow_older(suites):
    """Let what `suites` have count more than what is installed."""
    own = PREFERENCES.read_text() if PREFERENCES.exists() else ""
    LEVEL.write_text(ON_THE_WAY)
    OLDER.write_text(
        "\n".join((*([own] if own else []), *(PIN.format(suite=one) for one in suites)))
    )


def forget():
    """The plan is gone, and so is what it allowed."""
    OLDER.unlink(missing_ok=True)
    shutil.rmtree(PLAN)


def bring(wanted):
    """Those of `wanted`, name to version, that are installed in an older version; where older ones
    come, in any other."""
    from closure import behind, cache

    late = behind(cache(), wanted, other=OLDER.exists())
    if late:
        call((GET, "bring", *lines(late).split()), SECONDS["get"])


def main():
    act, *words = sys.argv[1:]
    sys.path.append("/usr/local/lib/vendor")
    if act == "make":
        OLDER.unlink(missing_ok=True)
        make(words[0], words[1:])
        return
    if act == "back":
        allow_older(words[0].split(","))
        make(words[1], words[2:])
        return
    if act == "bring":
        file = PLAN / words[0].partition("=")[0]
        bring(pairs(file.read_text()))
        call((NEWEST, *words), SECONDS["newest"])
        file.unlink()
        return
    if act == "rest":
        left = [file for file in sorted(PLAN.iterdir()) if file.name != LEVEL_OF_PLAN]
        bring({name: one for file in left for name, one in pairs(file.read_text()).items()})
    call((NEWEST, *words), SECONDS["newest"])
    if act == "rest":
        (PLAN / LEVEL_OF_PLAN).replace(LEVEL)
    forget()


if __name__ == "__main__":
    main()
