"""What the agent imports of Salt, for minions that are folders beside the master's.

A minion answers while its node runs. A release's states do to it what its kit says in
salt/outcome.json: {"failed": STATE} fails there on every minion; else `applied` in the minion's
folder gets the release's digest. A file `lose` in the master's folder makes its node fall silent
in the middle of the next orchestration.

The file `data` of a minion is its database, which mariadb-backups keeps in `backups.json`, each
with what was `applied` then; a file `full` there makes it fail. A file `drifted` has the names of
states that would change something, until all are applied.

The file `older_packages` of a master has a line for each orchestration: whether they come.
"""

from __future__ import annotations

import json
import os
import queue
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = ("", ".client", ".config", ".runner", ".exceptions", ".utils", ".utils.event")


class Bus:
    """The master's event bus, as far as progress is told over it."""

    events: queue.Queue[dict[str, Any]] = queue.Queue()

    def get_event(self, wait: float, **_: Any) -> dict[str, Any] | None:
        try:
            return self.events.get(timeout=min(wait, 0.01))
        except queue.Empty:
            return None

    def destroy(self) -> None:
        pass


class Minions:
    """The nodes beside the master's folder `master`."""

    def __init__(self, master: Path) -> None:
        self._master = master

    def runs(self, name: str) -> bool:
        return (self._master.parent / name / "power").read_text() == "running"

    def apply(self, digest: str, name: str) -> dict[str, Any]:
        """The answer of one minion to all states of the kit `digest`."""
        outcome = self._master / "srv" / "kits" / digest / "salt" / "outcome.json"
        failed = json.loads(outcome.read_text()).get("failed")
        (self._master.parent / name / "drifted").unlink(missing_ok=True)
        state = {"__id__": failed or "all", "result": not failed, "comment": "", "changes": {}}
        if failed:
            state["comment"] = "it does not start"
        else:
            (self._master.parent / name / "applied").write_text(digest)
        tag = f"salt/job/1/prog/{name}/0"
        Bus.events.put({"tag": tag, "data": {"id": name, "data": {"ret": state}}})
        return {"cmd_|-state": state}

    def test(self, name: str) -> dict[str, Any]:
        """What one minion says that its states would change."""
        file = self._master.parent / name / "drifted"
        drifted = file.read_text().split() if file.exists() else []
        return {
            f"file_|-{one}": {
                "__id__": one, "result": None, "changes": {"diff": "-1\n+2"},
                "comment": "The file is set to be changed",
            }
            for one in drifted
        }  # fmt: skip

    def run(self, name: str, line: str) -> dict[str, Any]:
        """What a program does on a minion, as Salt's cmd.run_all tells it."""
        program, *words = shlex.split(line)
        if not program.endswith("mariadb-backups"):
            return {"retcode": 0, "stdout": "", "stderr": ""}
        node = self._master.parent / name
        if words[0] == "make" and (node / "full").exists():
            return {"retcode": 1, "stdout": "", "stderr": "no space left"}
        return {"retcode": 0, "stdout": backups(node, *words), "stderr": ""}

    def note(self, pillar: dict[str, Any]) -> None:
        """Note whether older packages come with an orchestration."""
        with (self._master / "older_packages").open("a") as notes:
            notes.write(f"{pillar.get('older_packages', False)}\n")

    def silence_if_asked(self) -> None:
        ask = self._master / "lose"
        if ask.exists():
            ask.unlink()
            (self._master / "power").write_text("stopped")
            os._exit(9)


def backups(node: Path, act: str, what: str = "") -> str:
    """What mariadb-backups does on a node, and prints."""
    file, data, aside = (node / name for name in ("backups.json", "data", "restored"))
    kept = json.loads(file.read_text()) if file.exists() else []
    if act == "make":
        now = max([int(time.time()), *(one["time"] + 1 for one in kept)])
        name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        held = {
            one: (node / one).read_text() for one in ("data", "applied") if (node / one).exists()
        }
        made = {"name": name, "time": now, "reaches": now, "bytes": 1, "why": what, "held": held}
        file.write_text(json.dumps([*kept, made]))
    elif act == "prepare":
        (chosen,) = (one for one in kept if one["name"] == what)
        aside.write_text(chosen["held"].get("data", ""))
        return json.dumps({"backup": what, "to": what})
    elif act == "switch":
        aside.rename(data)
    return json.dumps({"node": node.name, "stale": 9, "backups": kept})


def install(node: Path) -> None:
    """Have `import salt...` find this instead, for the master whose folder is `node`."""
    minions = Minions(node)

    class LocalClient:
        def __init__(self, mopts: dict[str, Any]) -> None:
            pass

        def cmd(
            self, names: list[str], function: str, words: Sequence[str] = (), **more: Any
        ) -> dict[str, Any]:
            there = [name for name in names if minions.runs(name)]
            if function == "cmd.run_all":
                return {name: minions.run(name, words[0]) for name in there}
            if function == "test.ping":
                return dict.fromkeys(there, True)
            if more["kwarg"].get("test"):
                return {name: minions.test(name) for name in there}
            digest = more["kwarg"]["saltenv"]
            return {name: minions.apply(digest, name) for name in there}

    class RunnerClient:
        def __init__(self, options: dict[str, Any]) -> None:
            pass

        def cmd(self, function: str, kwarg: dict[str, Any], **more: Any) -> dict[str, Any]:
            assert function == "state.orchestrate", function
            minions.silence_if_asked()
            minions.note(kwarg["pillar"])
            names = [
                name
                for name, entry in kwarg["pillar"]["environment"]["nodes"].items()
                if set(entry["roles"]) - {"master"}
            ]
            answers = {name: minions.apply(kwarg["saltenv"], name) for name in names}
            good = all(state["cmd_|-state"]["result"] for state in answers.values())
            step = {"__id__": "all", "result": good, "changes": {"ret": answers}}
            return {"data": {"return": {"data": {"master": {"salt_|-all": step}}}}}

    def master_config(path: str) -> dict[str, Any]:
        Path(path).read_text()  # day 0 writes it: no master without
        return {"sock_dir": ""}

    modules = {name: ModuleType(f"salt{name}") for name in MODULES}
    modules[""].client, modules[""].config = modules[".client"], modules[".config"]
    modules[""].runner, modules[""].utils = modules[".runner"], modules[".utils"]
    modules[".utils"].event = modules[".utils.event"]
    modules[".client"].LocalClient = LocalClient
    modules[".runner"].RunnerClient = RunnerClient
    modules[".config"].master_config = master_config
    modules[".exceptions"].SaltClientError = type("SaltClientError", (Exception,), {})
    modules[".exceptions"].SaltReqTimeoutError = type("SaltReqTimeoutError", (Exception,), {})
    modules[".utils.event"].get_event = lambda *words, **more: Bus()
    sys.modules.update({f"salt{name}": module for name, module in modules.items()})
