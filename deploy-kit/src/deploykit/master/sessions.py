"""The masters that one call of deploy-kit talks to: one session each, whoever asks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from deploykit.master.facade import Caller, Master
from deploykit.master.session import MasterSession
from deploykit.nodes.inventory import Inventory
from deploykit.site.instance import Instance


class Session(Caller, Protocol):
    """A connection that is open inside a `with` block; `alive` says whether it still is."""

    @property
    def alive(self) -> bool: ...

    def __enter__(self) -> Session: ...

    def __exit__(self, *exc: object) -> None: ...


OpenSession = Callable[[Inventory, Path], Session]


@dataclass(slots=True)
class _Place:
    """Where the session with one master is kept; `lock` is held while it opens or closes."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    session: Session | None = None

    def close(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.__exit__(None, None, None)


class Masters:
    """Opens a session with a master when it is first asked for; closes all when its block ends.

    `log` returns the log file for a name. Safe for several threads: of those that ask for one
    master at once, one opens the session and the others wait for it.
    """

    def __init__(
        self, log: Callable[[str], Path], open_session: OpenSession = MasterSession
    ) -> None:
        self._log, self._open = log, open_session
        self._lock = threading.Lock()
        self._places: dict[Instance, _Place] = {}
        self._ended = False

    def __enter__(self) -> Masters:
        return self

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._ended = True
            names = list(self._places)
        with contextlib.ExitStack() as closing:  # all of them, whichever fails
            for name in names:
                closing.callback(self.close, name)

    def master(self, inventory: Inventory) -> Master:
        """The instance's master, over its one session; opened anew if the connection was lost.

        Raises NodeUnreachable if it does not open; nothing is kept then.
        """
        with self._lock:
            place = self._places.setdefault(inventory.instance, _Place())
        with place.lock:
            if self._ended:
                raise RuntimeError(f"{inventory.instance}: its session was closed with the others")
            if place.session is None or not place.session.alive:
                place.close()
                opened = self._open(inventory, self._log(f"{inventory.instance}-master"))
                opened.__enter__()
                place.session = opened
            return Master(place.session)

    def close(self, instance: Instance) -> None:
        """Close the session with the instance's master, if there is one."""
        with self._lock:
            place = self._places.get(instance)
        if place is not None:
            with place.lock:
                place.close()
