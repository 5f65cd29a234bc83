"""Salt, called in this process: one import for a whole session instead of one per call."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterator
from typing import Any

from .owned import owned_by
from .protocol import AgentError, Channel

CONFIG = "/etc/salt/master"
# What Salt says instead of the difference of a file whose state has `show_changes: False`.
NOT_SHOWN = {"<show_changes=False>": "changed; its content is not shown, as it holds secrets"}
PRINTED = 500  # characters of what a failed command printed last
PING_TIMEOUT = 2  # seconds; those that answer later are asked again until the time is over


class SaltMaster:
    """The master this process runs beside. Imports Salt once, on first use."""

    def __init__(self) -> None:
        import salt.client
        import salt.config
        import salt.runner

        self.options: dict[str, Any] = salt.config.master_config(CONFIG)
        self.options["color"] = False
        self._local = salt.client.LocalClient(mopts=self.options)
        self._pinger = salt.client.LocalClient(
            mopts={**self.options, "timeout": PING_TIMEOUT, "gather_job_timeout": PING_TIMEOUT}
        )
        self._runner = salt.runner.RunnerClient(self.options)

    def public_key(self) -> str:
        """The key that Salt shows to minions, as its own code finds it."""
        from salt.crypt import MasterKeys

        return str(MasterKeys(self.options).get_pub_str()).strip()

    def absent(self, minions: list[str]) -> list[str]:
        """Which of `minions` do not answer; all of them if a busy master does not either."""
        from salt.exceptions import SaltClientError, SaltReqTimeoutError

        try:
            answers = self._pinger.cmd(minions, "test.ping", tgt_type="list", timeout=PING_TIMEOUT)
        except (SaltClientError, SaltReqTimeoutError):
            return minions
        return [name for name in minions if answers.get(name) is not True]

    def wait_for(self, minions: list[str], seconds: float) -> list[str]:
        """Ask until every minion answers or `seconds` are over; returns those that do not."""
        import time

        until = time.monotonic() + seconds
        missing = self.absent(minions)
        while missing and time.monotonic() < until:
            time.sleep(0.5)
            missing = self.absent(missing)
        return missing

    def orchestrate(self, channel: Channel, digest: str, pillar: dict[str, Any]) -> dict[str, Any]:
        """Run the release's orchestration; per-state events go to `channel` as they happen."""
        with Watch(channel, self.options):
            answer = self._runner.cmd(
                "state.orchestrate",
                kwarg={
                    "mods": "deploy",
                    "saltenv": digest,
                    "pillarenv": digest,
                    "pillar": pillar,
                },
                print_event=False,
                full_return=True,
            )
        return summarise_orchestration(answer)

    def highstate(self, channel: Channel, digest: str, minions: list[str]) -> dict[str, Any]:
        """Apply the whole highstate of `digest` on every minion; returns what each one said."""
        answers = self._states(channel, digest, minions, {})
        return {name: summarise_states(answer) for name, answer in answers.items()}

    def test(self, digest: str, minions: list[str]) -> dict[str, Any]:
        """What the whole highstate of `digest` would change on every minion, and does not."""
        answers = self._local.cmd(
            minions,
            "state.apply",
            kwarg={"saltenv": digest, "pillarenv": digest, "queue": True, "test": True},
            tgt_type="list",
            timeout=20,
        )
        return {
            name: summarise_states(answers.get(name, f"minion {name} did not answer"), would)
            for name in minions
        }

    def owned(self, digest: str, minions: list[str]) -> dict[str, Any]:
        """The files that states of `digest` own on every minion, by component; runs none of them.

        Raises AgentError if they do not render on one.
        """
        # `concurrent`: beside states that run. Salt's own `show_lowstate` cannot be queued.
        answers = self._local.cmd(
            minions,
            "state.show_lowstate",
            kwarg={"saltenv": digest, "pillarenv": digest, "queue": False, "concurrent": True},
            tgt_type="list",
            timeout=20,
        )
        return {name: owned_by(name, answers.get(name, "")) for name in minions}

    def apply(
        self, channel: Channel, digest: str, minions: list[str], states: list[str]
    ) -> dict[str, Any]:
        """Apply `states` (none: the whole highstate) of `digest`; what each one said and changed.

        Answers hold the difference of each changed file, for somebody who develops.
        """
        chosen = {"mods": states} if states else {}
        answers = self._states(channel, digest, minions, chosen)
        return {
            name: {**summarise_states(answer), "changes": changes_of(answer)}
            for name, answer in answers.items()
        }

    def sync(self, digest: str, minions: list[str]) -> None:
        """Bring the modules of `digest` to the minions. Raises AgentError if one goes without."""
        answers = self._local.cmd(
            minions, "saltutil.sync_all", kwarg={"saltenv": digest}, tgt_type="list", timeout=60
        )
        without = [name for name in minions if not isinstance(answers.get(name), dict)]
        if without:
            raise AgentError(f"modules of the content did not reach {', '.join(without)}")

    def run(self, minions: list[str], words: list[str], seconds: int) -> dict[str, str]:
        """What a program printed on each of `minions`, which it may take `seconds` for.

        Raises AgentError naming the first on which it failed or that did not answer.
        """
        answers = self._local.cmd(
            minions,
            "cmd.run_all",
            [shlex.join(words)],
            kwarg={"python_shell": False, "timeout": seconds},
            tgt_type="list",
            timeout=20,
        )
        return {name: printed_by(name, answers.get(name)) for name in minions}

    def _states(
        self, channel: Channel, digest: str, minions: list[str], chosen: dict[str, Any]
    ) -> dict[str, Any]:
        with Watch(channel, self.options):
            answers = self._local.cmd(
                minions,
                "state.apply",
                kwarg={**chosen, "saltenv": digest, "pillarenv": digest, "queue": True},
                tgt_type="list",
                timeout=20,
            )
        return {name: answers.get(name, f"minion {name} did not answer") for name in minions}


class Watch:
    """Tells a channel of each state that a minion finishes, from Salt's own event bus."""

    def __init__(self, channel: Channel, options: dict[str, Any]) -> None:
        self._channel, self._options = channel, options
        self._done = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join(5)

    def _listen(self) -> None:
        import salt.utils.event

        bus = salt.utils.event.get_event(
            "master", sock_dir=self._options["sock_dir"], opts=self._options, listen=True
        )
        self._ready.set()
        while not self._done.is_set():
            event = bus.get_event(wait=0.5, full=True, auto_reconnect=True)
            if event:
                for fields in progress_of(event["tag"], event["data"]):
                    self._channel.event(**fields)
        bus.destroy()


def printed_by(minion: str, answer: Any) -> str:
    """What a program printed, of Salt's answer to `cmd.run_all`. Raises AgentError if it failed."""
    if not isinstance(answer, dict):
        raise AgentError(f"{minion}: {answer or 'the minion did not answer'}")
    if answer["retcode"]:
        output = str(answer["stderr"] or answer["stdout"]).strip()
        raise AgentError(f"{minion}: {output[-PRINTED:] or 'it failed and said nothing'}")
    return str(answer["stdout"])


def progress_of(tag: str, data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The progress events in one message of Salt's event bus."""
    words = tag.split("/")
    if len(words) >= 5 and words[:2] == ["salt", "job"] and words[3] == "prog":
        state = data.get("data", {}).get("ret") or {}
        yield {
            "minion": data.get("id", words[4]),
            "state": state.get("__id__") or state.get("name") or "",
            "result": state.get("result"),
            "changed": bool(state.get("changes")),
            **said_of(state, "comment", 2000),
        }
    elif len(words) >= 4 and words[:2] == ["salt", "run"] and words[3] == "ret":
        return


def said_of(state: dict[str, Any], key: str, most: int | None = None) -> dict[str, str]:
    """What Salt said of a state, in its own words, as `key`; `most` characters of it.

    Of a command that failed its last line as `printed`, too: there Salt tells, of one that is
    `stateful`, that it took too long. What either means is the other side's to know.
    """
    comment, changes = str(state.get("comment", ""))[:most], state.get("changes")
    printed = changes.get("stdout") if isinstance(changes, dict) else None
    if state.get("result") is not False or not printed:
        return {key: comment}
    return {key: comment, "printed": str(printed).rstrip().rpartition("\n")[2][-PRINTED:]}


def changed(state: dict[str, Any]) -> bool:
    """Whether a state changed something."""
    return bool(state.get("changes"))


def would(state: dict[str, Any]) -> bool:
    """Whether a state would change something: in its test mode Salt has no result for it then."""
    return state.get("result") is None


def summarise_states(
    answer: Any, differs: Callable[[dict[str, Any]], bool] = changed
) -> dict[str, Any]:
    """One minion's answer to a state run: failures in their order, then changes, then counts."""
    if not isinstance(answer, dict):
        text = "\n".join(answer) if isinstance(answer, list) else str(answer)
        return {
            "failed": [{"state": "(rendering)", "comment": text}],
            "changed": [],
            "total": 0,
            "files": [],
        }
    failed, differing, files = [], [], []
    for key, state in sorted(answer.items(), key=lambda item: item[1].get("__run_num__", 0)):
        identity = state.get("__id__", key)
        if state.get("result") is False:
            failed.append({"state": identity, **said_of(state, "comment")})
        if differs(state):
            differing.append({"state": identity, **said_of(state, "comment")})
        if key.startswith("file_|-") and str(state.get("name", "")).startswith("/"):
            files.append(str(state["name"]))
    return {"failed": failed, "changed": differing, "total": len(answer), "files": files}


def changes_of(answer: Any) -> list[dict[str, str]]:
    """What changed, state by state in order: the difference of a file, or Salt's own words."""
    if not isinstance(answer, dict):
        return []
    differences = []
    for key, state in sorted(answer.items(), key=lambda item: item[1].get("__run_num__", 0)):
        changes = state.get("changes")
        if changes:
            diff = changes.get("diff") if isinstance(changes, dict) else None
            words = {"told": str(diff)[:4000]} if diff else said_of(state, "told", 4000)
            words["told"] = NOT_SHOWN.get(words["told"], words["told"])
            differences.append({"state": state.get("__id__", key), **words})
    return differences


def summarise_orchestration(answer: dict[str, Any]) -> dict[str, Any]:
    """What an orchestration did: its steps in order, and every failure with minion and state."""
    data = answer.get("data", answer)
    if isinstance(data, dict) and "return" in data:
        data = data["return"]
    if isinstance(data, dict) and "data" in data:
        data = data["data"]
    if not isinstance(data, dict):
        raise AgentError(f"the orchestration did not run: {data}")
    steps: list[dict[str, Any]] = []
    failures: list[dict[str, str]] = []
    for states in data.values():
        if not isinstance(states, dict):
            return {"steps": [], "failures": [_rendering_failure(states)]}
        for key, step in sorted(states.items(), key=lambda item: item[1].get("__run_num__", 0)):
            name = step.get("__id__", key)
            steps.append(
                {
                    "step": name,
                    "result": step.get("result"),
                    "seconds": round(float(step.get("duration", 0)) / 1000, 1),
                    "changed": bool(step.get("changes")),
                }
            )
            if step.get("result") is False:
                failures += failures_of(name, step)
    return {"steps": steps, "failures": failures}


def _rendering_failure(answer: Any) -> dict[str, str]:
    return {"step": "deploy", "minion": "", "state": "(rendering)", "comment": _flat(answer)}


def failures_of(name: str, step: dict[str, Any]) -> list[dict[str, str]]:
    """The failing states inside one failed step, or the step's own comment."""
    failures = []
    returned = (step.get("changes") or {}).get("ret") or {}
    for minion, states in returned.items():
        if isinstance(states, dict) and all(isinstance(s, dict) for s in states.values()):
            failures += [
                {"step": name, "minion": minion, **entry}
                for entry in summarise_states(states)["failed"]
            ]
        elif isinstance(states, list) or (isinstance(states, str) and states):
            failures.append(
                {"step": name, "minion": minion, "state": "(rendering)", "comment": _flat(states)}
            )
    return failures or [
        {"step": name, "minion": "", "state": name, "comment": str(step.get("comment", ""))}
    ]


def _flat(value: Any) -> str:
    return "\n".join(str(v) for v in value) if isinstance(value, list) else str(value)
