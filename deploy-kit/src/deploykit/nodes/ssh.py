"""Running things on nodes over SSH: one generated ssh_config, one shared connection per node."""

from __future__ import annotations

import shlex
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from deploykit.base.errors import CommandFailed, NodeUnreachable
from deploykit.base.parallel import in_parallel
from deploykit.base.process import Result, last_line, run
from deploykit.base.waiting import wait_until
from deploykit.logs.signatures import recognise, shipped
from deploykit.nodes.inventory import Host, Inventory, control_path, make_control_folder
from deploykit.site.instance import Instance

PROBE_SECONDS = 8.0
AT_ONCE = 64  # nodes that are asked for a greeting
SSH_PORT = 22
GREETING = "SSH-"  # what an SSH server says first
SLACK = 15.0  # seconds more, for the way to the node that asks
SSH_FAILED = 255  # ssh's own exit status for a connection that failed


def command(host: Host, inventory: Inventory, argv: Sequence[str] | str) -> list[str | Path]:
    """The words that run `argv` (or a line of shell) on `host`, without a terminal."""
    remote = argv if isinstance(argv, str) else shlex.join(argv)
    return ["ssh", "-F", inventory.ssh_config, "-T", host.name, remote]


def run_on(
    host: Host,
    inventory: Inventory,
    argv: Sequence[str] | str,
    *,
    timeout: float,
    input: str | None = None,
    log: Path | None = None,
    check: bool = True,
    on_line: Callable[[str], None] | None = None,
) -> Result:
    """Run `argv` (or a line of shell) on `host` for at most `timeout` seconds.

    Secrets belong in `input`. Raises NodeUnreachable, naming the node, where SSH itself fails or
    the host key is not the known one, and CommandFailed like `process.run`.
    """
    make_control_folder()
    result = run(
        command(host, inventory, argv),
        timeout=timeout,
        input=input,
        log=log,
        check=False,
        on_line=on_line,
    )
    if result.returncode == SSH_FAILED:
        raise _unreachable(host, inventory, result.stderr)
    if check and result.returncode != 0:
        said = "\n".join((result.stderr or result.stdout).rstrip().splitlines()[-30:])
        where = f"\nthe whole log: {log}" if log else ""
        what = argv if isinstance(argv, str) else shlex.join(argv)
        raise CommandFailed(
            f"{host.name}: '{what[:120]}' failed with exit status {result.returncode}",
            f"it said:\n{said or '(nothing)'}{where}",
        )
    return result


def reachable(inventory: Inventory, names: Iterable[str] | None = None) -> None:
    """Ask every node that is there (or those of `names`) for its SSH greeting, side by side.

    Raises NodeUnreachable that names all who do not answer, within PROBE_SECONDS.
    """
    if dead := silent(inventory, names):
        raise no_answer(inventory.instance, dead)


def silent(inventory: Inventory, names: Iterable[str] | None = None) -> list[str]:
    """The nodes that are there (or of `names`) and do not greet within PROBE_SECONDS."""
    wanted = set(names) if names is not None else {host.name for host in inventory.there}
    hosts = [host for host in inventory.hosts if host.name in wanted]
    answers = in_parallel(hosts, lambda host: greets(host, inventory, PROBE_SECONDS), AT_ONCE)
    return [host.name for host, answer in zip(hosts, answers, strict=True) if not answer]


def no_answer(instance: Instance, dead: Sequence[str]) -> NodeUnreachable:
    """The error for nodes that do not answer."""
    plural = "node does" if len(dead) == 1 else "nodes do"
    return NodeUnreachable(
        f"{instance}: {len(dead)} {plural} not answer: {', '.join(dead)}",
        f"'deploy-kit env status {instance}' shows the nodes, "
        f"'deploy-kit env up {instance}' starts what is stopped",
    )


def greets(host: Host, inventory: Inventory, seconds: float) -> bool:
    """Whether the node's SSH server greets within `seconds`: asked from here, or from the node that
    it is reached from."""
    if not host.jump:
        return greeting(host.ssh_address, seconds)
    line = f"exec 3<>/dev/tcp/{host.ssh_address}/{SSH_PORT} && head -c 4 <&3"
    words = ["timeout", str(max(1, round(seconds))), "bash", "-c", line]
    try:
        jump = inventory.host(host.jump)
        said = run_on(jump, inventory, words, timeout=seconds + SLACK, check=False).stdout
    except (CommandFailed, NodeUnreachable):
        return False
    return said == GREETING


def greeting(address: str, seconds: float, port: int = SSH_PORT) -> bool:
    """Whether an SSH server greets at `address` within `seconds`."""
    end = time.monotonic() + seconds

    def first_bytes() -> bytes:
        """What it says first; nothing as long as it cannot be asked."""
        left = max(0.1, end - time.monotonic())
        try:
            with socket.create_connection((address, port), timeout=left) as connection:
                connection.settimeout(max(0.1, end - time.monotonic()))
                return connection.recv(4) or b"closed"
        except ConnectionRefusedError:
            return b"refused"
        except OSError:
            return b""

    return wait_until(first_bytes, seconds, pause=0.2) == GREETING.encode()


def close(inventory: Inventory) -> None:
    """End the shared connections of an instance. Never fails: there may be none."""
    close_all(inventory.folder)


def close_all(folder: Path) -> None:
    """End the shared connections of the instance kept in `folder`."""
    pattern = control_path(folder, "*")
    for control in pattern.parent.glob(pattern.name):
        # The master may be gone without having removed its socket.
        run(["ssh", "-o", f"ControlPath={control}", "-O", "exit", "-"], timeout=10, check=False)
        control.unlink(missing_ok=True)


def _unreachable(host: Host, inventory: Inventory, said: str) -> NodeUnreachable:
    if next(recognise(said, shipped("ssh.yml")), None):
        return NodeUnreachable(
            f"{host.name}: its SSH host key is not the one of this node; nothing was sent to it",
            "somebody else may answer at its address; if the node was rebuilt, "
            f"'deploy-kit env up {inventory.instance}' learns its new key from the provider",
        )
    reason = last_line(said) or "ssh said nothing"
    return NodeUnreachable(
        f"{host.name} is not reachable: {reason}",
        f"'deploy-kit env status {inventory.instance}' shows the nodes",
    )
