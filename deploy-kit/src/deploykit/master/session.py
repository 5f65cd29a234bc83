"""A session with an environment's Salt master: one SSH connection, one agent, many calls."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import queue
import subprocess
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deploykit.base import files
from deploykit.base.errors import DeployKitError, NodeUnreachable
from deploykit.base.printable import printable
from deploykit.nodes.inventory import Inventory

# The agent's zip follows on standard input; a zip can only be imported from a file.
BOOT = (
    "import os,sys,tempfile;"
    "n=int(sys.stdin.buffer.readline());"
    "f=tempfile.NamedTemporaryFile(suffix='.zip');"
    "f.write(sys.stdin.buffer.read(n));f.flush();"
    "sys.path.insert(0,f.name);"
    "from remote.agent import main;main()"
)
# Salt's own, by the folder that it is in: a session stays with one Salt when day 0 brings another.
# A node that has none yet answers what takes none.
PYTHON = (
    'salt=$(readlink -f /opt/salt/bin) && [ -x "$salt/python3" ] || salt=/usr/bin; '
    'exec "$salt/python3"'
)
HELLO_TIMEOUT = 25.0  # seconds: a dead master is named within 30
LONGEST = 2**16  # bytes that are taken as one line of what the master's side complains of
MOST_SAID = 64 * 2**20  # bytes of such lines: they go to a log
MOST_ANSWER = 256 * 2**20  # bytes of one answer: what a region's states did
BLOCK = 2**18  # bytes that are sent at a time
WAITING = 10_000  # answers and events that nobody has taken yet
Event = Callable[[dict[str, Any]], None]


class AgentFailed(DeployKitError):
    """The master said no; the message is the agent's own."""


@functools.cache
def agent_zip() -> bytes:
    """The agent with gitshelf's verifier, as the bytes of a zip that Python can import."""
    from gitshelf.kit.verifier_zip import verifier_zip

    buffer = io.BytesIO(verifier_zip())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        for source in sorted((Path(__file__).parent / "remote").glob("*.py")):
            archive.write(source, f"remote/{source.name}")
    return buffer.getvalue()


class MasterSession:
    """Calls to the agent on a master, as a context manager.

    Raises NodeUnreachable when the master does not answer, AgentFailed when it says no.
    """

    def __init__(self, inventory: Inventory, log: Path) -> None:
        self._inventory = inventory
        self._name = inventory.master.name
        self._log = log
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue(WAITING)
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: threading.Thread | None = None
        self._calling = threading.Lock()

    def __enter__(self) -> MasterSession:
        command = ["ssh", "-F", str(self._inventory.ssh_config), self._name, "--"]
        self._child = subprocess.Popen(
            [*command, f'{PYTHON} -u -c "{BOOT}"'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self._errors = threading.Thread(target=self._write_log, daemon=True)
        self._errors.start()
        archive = agent_zip()
        try:
            self._write(f"{len(archive)}\n".encode() + archive, HELLO_TIMEOUT)
            self.call("hello", timeout=HELLO_TIMEOUT)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        child = self._child
        if child is not None:
            assert child.stdin is not None
            try:
                child.stdin.close()
                child.wait(timeout=5)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                child.kill()
                child.wait()
        if self._errors is not None:
            self._errors.join(timeout=5)

    @property
    def alive(self) -> bool:
        """Whether the connection still stands."""
        return self._child is not None and self._child.poll() is None

    def call(
        self,
        name: str,
        /,
        *,
        timeout: float,
        on_event: Event | None = None,
        payload: bytes = b"",
        **arguments: Any,
    ) -> Any:
        """Make one call; `timeout` is in seconds since the last sign of life from the master.

        Of several threads one calls at a time: an answer does not say which call it is to.
        """
        with self._calling:
            return self._exchange(name, timeout, on_event, payload, arguments)

    def _exchange(
        self,
        name: str,
        timeout: float,
        on_event: Event | None,
        payload: bytes,
        arguments: Mapping[str, Any],
    ) -> Any:
        request: Mapping[str, Any] = {
            "call": name,
            "arguments": arguments,
            "payload": len(payload),
        }
        self._write(json.dumps(request).encode() + b"\n" + payload, timeout)
        assert self._child is not None
        while True:
            try:
                answer = self._answers.get(timeout=timeout)
            except queue.Empty:
                self._child.kill()  # a late answer would pass for the next call's
                raise NodeUnreachable(
                    f"the master {self._name} did not answer '{name}' within {timeout:.0f} s",
                    f"look at the node and at {self._log}",
                ) from None
            if answer is None:
                raise NodeUnreachable(
                    f"the connection to the master {self._name} ended during '{name}'",
                    f"{self._last_words()}\nthe whole log: {self._log}",
                )
            if "event" in answer:
                if on_event:
                    on_event(answer["event"])
            elif "error" in answer:
                raise AgentFailed(f"{self._name}: {answer['error']}", answer.get("remedy", ""))
            else:
                return answer["result"]

    def _write(self, data: bytes, timeout: float) -> None:
        """Send `data`; who takes nothing of it for `timeout` seconds does not answer."""
        assert self._child is not None and self._child.stdin is not None
        try:
            for start in range(0, len(data), BLOCK):
                waiting = threading.Timer(timeout, self._child.kill)
                waiting.daemon = True
                waiting.start()
                try:
                    self._child.stdin.write(data[start : start + BLOCK])
                    self._child.stdin.flush()
                finally:
                    waiting.cancel()
        except BrokenPipeError:
            raise NodeUnreachable(
                f"the master {self._name} does not take a session",
                f"{self._last_words()}\nthe whole log: {self._log}",
            ) from None

    def _read(self) -> None:
        assert self._child is not None and self._child.stdout is not None
        while line := self._child.stdout.readline(MOST_ANSWER):
            if len(line) == MOST_ANSWER:
                self._child.kill()  # no agent of ours says so much
                break
            try:
                self._answers.put(json.loads(line))
            except ValueError:
                continue
        self._answers.put(None)

    def _write_log(self) -> None:
        assert self._child is not None and self._child.stderr is not None
        room = MOST_SAID
        with files.open_log(self._log) as log, self._child.stderr as complaints:
            while line := complaints.readline(LONGEST):
                room -= len(line)
                if room < 0:
                    continue
                log.write(printable(line.decode("utf-8", "replace")))
                log.flush()

    def _last_words(self) -> str:
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=2)
        if self._errors is not None:
            self._errors.join(timeout=2)
        lines = self._log.read_text(errors="replace").splitlines()[-10:]
        return "it said:\n" + "\n".join(lines) if lines else "it said nothing"
