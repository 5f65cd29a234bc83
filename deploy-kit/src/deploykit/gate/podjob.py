"""A job in a pod: made before its command, gone after it, kept for a while if the job failed.

The pod begins at what the train's last environment runs; the state under test goes over it as it
would there. Its tags say whose it is; it is wanted only as long as this process lives, and the next
such job, or `deploy-kit pod prune`, takes what a killed one left.
"""

from __future__ import annotations

import getpass
import hashlib
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from deploykit.base import files, times
from deploykit.base.progress import Progress
from deploykit.gate.config import config_file, read_config
from deploykit.gate.job import Job, PodWish
from deploykit.gate.speculative import state_manifest
from deploykit.gate.trees import Trees
from deploykit.gate.work import Kept
from deploykit.ledger import Ledger
from deploykit.ledger.kit_signers import kit_signers
from deploykit.pods import Pod, Wanted, pod_instance
from deploykit.pods.base import base_release
from deploykit.pods.creation import Order, create_pods
from deploykit.pods.lease import is_kept, lease_end, leased
from deploykit.pods.prepared import copying_provider, prepare
from deploykit.pods.pruning import drop_left
from deploykit.pods.reach import pod_environment
from deploykit.providers import Provider, resolve_instance
from deploykit.release.cutting import build_release
from deploykit.release.speculative import Speculative, build_speculative
from deploykit.rollout.work import Work, working
from deploykit.site import Site, open_site
from deploykit.site.instance import Instance

PURPOSE = "gate job"
Command = Callable[[Mapping[str, str]], int]


@dataclass(frozen=True, slots=True)
class PodJob:
    """The job `job` of the build `kept` in the folder `folder`, with the pod that it wants."""

    kept: Kept
    job: Job
    wish: PodWish
    folder: Path

    @property
    def name(self) -> str:
        """The pod's: the same for each attempt, so that one finds what another left."""
        text = f"{self.kept.build.id} {self.job.name}"
        return f"g{hashlib.sha256(text.encode()).hexdigest()[:11]}"

    @property
    def purpose(self) -> str:
        return f"{PURPOSE} {self.job.name}"

    def wanted(self) -> Wanted:
        kept = self.kept
        return Wanted(getpass.getuser(), self.purpose, lease_end(), kept.build.id[:12], kept.item)


def run_in_pod(asked: PodJob, trees: Trees, command: Command, progress: Progress) -> int:
    """Run `command`, which gets the variables of a pod, with a pod; returns its exit status.

    Raises DeployKitError and gitshelf's errors if there can be no pod, or the state cannot be
    deployed to it, and KeyboardInterrupt if it is told to end: then the pod is gone.
    """
    site = open_site(Path(asked.kept.site))
    with working(site, progress, "gate-job") as work, _kit(asked, site, trees) as release:
        environment, _ = resolve_instance(site, asked.wish.source)
        provider = copying_provider(work, environment)
        instance = pod_instance(environment.name, asked.name)
        drop_left(site, is_of_gate, progress)
        if instance in provider.instances():  # of an attempt that was lost
            provider.down(instance, progress)
        ledger = Ledger.open(site)
        records = ledger.fetch_records()
        base = build_release(site, ledger, base_release(site, records, environment))
        signers = kit_signers(records) + release.signers
        # First, as it may take longer than a new pod is wanted.
        prepare(work, environment, base, signers)
        order = Order(environment, (asked.name,), base, asked.wanted(), signers, over=release)
        with leased(provider, [instance]), _ended(work, provider, instance, asked.wish) as end:
            (pod,) = create_pods(work, order)
            end.status = command(pod_environment(site, pod))
        return end.status


def is_of_gate(pod: Pod) -> bool:
    """Whether a job of the gate made it."""
    return pod.wanted.purpose.startswith(f"{PURPOSE} ")


@dataclass(slots=True)
class _End:
    """How the command ended: its exit status; 1 as long as it did not."""

    status: int = 1


@contextmanager
def _ended(work: Work, provider: Provider, instance: Instance, wish: PodWish) -> Iterator[_End]:
    """After the block the pod goes; it stays for its grace if the job failed by itself."""
    end, told_to_end = _End(), False
    try:
        yield end
    except KeyboardInterrupt:
        told_to_end = True
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what follows takes seconds
        work.masters.close(instance)
        if instance in provider.instances():
            if end.status != 0 and not told_to_end:
                _keep(provider, instance, wish, work.progress)
            elif told_to_end or not is_kept(provider, instance):
                provider.down(instance, work.progress)


def _keep(provider: Provider, instance: Instance, wish: PodWish, progress: Progress) -> None:
    """Have the pod stay for its grace, and say how it is reached."""
    if not is_kept(provider, instance):
        until = times.utc_now() + timedelta(seconds=wish.keep)
        provider.tag(instance, {"until": times.iso(until)})
    until_text = provider.tags(instance)["until"]
    progress.say(
        f"The pod {instance} stays until {until_text}, to be looked at:\n"
        f"  deploy-kit pod ssh {instance}\n"
        f"  deploy-kit pod keep {instance} --for 1d\n"
        f"  deploy-kit pod drop {instance}"
    )


@contextmanager
def _kit(asked: PodJob, site: Site, trees: Trees) -> Iterator[Speculative]:
    """The release of the state; its files go with the block, as pods have what they need of it."""
    folder = asked.folder / "kits" / asked.job.name
    config = read_config(config_file(site.folder))
    commits = asked.kept.commits
    try:
        manifest = state_manifest(site, config, commits, trees)
        yield build_speculative(manifest, asked.kept.build.trees, folder)
    finally:
        files.remove_tree(folder)
