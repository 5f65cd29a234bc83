"""`deploy-kit pool run`: rounds of deciding and working, patient with a state that is away."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from deploykit.pools.config import Config
from deploykit.pools.deciding import Clocks, Deciding
from deploykit.pools.hostside import Hands, HostSide
from deploykit.pools.machine import MachineLook, look_at_machine
from deploykit.pools.store import StateAway, Store

PERIOD = 1.0  # seconds between two rounds that find nothing to do
PAUSE_FIRST, PAUSE_MOST = 1.0, 30.0  # seconds until a state that was away is asked again


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a server runs in; the defaults are the real ones."""

    clocks: Clocks = field(default_factory=lambda: Clocks(time.time, time.monotonic))
    look: Callable[[], MachineLook] = look_at_machine
    sleep: Callable[[float], None] = time.sleep


class Server:
    """A server of the pools of `config`, working on `hosts` by `hands`. `say` tells its lines."""

    def __init__(
        self,
        config: Config,
        store: Store,
        hands: Hands,
        hosts: Collection[str],
        say: Callable[[str], None],
        around: Surroundings | None = None,
    ) -> None:
        self._around = around or Surroundings()
        clocks = self._around.clocks
        me = f"{socket.gethostname()}-{secrets.token_hex(3)}"
        self._say = say
        self.deciding = Deciding(config, store, me, clocks)
        self.hosts = HostSide(
            config, store, hands, me=me, hosts=hosts, clock=clocks.wall, look=self._around.look,
            say=say,
        )  # fmt: skip

    def round(self) -> int:
        """One round; returns how much was done. Raises StateAway."""
        acted = self.deciding.round()
        return acted + self.hosts.round(leads=self.deciding.leads())

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Round after round, until `until()` or an interruption; then what is under way ends."""
        pause, away = PAUSE_FIRST, False
        try:
            while not until():
                try:
                    acted = self.round()
                except StateAway as error:
                    if not away:
                        self._say(f"waiting: {error.message}")
                    away = True
                    self._around.sleep(pause)
                    pause = min(PAUSE_MOST, pause * 2)
                    continue
                if away:
                    self._say("the state is back")
                pause, away = PAUSE_FIRST, False
                self._around.sleep(PERIOD / 10 if acted else PERIOD)
        finally:
            self._end()

    def _end(self) -> None:
        if busy := self.hosts.busy():
            self._say(f"what is under way ends first: {', '.join(busy)}")
        try:
            self.hosts.end()
            self.deciding.resign()
        except StateAway as error:
            self._say(error.message)
