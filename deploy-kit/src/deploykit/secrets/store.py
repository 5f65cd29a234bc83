"""An environment's secrets, seen from the operator: exported, restored, rotated, listed.

They live on the environment's master; here they only pass through memory, on their way between
the session and age.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploykit.base import times
from deploykit.base.errors import DeployKitError, InputError, Refused
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import secrets_body
from deploykit.ledger.schema import SecretsEvent
from deploykit.ledger.view import in_flight, signers_in_force
from deploykit.master.facade import Given, SecretEntry
from deploykit.master.remote.backup import fingerprint_of
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.ssh import reachable
from deploykit.rollout import DAY0_MARK
from deploykit.rollout.work import Work
from deploykit.secrets.sealing import Header, Recipient, recipients_of, seal, unseal
from deploykit.site import Site
from deploykit.site.instance import Instance
from deploykit.site.keys import CUSTODIAN, Signer

MAY_RESTORE = frozenset({"admin", "operator"})
FOLDER = "secrets"
PARTS = frozenset({"format", "environment", "secrets", "made", "previous", "ca", "salt", "minions"})


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret without its value: `age` in seconds, None where its making was not noted.

    `ends` is when a certificate does; `keep` how many keys of a ring stay when it is rotated.
    """

    name: str
    kind: str
    roles: tuple[str, ...]
    age: float | None
    waiting: bool
    ends: datetime.datetime | None = None
    keep: int | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore: how many secrets came back, what they replaced, what only the master had."""

    count: int
    replaced: tuple[str, ...]
    kept: tuple[str, ...]


def export(
    work: Work,
    ledger: Ledger,
    inventory: Inventory,
    file: Path | None,
    named: Sequence[Recipient],
) -> tuple[Path, Header]:
    """Everything that makes the master this environment's own, encrypted into a file.

    For `named`, else for the ledger's custodians; where it has none, for those who may restore.
    `file` is by default a new one in the state folder. The ledger is told. Raises DeployKitError
    where there is nothing to export or nobody to read it.
    """
    readers = tuple(named) or usual_readers(signers_in_force(ledger.fetch_records()))
    reachable(inventory, [inventory.master.name])
    content = work.master(inventory).export_secrets()
    now = datetime.datetime.now(datetime.UTC)
    names = tuple(reader.name for reader in readers)
    header = Header(
        content["environment"], f"{now:%Y-%m-%dT%H:%M:%SZ}", len(content["secrets"]), names
    )
    target = file or default_file(work.site, inventory.instance, now)
    seal(target, header, content, readers)
    tell(work, ledger, inventory, SecretsEvent.EXPORTED, fingerprint_of(content))
    return target, header


def usual_readers(signers: Sequence[Signer]) -> tuple[Recipient, ...]:
    kept = any(CUSTODIAN in signer.roles for signer in signers)
    return recipients_of(signers, frozenset({CUSTODIAN}) if kept else MAY_RESTORE)


def tell(
    work: Work,
    ledger: Ledger,
    inventory: Inventory,
    event: SecretsEvent,
    fingerprint: str | None = None,
) -> None:
    """Record what happened to an environment's secrets, so that `status` knows of it.

    `fingerprint` is that of the master's store unless it is given. A ledger that cannot be written
    is no reason to fail: what happened has happened, and is told instead.
    """
    if inventory.instance != inventory.environment.instance:
        return
    try:
        found = fingerprint or work.master(inventory).secrets_fingerprint()
        if found is not None:
            body = secrets_body(inventory.environment.name, event, found)
            ledger.append(lambda records, now: body)
    except DeployKitError as error:
        work.progress.say(f"the ledger does not know that they were {event}: {error.message}")


def exports_of(site: Site, instance: Instance) -> list[Path]:
    """The exports that lie where `default_file` has them, the newest last."""
    return sorted((site.state / FOLDER).glob(f"{instance}-[0-9]*Z.age"))


def default_file(site: Site, instance: Instance, now: datetime.datetime) -> Path:
    """Where an export lies unless a person says otherwise."""
    return site.state / FOLDER / f"{instance}-{times.stamp(now)}.age"


def restore(
    work: Work, ledger: Ledger, inventory: Inventory, file: Path, key: Path, *, replace: bool
) -> Restored:
    """Bring an export back to the environment's master; the next deployment issues it.

    Other values that the master has are replaced only with `replace`. Raises Refused naming them,
    or where the file is of another environment, is not for `key`, or was changed.
    """
    header, content = unseal(file, key)
    name = inventory.environment.name
    if header.environment != name or content.get("environment") != name:
        raise Refused(
            f"{file} holds the secrets of '{header.environment}', not of '{name}'",
            f"deploy-kit secrets restore {header.environment} --from {file}",
        )
    if missing := PARTS - set(content):
        raise Refused(f"{file} is not whole: it lacks {', '.join(sorted(missing))}")
    demand_quiet(ledger, inventory)
    reachable(inventory, [inventory.master.name])
    master = work.master(inventory)
    differing = master.differing_secrets(content)
    if differing and not replace:
        raise Refused(
            f"{inventory.instance}: the master has other values already, made since or by another "
            f"deployment: {', '.join(differing)}",
            "to replace them: the same command with --yes, after "
            f"'deploy-kit secrets export {inventory.instance}'",
        )
    done = master.restore_secrets(content, name, differing)
    # The minions may know the key of the master that was there meanwhile: day 0 tells them again.
    (inventory.folder / DAY0_MARK).unlink(missing_ok=True)
    tell(work, ledger, inventory, SecretsEvent.RESTORED)
    return Restored(done["restored"], tuple(differing), tuple(done["kept"]))


def rotate(
    work: Work, ledger: Ledger, inventory: Inventory, names: Sequence[str]
) -> dict[str, list[str]]:
    """New values for `names` (none: all); {"rotated": [...], "waiting": [...]}.

    Services get them with the next deployment. `waiting` are token keys that were rotated before
    and not deployed since. Raises DeployKitError for an unknown name, Refused during a deployment.
    """
    demand_quiet(ledger, inventory)
    reachable(inventory, [inventory.master.name])
    done = work.master(inventory).rotate_secrets(names)
    if done["rotated"]:
        tell(work, ledger, inventory, SecretsEvent.ROTATED)
    return {"rotated": done["rotated"], "waiting": done["waiting"]}


def give(
    work: Work, ledger: Ledger, inventory: Inventory, name: str, certificate: Path, key: Path
) -> Given:
    """Give the master a certificate of an authority outside, as the secret `name`.

    Both files are PEM; the certificate's holds those of its issuers, too. Services get it with the
    next deployment. Raises InputError for a file that is no text, DeployKitError for a certificate
    that the master does not take, Refused during a deployment.
    """
    chain, private = (_text(file) for file in (certificate, key))
    demand_quiet(ledger, inventory)
    reachable(inventory, [inventory.master.name])
    given = work.master(inventory).give_certificate(name, chain, private)
    tell(work, ledger, inventory, SecretsEvent.ROTATED)
    return given


def give_values(
    work: Work, ledger: Ledger, inventory: Inventory, name: str, files: Mapping[str, Path]
) -> list[str]:
    """Give the master what others made, by name each in a file of its own, for the secret `name`.

    Returns the names of all that the secret has then. Services get it with the next deployment.
    Raises InputError for a file that is no text, DeployKitError for what the master does not take,
    Refused during a deployment.
    """
    values = {one: _text(file, "").removesuffix("\n") for one, file in files.items()}
    demand_quiet(ledger, inventory)
    reachable(inventory, [inventory.master.name])
    names = work.master(inventory).give_values(name, values)
    tell(work, ledger, inventory, SecretsEvent.ROTATED)
    return names


def forget(work: Work, ledger: Ledger, inventory: Inventory, name: str) -> None:
    """Put away a certificate that the master was given as the secret `name`.

    Raises DeployKitError where it was given none, or needs it; Refused during a deployment.
    """
    demand_quiet(ledger, inventory)
    reachable(inventory, [inventory.master.name])
    work.master(inventory).forget_certificate(name)
    tell(work, ledger, inventory, SecretsEvent.ROTATED)


def _text(file: Path, remedy: str = "openssl x509 -in FILE -inform DER") -> str:
    try:
        return file.read_text("ascii")
    except UnicodeDecodeError:
        what = "PEM" if remedy else "text in ASCII"
        raise InputError(f"{file} is not {what}", remedy) from None
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from None


def undo(work: Work, ledger: Ledger, inventory: Inventory) -> list[str]:
    """Take rotations back that were not deployed; returns the names."""
    demand_quiet(ledger, inventory)
    reachable(inventory, [inventory.master.name])
    names = work.master(inventory).undo_rotation()
    if names:
        tell(work, ledger, inventory, SecretsEvent.RESTORED)
    return names


def listed(work: Work, inventory: Inventory) -> tuple[Secret, ...]:
    """Every secret of the environment without its value."""
    reachable(inventory, [inventory.master.name])
    found = work.master(inventory).list_secrets()
    now = datetime.datetime.now(datetime.UTC)
    return tuple(_secret(entry, now) for entry in found)


def _secret(entry: SecretEntry, now: datetime.datetime) -> Secret:
    made = entry["made"]
    age = (now - datetime.datetime.fromisoformat(made)).total_seconds() if made else None
    return Secret(
        entry["name"],
        entry["kind"],
        tuple(entry["roles"]),
        None if age is None else max(0.0, age),
        entry["waiting"],
        datetime.datetime.fromisoformat(entry["ends"]) if entry["ends"] else None,
        entry["keep"],
    )


def demand_quiet(ledger: Ledger, inventory: Inventory) -> None:
    """Raise Refused while a deployment is under way: it works with the values of now."""
    now = datetime.datetime.now(datetime.UTC)
    lease = in_flight(ledger.fetch_records(), inventory.environment.name, now)
    if lease is not None and inventory.instance == inventory.environment.instance:
        raise Refused(
            f"{lease.owner} has been deploying {lease.version} to {inventory.instance} since "
            f"{lease.since:%H:%M:%S} UTC",
            "wait for it: deploy-kit status",
        )
