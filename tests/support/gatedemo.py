"""`make gate-demo`: a Gerrit, changes of which some are bad, and a queue that resolves them.

One change is bad, two conflict, and three need each other over two repositories. Ends with status 0
if exactly the right ones were merged, the pins name that, and a release was cut from them.
With GATE_DEMO_NODES=1 and LXD that release is really deployed to `test` (minutes).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from deploykit.gate.loop import run_gate
from deploykit.gate.standing import queue_lines, queues_json
from gatesite import LINES, PINS, GateSite
from gerrit import git, running

LONGEST = 900.0  # seconds
ROOT = Path(__file__).resolve().parents[2]
# So that the release has content that nodes can run: this checkout's, as it is committed.
BOOKS = """  - {{book: salt, git: "file://{root}", branch: {commit}, path: salt}}
  - {{book: ansible, git: "file://{root}", branch: {commit}, path: ansible}}
"""


def line(number: int, text: str) -> dict[str, str]:
    lines = LINES.splitlines()
    lines[number - 1] = text
    return {"lines.txt": "\n".join([*lines, ""])}


def push_all(site: GateSite) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The changes that will be merged, and those that will not."""
    good = [site.push(line(1, "one"), message="A good change")]
    bad = [site.push(line(5, "BAD"), message="A bad change")]
    good.append(site.push(line(10, "ten"), message="Ten in words"))
    bad.append(site.push(line(10, "zehn"), message="Ten in German: a conflict"))
    good += circle(site)
    good.append(site.push(line(18, "eighteen"), message="Behind all of them"))
    return good, bad


def circle(site: GateSite) -> list[dict[str, Any]]:
    """Three changes over two repositories, each of which needs the next."""
    address = f"{site.server.url}/c/x/+"
    first = site.push(line(14, "fourteen"), message="First of a circle")
    clone = site.folder / "clone-admin-0"
    here = git(clone, "rev-parse", "HEAD").strip()
    message = f"Second of a circle\n\nDepends-On: {address}/{first['_number']}"
    second = site.push({"other.txt": "2\n"}, project=1, message=message)
    message = f"Third of a circle\n\nDepends-On: {address}/{second['_number']}"
    third = site.push(line(16, "sixteen"), message=message)
    git(clone, "checkout", "--quiet", here)
    needs = f"Depends-On: {address}/{third['_number']}\nChange-Id: {first['change_id']}"
    git(clone, "commit", "--quiet", "--amend", "-m", f"First of a circle\n\n{needs}")
    env = site.server.ssh("admin")
    git(clone, "push", "--quiet", "origin", "HEAD:refs/for/master", env=env)
    return [first, second, third]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="gate-demo-") as folder:
        print("starting Gerrit …", flush=True)
        with running(Path(folder) / "gerrit") as server:
            commit = git(ROOT, "rev-parse", "HEAD").strip()
            books = BOOKS.format(root=ROOT, commit=commit)
            site = GateSite(server, Path(folder) / "gate", "demo", 4.0, more=PINS, books=books)
            right = demonstrate(site)
            return 0 if right and released(site, Path(folder) / "operator") else 1


def demonstrate(site: GateSite) -> bool:
    """Run the gate over all changes, and show its queue; whether it all came out right."""
    good, bad = push_all(site)
    for change in sorted((*good, *bad), key=lambda change: int(change["_number"])):
        site.approve(change)
    site.say = shown_at_once  # type: ignore[method-assign]
    opened = site.opened()
    gate = opened.gate
    ended = threading.Event()
    words, lock = opened.event_words, opened.lock
    loop = threading.Thread(
        target=run_gate, args=(gate, words, lock), kwargs={"until": ended.is_set}
    )
    loop.start()
    looking = site.gate()
    end, before = time.monotonic() + LONGEST, ""
    try:
        while time.monotonic() < end and not settled(site, good, bad):
            shown = "\n".join(queue_lines(queues_json(looking, looking.reader.read())))
            if shown != before:
                print(f"\n{shown}\n", flush=True)
            before = shown
            time.sleep(1)
    finally:
        ended.set()
        loop.join(timeout=120)
    for change in (*good, *bad):
        print(f"{change['_number']:>4} {site.now(change)['status']:<7} {change['subject']}")
    site.gate().round()  # what a gate that was ended between a merge and its pins left
    pins = site.text("pins.yml", 1)
    right = settled(site, good, bad) and site.tip(0) in pins
    print(f"\npins.yml of {site.projects[1]}:\n{pins}")
    print("as it should be" if right else "that is NOT as it should be")
    return right


def shown_at_once(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def released(site: GateSite, clone: Path) -> bool:
    """Cut a release from the pins, as an operator does in a clone; whether that went well."""
    site.server.clone(site.projects[1], "admin", clone)
    (clone / "site.yml").write_text("name: gate-demo\nmanifest: pins.yml\n", encoding="utf-8")
    shutil.copytree(ROOT / "deploy-kit/environments", clone / "environments")
    env = {**os.environ, "XDG_STATE_HOME": str(clone.with_name("operator-state"))}

    def deploy_kit(*words: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        print(f"\n$ deploy-kit {' '.join(words)}", flush=True)
        program = [str(Path(sys.executable).with_name("deploy-kit")), "--site", str(clone)]
        return subprocess.run(
            [*program, *words], env=env, text=True, timeout=3600,
            stdout=subprocess.PIPE if capture else None,
        )  # fmt: skip

    cut = deploy_kit("release", "cut", "--no-commit", "--json", capture=True)
    if cut.returncode:
        return False
    version = json.loads(cut.stdout)["version"]
    print(f"release {version}")
    deploy_kit("status")
    print(f"its way to test: deploy-kit train {version} --to test")
    if os.environ.get("GATE_DEMO_NODES") != "1" or shutil.which("lxc") is None:
        print("(GATE_DEMO_NODES=1 does that here, on nodes of LXD)")
        return True
    return deploy_kit("train", version, "--to", "test").returncode == 0


def settled(site: GateSite, good: list[dict[str, Any]], bad: list[dict[str, Any]]) -> bool:
    """Whether the good ones are merged, and the owners of the others were told why not."""
    return all(site.now(change)["status"] == "MERGED" for change in good) and all(
        site.now(change)["status"] == "NEW" and "Not merged" in site.texts(change) for change in bad
    )


if __name__ == "__main__":
    sys.exit(main())
