"""A job in a pod: made before its command, gone after it, kept for a while if the job failed.

The pod begins at what the train's last environment runs; the state under test goes over it as it
would there. A bare one begins at nothing, which is what the check `bootstrap` asks. Its tags say
whose it is; it is wanted only as long as this process lives, and what a killed one left is taken
down by the next such job, the gate, or `deploy-kit pod prune`.
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
from deploykit.base.errors import CommandFailed, DeployKitError
from deploykit.base.progress import Progress
from deploykit.checks import PASSED
from deploykit.checks.smoke import smoke
from deploykit.gate.config import config_file, read_config
from deploykit.gate.job import Job, PodWish
from deploykit.gate.leftpods import PURPOSE, is_of_gate
from deploykit.gate.speculative import state_manifest
from deploykit.gate.work import BuildPlan, note_no_pod, stores_of
from deploykit.ledger import Ledger
from deploykit.ledger.kit_signers import kit_signers
from deploykit.nodes.inventory import Inventory
from deploykit.pods import Wanted, pod_instance, pod_tags
from deploykit.pods.base import base_release
from deploykit.pods.creation import Order, bring_over, create_pods
from deploykit.pods.lease import is_kept, lease_end, leased
from deploykit.pods.prepared import copying_provider, prepare
from deploykit.pods.pruning import drop_left
from deploykit.pods.reach import pod_environment
from deploykit.providers import Provider, resolve_instance
from deploykit.release import Release
from deploykit.release.cutting import build_release
from deploykit.release.speculative import Speculative, build_speculative
from deploykit.rollout.work import Work, working
from deploykit.site import Site, open_site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance
from gitshelf import GitshelfError

Command = Callable[[Mapping[str, str]], int]


@dataclass(frozen=True, slots=True)
class PodJob:
    """The job `job` of the build that `plan` describes, in the folder `folder`, with the pod that
    it wants; this is the attempt `number`."""

    plan: BuildPlan
    job: Job
    wish: PodWish
    folder: Path
    number: int

    @property
    def name(self) -> str:
        """The pod's: the same for each attempt, so that one finds what another left."""
        text = f"{self.plan.build.id} {self.job.name}"
        return f"g{hashlib.sha256(text.encode()).hexdigest()[:11]}"

    @property
    def purpose(self) -> str:
        return f"{PURPOSE} {self.job.name}"

    def wanted(self) -> Wanted:
        plan = self.plan
        return Wanted(getpass.getuser(), self.purpose, lease_end(), plan.build.id[:12], plan.item)


def run_in_pod(pod_job: PodJob, command: Command, progress: Progress) -> int:
    """Run `command`, which gets the variables of a pod, with a pod; returns its exit status.

    Raises DeployKitError and gitshelf's errors if there can be no pod (which is noted), or the
    state cannot be deployed to it, and KeyboardInterrupt if it is told to end: then the pod is
    gone.
    """
    site = open_site(Path(pod_job.plan.site))
    with working(site, progress, "gate-job") as work, _kit(pod_job, site) as release:
        environment = resolve_instance(site, pod_job.wish.source)[0].for_copies()
        provider = copying_provider(work, environment)
        instance = pod_instance(environment.name, pod_job.name)
        with _noting_no_pod(pod_job):
            drop_left(site, is_of_gate, progress)
            if instance in provider.instances():  # of an attempt that was lost
                provider.down(instance, progress)
            make = (_bare if pod_job.wish.bare else _copy)(work, environment, pod_job)
        with (
            leased(provider, [instance]),
            _pod_until_end(work, provider, instance, pod_job.wish) as end,
        ):
            with _noting_no_pod(pod_job):
                pod, signers = make()
            bring_over(work, release, pod, signers + release.signers)
            if pod_job.wish.bare:
                _demand_smoke(work, release, pod)
            end.status = command(pod_environment(site, pod))
        return end.status


Making = Callable[[], tuple[Inventory, str]]  # a pod, and who may have signed what it carries


def _copy(work: Work, environment: Environment, pod_job: PodJob) -> Making:
    """How to make a pod at what the train's last environment runs.

    What may take longer than a new pod is wanted is done when this returns.
    """
    ledger = Ledger.open(work.site)
    records = ledger.fetch_records()
    base = build_release(work.site, ledger, base_release(work.site, records, environment))
    signers = kit_signers(records)
    prepare(work, environment, base, signers, older=True)
    order = Order(environment, (pod_job.name,), base, pod_job.wanted(), signers)
    return lambda: (create_pods(work, order)[0], signers)


def _bare(work: Work, environment: Environment, pod_job: PodJob) -> Making:
    """How to make a pod of nodes that nothing was ever deployed to."""
    provider = copying_provider(work, environment)
    instance = pod_instance(environment.name, pod_job.name)
    tags = pod_tags(pod_job.wanted(), environment.provider, "")

    def make() -> tuple[Inventory, str]:
        try:
            return provider.up(environment, instance, tags, work.progress), ""
        except BaseException:
            provider.down(instance, work.progress)
            raise

    return make


def _demand_smoke(work: Work, release: Release, pod: Inventory) -> None:
    """The release's own test, as after any deployment. Raises CommandFailed if it does not pass."""
    with work.progress.step(f"{pod.instance}: smoke test"):
        outcome = smoke(work, release, pod)
    if outcome.result != PASSED:
        raise CommandFailed(f"{pod.instance}: the smoke test of the state: {outcome.summary}")


@contextmanager
def _noting_no_pod(pod_job: PodJob) -> Iterator[None]:
    """Whatever goes wrong in the block is no failure of what is tested: the job had no pod."""
    try:
        yield
    except (DeployKitError, GitshelfError) as error:
        note_no_pod(pod_job.folder, pod_job.job.name, pod_job.number, error.message)
        raise
    except KeyboardInterrupt:
        note_no_pod(pod_job.folder, pod_job.job.name, pod_job.number, "it took too long")
        raise


@dataclass(slots=True)
class _End:
    """How the command ended: its exit status; 1 as long as it did not."""

    status: int = 1


@contextmanager
def _pod_until_end(
    work: Work, provider: Provider, instance: Instance, wish: PodWish
) -> Iterator[_End]:
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
def _kit(pod_job: PodJob, site: Site) -> Iterator[Speculative]:
    """The release of the state; its files go with the block, as pods have what they need of it."""
    folder = pod_job.folder / "kits" / pod_job.job.name
    config = read_config(config_file(site.folder))
    try:
        manifest = state_manifest(site, config, pod_job.plan.commits, stores_of(pod_job.folder))
        yield build_speculative(manifest, pod_job.plan.build.trees, folder)
    finally:
        files.remove_tree(folder)
