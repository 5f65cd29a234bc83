"""The way into a machine: its host key before the first login, and root's key once it is fit.

Nothing is trusted on first use: a host key stands in the environment's file, or comes from the
command that the file names.
"""

from __future__ import annotations

import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import CommandFailed, DeployKitError, NodeUnreachable
from deploykit.base.printable import one_line
from deploykit.base.process import Result, last_line, run
from deploykit.logs.signatures import recognise, shipped
from deploykit.nodes.inventory import STRICT, Host
from deploykit.nodes.ssh import SSH_FAILED
from deploykit.providers.static.fitness import Clock
from deploykit.providers.static.look import Look, read_look, script
from deploykit.site.environment import Environment, Node
from deploykit.site.machines import ROOT, Machine, read_host_key

KEY_SECONDS = 60.0  # for the command that prints a host key
LOOK_SECONDS = 60.0
CONNECT_SECONDS = 10
DENIED = re.compile(r"Permission denied|Too many authentication failures")
SENT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
SHELL = "sh -s"


@dataclass(frozen=True, slots=True)
class Seen:
    """A machine that was looked at. `known`: the instance's own key is root's there already."""

    look: Look
    clock: Clock
    known: bool


@dataclass(frozen=True, slots=True)
class Door:
    """One machine and who knocks: `host` with its host keys, `machine` as the file has it, `key`
    the instance's own private key."""

    host: Host
    machine: Machine
    key: Path

    def error(self, what: str, remedy: str) -> NodeUnreachable:
        """The error of this machine, with the place in the file."""
        return NodeUnreachable(f"{self.machine.place}: {self.host.name}: {what}", remedy)


def host_of(environment: Environment, node: Node, machine: Machine) -> Host:
    """The host that `machine` is to be, with its host keys.

    Raises NodeUnreachable if the command that the file names for them does not print any.
    """
    return Host(
        node.name,
        node.roles,
        str(machine.address),
        ROOT,
        environment.addresses(node),
        machine.host_keys or ask_host_keys(environment, node, machine),
    )


def ask_host_keys(environment: Environment, node: Node, machine: Machine) -> tuple[str, ...]:
    """The host keys that the operator's command prints of a machine.

    It runs in the folder of the environment's file, `{node}` and `{address}` in its words replaced.
    """
    named = {"{node}": node.name, "{address}": str(machine.address)}
    words = list(machine.host_key_by)
    for place, value in named.items():
        words = [word.replace(place, value) for word in words]
    failed = f"{machine.place}: {node.name}: host_key_by: "
    try:
        said = run(words, timeout=KEY_SECONDS, cwd=environment.file.parent).stdout
    except CommandFailed as error:
        raise NodeUnreachable(failed + error.message, error.remedy) from None
    keys = [key for line in said.splitlines() if (key := read_host_key(line)) is not None]
    if not keys:
        raise NodeUnreachable(
            f"{failed}{words[0]} printed no host key",
            "lines as in /etc/ssh/ssh_host_*_key.pub are taken: ssh-ed25519 AAAA...",
        )
    return tuple(dict.fromkeys(keys))


def look_at(door: Door) -> Seen:
    """What the machine is: asked as root by the instance's own key, else as the file's user.

    Raises NodeUnreachable, naming place and node, if it does not let either in, or shows another
    host key.
    """
    text = script("look.sh")
    known = True
    began = time.time()
    result = _run(door, text, own=True)
    if _is_denied(result):
        known, began = False, time.time()
        result = _run(door, text, own=False)
    ended = time.time()
    _demand_done(door, result, "looking at it")
    try:
        look = read_look(result.stdout)
    except DeployKitError as error:
        raise door.error(error.message, error.remedy) from None
    if not look.root:
        raise door.error("it did not become root", f"let {door.machine.user} use sudo")
    uncertain = (ended - began) / 2
    return Seen(look, Clock(look.clock - (began + ended) / 2, uncertain), known)


def let_key_in(door: Door) -> None:
    """Have root let the instance's own key in; then prove it. May be repeated.

    Raises NodeUnreachable, naming place and node, if it does not work.
    """
    line = Path(f"{door.key}.pub").read_text(encoding="utf-8").strip()
    comment = line.split(" ", 2)[2]
    words = f"set -- '{line}' '{comment}'\n"  # made here: neither holds a quote
    result = _run(door, words + script("authorize.sh"), own=False)
    _demand_done(door, result, "letting the key of this environment in")
    result = _run(door, "true\n", own=True)
    if _is_denied(result):
        raise door.error(
            "root lets the key of this environment in, and sshd does not",
            "PermitRootLogin prohibit-password in a file of /etc/ssh/sshd_config.d, then "
            "systemctl reload ssh; AllowUsers and AllowGroups must have root",
        )
    _demand_done(door, result, "logging in as root")


def _run(door: Door, text: str, *, own: bool) -> Result:
    """Run the shell script `text` there: as root by the `own` key of the instance, or as the file's
    user by whatever keys this operator has. The exit status is not looked at."""
    with tempfile.TemporaryDirectory(prefix="static-") as made:
        folder = Path(made)
        known = "".join(f"{door.host.name} {key}\n" for key in door.host.host_keys)
        files.write(folder / "known_hosts", known, mode=0o600)
        config = render_config(door, folder / "known_hosts", own=own)
        files.write(folder / "ssh_config", config, mode=0o600)
        become = "sudo -n " if not own and door.machine.user != ROOT else ""
        words: list[str | Path] = ["ssh", "-F", folder / "ssh_config", "-T", door.host.name]
        return run([*words, become + SHELL], timeout=LOOK_SECONDS, input=text, check=False)


def render_config(door: Door, known_hosts: Path, *, own: bool) -> str:
    """The ssh_config of one login: strict host keys, no forwarding, no password."""
    identity = f'  IdentityFile "{door.key}"\n  IdentitiesOnly yes\n' if own else ""
    return (
        f"Host {door.host.name}\n"
        f"  HostName {door.host.ssh_address}\n"
        f"  HostKeyAlias {door.host.name}\n"
        f"  User {ROOT if own else door.machine.user}\n"
        f"{identity}"
        f'  UserKnownHostsFile "{known_hosts}"\n'
        f"{STRICT}"
        "  ControlMaster no\n"
        f"  ConnectTimeout {CONNECT_SECONDS}\n"
        "  LogLevel ERROR\n"
    )


def _is_denied(result: Result) -> bool:
    """Whether the machine is the right one, and lets this key not in."""
    return result.returncode == SSH_FAILED and DENIED.search(result.stderr) is not None


def _demand_done(door: Door, result: Result, what: str) -> None:
    """Raise NodeUnreachable, with what to do, if a script did not run to its end there."""
    if result.returncode == 0:
        return
    said, user = result.stderr, door.machine.user
    if result.returncode != SSH_FAILED:
        reason = one_line(last_line(said) or "it said nothing")
        sudo = f"{user} needs sudo without a password there: NOPASSWD in /etc/sudoers.d"
        raise door.error(f"{what} failed: {reason}", sudo if user != ROOT else "look at it")
    if _is_denied(result):
        raise door.error(
            f"it lets {user} in by none of this operator's keys",
            f"ssh-add the key that {user} has there (an agent's keys and those in ~/.ssh are "
            "tried), or name another user: in the file",
        )
    if next(recognise(said, shipped("ssh.yml")), None):
        shown = SENT.search(said)
        raise door.error(
            "it shows another SSH host key than the one that is known"
            + (f", {shown[0]}" if shown else "")
            + "; nothing was sent to it",
            "somebody else may answer at its address. If it was installed anew: read its key at "
            "its console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), and write it as "
            "host_key",
        )
    raise door.error(
        f"{door.host.ssh_address} does not answer SSH: {one_line(last_line(said) or 'no words')}",
        "does it run, is that its address, does its packet filter let this machine in at port 22?",
    )
