"""What a Salt master can be asked for: every call of its agent, with its time limit.

The results are JSON as the agent sends it (`remote/agent.py`), described here as types. A `digest`
is a kit's digest in hexadecimal, without `sha256:`, or the name of a working copy. Every call
raises NodeUnreachable if the master does not answer in time, AgentFailed if it says no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypedDict, cast

from deploykit.master.comments import causes_first, told
from deploykit.nodes.inventory import Host, Inventory
from deploykit.site.environment import Environment

# Seconds since the master's last sign of life.
LOOK = 30.0
WRITE = 60.0
RESTORE = 120.0
UPLOAD = 120.0
STATES = 1800.0
DEVELOPED_STATES = 900.0  # somebody is waiting for them at a terminal
ALL_DATA = 4000.0  # of a database, on one node after another

Saved = dict[str, Any]  # an export of secrets: made, encrypted and brought back, never looked into


class StateEvent(TypedDict):
    """One state that a minion has just finished; `result` None: there was nothing to do."""

    minion: str
    state: str
    result: bool | None
    changed: bool
    comment: str


class FailedState(TypedDict):
    """A state that failed, in which step of the orchestration, and why."""

    step: str
    minion: str
    state: str
    comment: str


class Orchestration(TypedDict):
    """What an orchestration did: its steps in order, failures with the first cause first."""

    steps: list[dict[str, Any]]
    failures: list[FailedState]


class StateComment(TypedDict):
    """One state and what Salt said of it."""

    state: str
    comment: str


class StateDifference(TypedDict):
    """One state and what it changed: a file's difference, or Salt's own words."""

    state: str
    told: str


class StatesRun(TypedDict):
    """What one minion answered to a run of states; `files` are the paths that states manage."""

    failed: list[StateComment]
    changed: list[StateComment]
    total: int
    files: list[str]


class DevelopedRun(StatesRun):
    """What one minion answered to a run of a working copy's states."""

    changes: list[StateDifference]


class SecretMarks(TypedDict):
    """Secrets by a key of the asker: the mark of each value, and whose words have which mark."""

    values: dict[str, str]
    words: dict[str, str]


class SecretEntry(TypedDict):
    """A secret without its value; `made` in ISO 8601, None if that was not noted.

    `ends` of a certificate, in ISO 8601, and whether it was `given`; `keep` of a ring of keys: how
    many stay.
    """

    name: str
    kind: str
    roles: list[str]
    made: str | None
    waiting: bool
    ends: str | None
    given: bool
    keep: int | None


class Rotated(TypedDict):
    """Which secrets have new values, and which still wait for a deployment."""

    rotated: list[str]
    waiting: list[str]


class Given(TypedDict):
    """Of a certificate that was given: the names that it speaks for, its end in ISO 8601."""

    names: list[str]
    ends: str


class Look(TypedDict):
    """What a master says of itself: the digest that is current (None: it never had a kit), and
    whether it has secrets."""

    current: str | None
    secrets: bool


class RestoredSecrets(TypedDict):
    """How many secrets came back, and the names that only the master had."""

    restored: int
    kept: list[str]


class Alert(TypedDict):
    """An alert that is `pending` or `firing`, `since` in ISO 8601; `runbook` is a page of docs."""

    name: str
    state: str
    severity: str
    node: str
    since: str
    summary: str
    runbook: str


class Alerts(TypedDict):
    """The nodes that watch, the rules that were not evaluated well yet, the alerts."""

    watching: list[str]
    unknown: list[str]
    alerts: list[Alert]


class KeptBackup(TypedDict):
    """A backup of the database, and until when its logs lead; times in seconds since 1970."""

    name: str
    time: int
    reaches: int
    bytes: int
    why: str


class NodeBackups(TypedDict, total=False):
    """What a database node has; `silent` if it did not answer. `stale` is the age in seconds from
    which on its newest backup is too old; `copies` where they go and the key that they go by."""

    node: str
    silent: bool
    stale: int
    backups: list[KeptBackup]
    copies: dict[str, Any]


class RestoredDatabase(TypedDict):
    """By which node and backup a database came back, to which time, and who took it over."""

    node: str
    backup: str
    to: str
    others: list[str]


OnState = Callable[[StateEvent], None]


class Caller(Protocol):
    """What makes one call by its name on the wire: a session, or a test's agent."""

    def call(
        self,
        name: str,
        /,
        *,
        timeout: float,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        payload: bytes = b"",
        **arguments: Any,
    ) -> Any: ...


def node_facts(environment: Environment, hosts: Iterable[Host]) -> dict[str, dict[str, Any]]:
    """What a release's pillar learns of `hosts` by name: roles, addresses, and their interfaces.

    `links` say of each network which interface it is, and MAC and MTU if those are said;
    `addresses6` are there if the network has IPv6.
    """
    facts: dict[str, dict[str, Any]] = {}
    for host in hosts:
        addresses6 = environment.addresses6(environment.node(host.name))
        facts[host.name] = {
            "roles": list(host.roles),
            "addresses": host.addresses,
            "links": environment.attachments(environment.node(host.name)),
            **({"addresses6": addresses6} if addresses6 else {}),
        }
    return facts


class Master:
    """The master at the other end of `caller`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def current(self) -> str | None:
        """The digest that is current; None on a master that never had a kit."""
        digest: str | None = self._call("hello", LOOK)["current"]
        return digest

    def look(self) -> Look:
        """What is there, before anything is done to it."""
        answer = self._call("hello", LOOK)
        return {"current": answer["current"], "secrets": answer["secrets"]}

    def fence(self, number: int) -> None:
        """Be the deployment `number` there: lower ones are ended and refused from now on."""
        self._call("fence", LOOK, number=number)

    def make_current(self, digest: str) -> None:
        """Record that every node runs `digest`; what was current before may be forgotten."""
        self._call("current", LOOK, digest=digest)

    def has_kit(self, digest: str) -> bool:
        """Whether the kit is unpacked there, verified."""
        return cast(bool, self._call("kit_present", LOOK, digest=digest))

    def put_kit_file(self, digest: str, name: str, content: bytes) -> None:
        """Upload one file of a release's folder."""
        self._caller.call("kit_put", timeout=UPLOAD, digest=digest, name=name, payload=content)

    def install_kit(self, digest: str, kit: str, signers: str) -> None:
        """Verify the uploaded file `kit` against the text of an allowed_signers file; unpack it."""
        self._call("kit_install", UPLOAD, digest=digest, kit=kit, signers=signers)

    def put_working_copy(self, tar: bytes) -> None:
        """Put a tar of `salt/` in the place of the working copy that was there before."""
        self._caller.call("working_put", timeout=WRITE, payload=tar)

    def write_environment(
        self, digest: str, inventory: Inventory, settings: Mapping[str, Any]
    ) -> dict[str, list[str]]:
        """Write each minion's pillar for `digest`, making secrets that lack; role -> components.

        Absent nodes are in it like all others: they keep their keys, rights and pillar.
        `settings` go over the release's own values, each minion's for its components.
        """
        return cast(
            dict[str, list[str]],
            self._call(
                "environment",
                WRITE,
                digest=digest,
                name=inventory.environment.name,
                nodes=node_facts(inventory.environment, inventory.hosts),
                virtual=inventory.environment.virtual,
                public=inventory.public,
                settings=dict(settings),
            ),
        )

    def wait_for(self, minions: Sequence[str], seconds: float) -> list[str]:
        """Wait until `minions` answer, at most `seconds`; returns those that do not."""
        limit = seconds + LOOK
        return cast(
            list[str], self._call("wait_for", limit, minions=list(minions), seconds=seconds)
        )

    def orchestrate(
        self,
        digest: str,
        inventory: Inventory,
        roles: Mapping[str, list[str]],
        on_state: OnState,
        *,
        older_packages: bool = False,
    ) -> Orchestration:
        """Run every stage of `digest` on the nodes that are there; `roles` are what
        `write_environment` returned. `older_packages`: those of the release come also where nodes
        have newer ones."""
        report = self._states(
            "orchestrate",
            STATES,
            on_state,
            digest=digest,
            name=inventory.environment.name,
            nodes=node_facts(inventory.environment, inventory.there),
            roles=dict(roles),
            batch=inventory.environment.batch.pillar(),
            older_packages=older_packages,
        )
        return cast(Orchestration, {**report, "failures": causes_first(report["failures"])})

    def highstate(
        self, digest: str, minions: Sequence[str], on_state: OnState
    ) -> dict[str, StatesRun]:
        """Apply the whole highstate of `digest`; what each of `minions` answered."""
        answers = self._states("highstate", STATES, on_state, digest=digest, minions=list(minions))
        return {name: cast(StatesRun, _understand(run)) for name, run in answers.items()}

    def apply(
        self, digest: str, minions: Sequence[str], states: Sequence[str], on_state: OnState
    ) -> dict[str, DevelopedRun]:
        """Apply `states` of `digest` (none: all of them); what each of `minions` answered."""
        answers = self._states(
            "apply",
            DEVELOPED_STATES,
            on_state,
            digest=digest,
            minions=list(minions),
            states=list(states),
        )
        return {name: cast(DevelopedRun, _understand(run)) for name, run in answers.items()}

    def test_states(self, digest: str, minions: Sequence[str]) -> dict[str, StatesRun]:
        """What the whole highstate would change on each of `minions`; `changed` is what it would,
        and nothing is."""
        answers = self._call("test_states", STATES, digest=digest, minions=list(minions))
        return {name: cast(StatesRun, _understand(run)) for name, run in answers.items()}

    def owned(self, digest: str, minions: Sequence[str]) -> dict[str, dict[str, dict[str, bool]]]:
        """The files that states of `digest` own: minion -> component -> path -> whether what is in
        it may be shown. No state is run."""
        return cast(
            dict[str, dict[str, dict[str, bool]]],
            self._call("owned", STATES, digest=digest, minions=list(minions)),
        )

    def alerts(self) -> Alerts:
        """What the environment's monitoring says now."""
        return cast(Alerts, self._call("alerts", WRITE))

    def list_secrets(self) -> list[SecretEntry]:
        """Every secret of the environment, sorted by name, without its value."""
        return cast(list[SecretEntry], self._call("secrets_list", WRITE))

    def rotate_secrets(self, names: Sequence[str]) -> Rotated:
        """New values for `names` (none: all that may have one)."""
        return cast(Rotated, self._call("secrets_rotate", WRITE, names=list(names)))

    def give_certificate(self, name: str, chain: str, key: str) -> Given:
        """Keep a certificate of an authority outside (PEM, with its issuers) as `name`."""
        return cast(Given, self._call("secrets_give", WRITE, name=name, chain=chain, key=key))

    def give_values(self, name: str, values: Mapping[str, str]) -> list[str]:
        """Keep `values` in the secret `name` beside those that it has; returns the names of all."""
        call = self._call("secrets_give_values", WRITE, name=name, values=dict(values))
        return cast(list[str], call["names"])

    def forget_certificate(self, name: str) -> None:
        """Put a certificate away that was given as `name`."""
        self._call("secrets_forget", WRITE, name=name)

    def undo_rotation(self) -> list[str]:
        """Take back what was rotated and not deployed; returns the names."""
        return cast(list[str], self._call("secrets_undo", WRITE))

    def export_secrets(self) -> Saved:
        """Everything that makes the master this environment's own, with values."""
        return cast(Saved, self._call("secrets_export", WRITE))

    def secrets_fingerprint(self) -> str | None:
        """What tells this store of secrets from others, in 64 hex digits; None without a store."""
        return cast(str | None, self._call("secrets_fingerprint", WRITE))

    def differing_secrets(self, saved: Saved) -> list[str]:
        """The names of what the master has with another value than `saved` has."""
        return cast(list[str], self._call("secrets_differing", WRITE, saved=saved))

    def mark_secrets(self, key: bytes) -> SecretMarks:
        """What makes secrets comparable with those of another master that is given the same `key`:
        one made for this and forgotten after it. No value leaves the master."""
        return cast(SecretMarks, self._call("secrets_marked", WRITE, key=key.hex()))

    def restore_secrets(
        self, saved: Saved, environment: str, replacing: Sequence[str]
    ) -> RestoredSecrets:
        """Put `saved` in place; other values are replaced only if `replacing` names them."""
        return cast(
            RestoredSecrets,
            self._call(
                "secrets_restore", RESTORE, saved=saved, name=environment, replacing=list(replacing)
            ),
        )

    def list_backups(self) -> list[NodeBackups]:
        """The backups of the database, node by node."""
        return cast(list[NodeBackups], self._call("database_list", RESTORE * 5))

    def backup_database(self, why: str) -> str:
        """Take a backup now; which it is, in words."""
        return cast(str, self._call("database_backup", ALL_DATA, why=why))

    def restore_database(self, when: str, on_step: Callable[[str], None]) -> RestoredDatabase:
        """Bring the database back to `when`, a time or backup as nodes write it; '' is now."""
        return cast(
            RestoredDatabase,
            self._caller.call(
                "database_restore",
                timeout=ALL_DATA,
                on_event=lambda event: on_step(str(event["step"])),
                when=when,
            ),
        )

    def _call(self, name: str, limit: float, /, **arguments: Any) -> Any:
        return self._caller.call(name, timeout=limit, **arguments)

    def _states(self, name: str, limit: float, on_state: OnState, /, **arguments: Any) -> Any:
        def on_event(event: dict[str, Any]) -> None:
            on_state(cast(StateEvent, told(event)))

        return self._caller.call(name, timeout=limit, on_event=on_event, **arguments)


def _understand(run: dict[str, Any]) -> dict[str, Any]:
    """One minion's answer with Salt's words understood, the first cause first."""
    changes = (
        {"changes": [told(state, "told") for state in run["changes"]]} if "changes" in run else {}
    )
    changed = [told(state) for state in run["changed"]]
    return {**run, "failed": causes_first(run["failed"]), "changed": changed, **changes}
