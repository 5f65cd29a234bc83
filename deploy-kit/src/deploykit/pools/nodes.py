"""Pods of pools as nodes: made by their host's provider, looked at, tagged, taken away.

Their tags say which pool they are of and who has them until when, so that nothing is forgotten if
the state is lost, and `deploy-kit pod list` shows them.
"""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deploykit.base import times
from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.parallel import in_parallel
from deploykit.base.progress import Silent
from deploykit.ledger import Ledger
from deploykit.ledger.kit_signers import kit_signers
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import run_on
from deploykit.pods import Pod, Wanted, pod_tags, read_pod
from deploykit.pods.base import base_release, running_release
from deploykit.pods.creation import Order, create_pods
from deploykit.pods.prepared import prepared_key
from deploykit.pods.protection import protect, unprotect
from deploykit.pods.reach import pod_environment
from deploykit.pools import HOST, POOL, Member, PoolSpec
from deploykit.pools.config import Config
from deploykit.providers import DONT_DELETE, NodeState, Provider, parse_instance, provider_named
from deploykit.release import Release
from deploykit.release.cutting import build_release
from deploykit.rollout.work import working
from deploykit.site import Site
from deploykit.site.description import environment_digest
from deploykit.site.environment import Environment

ANSWER = 15.0  # seconds for one node to say that it is well
MOST_AGES = 2.0  # of max_age: until then the tags of one that nobody holds say that it is wanted
PURPOSE = "pool"  # begins what those tags say that it is for
TARGET_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Found:
    """A pod on a host, as its tags say: of the pool `pool`; protected, and why ("" if not)."""

    pod: Pod
    pool: str
    protected: str


class Nodes:
    """The pods of a site's pools, on the hosts of `config`."""

    def __init__(self, site: Site, config: Config) -> None:
        self._site, self._config = site, config

    def target(self, spec: PoolSpec) -> str:
        """What pods of a pool are made of now: of another, they are to be replaced.

        Raises what reading the ledger and finding the release raises.
        """
        environment = self._site.environment(spec.environment)
        if spec.bare:
            return f"bare-{environment_digest(environment)[-TARGET_LENGTH:]}"
        release, _ = self._release(spec, environment)
        return f"{release.version}-{prepared_key(environment, release)[:TARGET_LENGTH]}"

    def make(self, member: Member, spec: PoolSpec) -> str:
        """Make a pod; returns how it is reached, as JSON. Raises what its provider raises, and what
        a deployment does: then nothing or something of it may be there."""
        environment, provider = self._maker(member)
        tags = {POOL: spec.name, HOST: member.host}
        wanted = self._wanted(member, spec)
        instance = parse_instance(member.instance)
        if spec.bare:
            given = {**pod_tags(wanted, environment.provider, ""), **tags}
            inventory = provider.up(environment, instance, given, Silent())
        else:
            name = (instance.copy or "").partition("-")[2]
            inventory = self._copy(environment, spec, name, wanted)
            provider.tag(instance, tags)
        return json.dumps(self._access(inventory))

    def discard(self, member: Member) -> None:
        """Take a pod away, with whatever is left of it. Raises what its provider raises: Refused if
        its tags say that it may not go, whatever the state says."""
        _, provider = self._maker(member)
        provider.down(parse_instance(member.instance), Silent())

    def is_well(self, member: Member) -> bool:
        """Whether all nodes of a pod run and let somebody in."""
        environment, provider = self._maker(member)
        instance = parse_instance(member.instance)
        try:
            states = {node.state for node in provider.status(environment, instance)}
            if states != {NodeState.RUNNING}:
                return False
            inventory = provider.inventory(environment, instance)
            in_parallel(
                inventory.hosts,
                lambda host: run_on(host, inventory, ["true"], timeout=ANSWER),
                at_once=4,
            )
        except DeployKitError:
            return False
        return True

    def tag(self, member: Member, spec: PoolSpec) -> None:
        """Have a pod's tags say who has it until when, and whether it is protected. Raises what its
        provider raises."""
        _, provider = self._maker(member)
        wanted, instance = self._wanted(member, spec), parse_instance(member.instance)
        tags = pod_tags(wanted, self._config.hosts[member.host].provider, "")
        for kept in ("base", "release"):
            del tags[kept]
        provider.tag(instance, tags)
        if member.protected:
            protect(provider, instance, member.protected)
        elif provider.tags(instance).get(DONT_DELETE):
            unprotect(provider, instance)

    def found(self, host: str) -> dict[str, Found]:
        """The pods of pools that are on a host, by instance; other pods are nobody's business here.

        Raises what its provider raises.
        """
        provider = provider_named(self._site, self._config.hosts[host].provider)
        found = {}
        for instance in provider.instances():
            tags = provider.tags(instance)
            pod = read_pod(instance, tags)
            if pod is not None and tags.get(HOST, host) == host and _pool_of(tags):
                found[str(instance)] = Found(pod, _pool_of(tags), tags.get(DONT_DELETE, ""))
        return found

    def latency(self, host: str) -> float:
        """Seconds that the host's provider takes to answer. Raises what it raises."""
        provider = provider_named(self._site, self._config.hosts[host].provider)
        began = time.monotonic()
        provider.instances()
        return time.monotonic() - began

    def _maker(self, member: Member) -> tuple[Environment, Provider]:
        """The environment of a pod as its host makes it, and the provider that does."""
        host = self._config.hosts.get(member.host)
        if host is None:
            raise InputError(
                f"{member.instance}: pools.yml has no host '{member.host}' any more",
                "bring it back until its pods are gone",
            )
        environment = self._site.environment(parse_instance(member.instance).environment)
        environment = environment.with_provider(host.provider)
        return environment, provider_named(self._site, host.provider)

    def _copy(
        self, environment: Environment, spec: PoolSpec, name: str, wanted: Wanted
    ) -> Inventory:
        with working(self._site, Silent(), "pool") as work:
            base, signers = self._release(spec, environment)
            order = Order(environment, (name,), base, wanted, signers)
            return create_pods(work, order)[0]

    def _release(self, spec: PoolSpec, environment: Environment) -> tuple[Release, str]:
        """The release of a pool's pods, and who may have signed its kit."""
        ledger = Ledger.open(self._site)
        records = ledger.fetch_records()
        found = (
            running_release(self._site, records, spec.line)
            if spec.line
            else base_release(self._site, records, environment, spec.release)
        )
        return build_release(self._site, ledger, found), kit_signers(records)

    def _wanted(self, member: Member, spec: PoolSpec) -> Wanted:
        if member.request:
            until = times.at(max(member.until, member.kept))
            return Wanted(member.user, member.purpose, until, member.build, member.change)
        until = times.at(member.created + MOST_AGES * spec.max_age)
        return Wanted(getpass.getuser(), f"{PURPOSE} {spec.name}", until)

    def _access(self, inventory: Inventory) -> dict[str, Any]:
        return {
            "ssh_config": str(inventory.ssh_config),
            "nodes": [asdict(host) for host in inventory.hosts],
            "environment": pod_environment(self._site, inventory),
        }


def _pool_of(tags: Mapping[str, str]) -> str:
    """The pool that tags name; also of a pod whose making was cut off before it had them all."""
    word, _, pool = tags.get("purpose", "").partition(" ")
    return tags.get(POOL) or (pool if word == PURPOSE else "")
