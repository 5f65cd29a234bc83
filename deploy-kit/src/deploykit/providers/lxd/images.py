"""Images and bases in LXD: what is there, by key.

A base is a stopped instance made from an image and started once for nothing, so that the file
system already has the ids of an unprivileged container; copying it is then copy-on-write.
"""

from __future__ import annotations

from deploykit.base.errors import DeployKitError
from deploykit.base.waiting import wait_until
from deploykit.providers.contract import StoredImage
from deploykit.providers.lxd.api import POOL, Lxd, patiently

ALIAS = "deploy-kit/"
BASE = "dkbase-"
FIRST_START = 60.0  # seconds


def base_name(key: str, privileged: bool) -> str:
    return f"{BASE}{key}{'-p' if privileged else ''}"


def has_image(lxd: Lxd, key: str) -> bool:
    return any(image.key == key for image in _images(lxd))


def find_base(lxd: Lxd, key: str, privileged: bool) -> str | None:
    """The base's name if it is there and stopped: one that ran has an identity of its own."""
    name = base_name(key, privileged)
    base = lxd.find(f"instances/{name}")
    return name if base is not None and base["status"] == "Stopped" else None


def make_base(lxd: Lxd, key: str, privileged: bool) -> str:
    """Make the base of an image, aside and then renamed, and return its name."""
    base = find_base(lxd, key, privileged)
    if base is not None:
        return base
    name = base_name(key, privileged)
    aside = f"{name}-new"
    lxd.remove(name)
    lxd.remove(aside)
    lxd.post(
        "instances",
        {
            "name": aside,
            "profiles": [],
            "config": {
                "security.privileged": str(privileged).lower(),
                # Nothing of the image runs: only the ids of its files are to change.
                "raw.lxc": "lxc.init.cmd = /bin/true",
                "user.deploykit.base": key,
            },
            "devices": {"root": {"type": "disk", "path": "/", "pool": POOL}},
            "source": {"type": "image", "alias": f"{ALIAS}{key}"},
        },
    )
    lxd.start(aside)
    _settle(lxd, aside)
    lxd.post(f"instances/{aside}", {"name": name})
    return name


def _settle(lxd: Lxd, instance: str) -> None:
    """Wait until the first start is over, then let the next start run the image's own init."""

    def stopped() -> bool:
        return bool(lxd.get(f"instances/{instance}")["status"] == "Stopped")

    if not wait_until(stopped, FIRST_START):
        raise DeployKitError(
            f"the base {instance} did not stop within {FIRST_START:.0f} s",
            "'deploy-kit doctor' tells more",
        )
    base = lxd.get(f"instances/{instance}")
    config = {key: value for key, value in base["config"].items() if key != "raw.lxc"}
    # A daemon that starts brings back what ran last; a base must never run.
    config["volatile.last_state.power"] = "STOPPED"
    patiently(lambda: lxd.put(f"instances/{instance}", {**base, "config": config}))


def stored(lxd: Lxd) -> list[StoredImage]:
    """Every image of deploy-kit on this host, oldest first."""
    return sorted(_images(lxd), key=lambda image: image.created)


def remove(lxd: Lxd, image: StoredImage) -> None:
    """Remove an image and its bases; nodes made from them stay."""
    for name in image.bases:
        lxd.remove(name)
    lxd.delete(f"images/{image.fingerprint}")


def _images(lxd: Lxd) -> list[StoredImage]:
    names = [container["name"] for container in lxd.get("instances", recursion="1")]
    projects = lxd.get("projects", recursion="1")
    images = []
    for image in lxd.get("images", recursion="1"):
        for alias in image["aliases"]:
            if alias["name"].startswith(ALIAS):
                key = alias["name"].removeprefix(ALIAS)
                users = [
                    p["name"] for p in projects if p["config"].get("user.deploykit.image") == key
                ]
                images.append(
                    StoredImage(
                        key,
                        image["fingerprint"],
                        image["size"],
                        image["created_at"],
                        tuple(name for name in names if name.startswith(BASE + key)),
                        tuple(users),
                    )
                )
    return images
