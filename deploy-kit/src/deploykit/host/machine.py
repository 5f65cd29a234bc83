"""What is asked of the machine itself, whatever makes the nodes on it: rights, tools, room."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from deploykit.base.process import run
from deploykit.base.root import as_root
from deploykit.host.finding import Finding, ok, problem, warning

GIB = 2**30
LEAST_MEMORY = 4 * GIB  # one small environment
GOOD_MEMORY = 8 * GIB  # three environments and a throwaway copy
LEAST_DISK = 10 * GIB
GOOD_DISK = 20 * GIB
TOOLS = {  # those that every site needs
    "git": "git",
    "ssh": "openssh-client",
    "age": "age",
    "bwrap": "bubblewrap",
    "ssh-keygen": "openssh-client",
    "ip": "iproute2",
    "tar": "tar",
}
SYSTEM_PATHS = "/usr/local/sbin:/usr/sbin:/sbin"
LIMITS = {
    # Every systemd of an unprivileged node counts against one user on the host.
    "fs.inotify.max_user_instances": 1024,
    "kernel.keys.maxkeys": 2000,
    # InnoDB's native I/O, per node with a database.
    "fs.aio-max-nr": 524288,
}


def check_system(release: Path = Path("/etc/os-release")) -> Finding:
    text = release.read_text(encoding="utf-8") if release.is_file() else ""
    values = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, re.MULTILINE))
    if values.get("ID") == "debian" and values.get("VERSION_ID") == "12":
        return ok("system", values.get("PRETTY_NAME", "Debian 12"))
    return problem(
        "system",
        f"this is {values.get('PRETTY_NAME', 'no known system')}",
        "the embedded provider is made for Debian 12: Salt for the nodes is built with its Python",
    )


def check_rights(user: int, groups: str, sudo: bool) -> Finding:
    """`groups`: the words of `id -nG`; `sudo`: whether sudo works without asking."""
    if user == 0:
        return ok("rights", "root")
    if "lxd" in groups.split() and sudo:
        return ok("rights", "sudo, and in the group lxd")
    if sudo:
        return warning("rights", "sudo, but not in the group lxd", "run deploy-kit/setup")
    if "lxd" in groups.split():
        return warning(
            "rights",
            "in the group lxd, but no sudo without a password just now",
            "run 'sudo -v' before building an image or setting the host up",
        )
    return problem(
        "rights",
        "neither root, nor sudo, nor in the group lxd: no nodes of LXD or Vagrant, and no setup; "
        "all else works",
        "for nodes run as root, or let root do: adduser THIS-USER sudo; then log in again",
    )


def check_tools(tools: Mapping[str, str]) -> Finding:
    """Whether the programs are there that `tools` maps to their Debian packages."""
    path = f"{os.environ.get('PATH', '')}:{SYSTEM_PATHS}"
    missing = {
        tool: package for tool, package in tools.items() if not shutil.which(tool, path=path)
    }
    if not missing:
        return ok("tools", f"{', '.join(tools)} are there")
    packages = " ".join(sorted(set(missing.values())))
    return problem(
        "tools",
        f"missing: {', '.join(missing)}",
        f"deploy-kit/setup, or apt-get install {packages}",
    )


def check_sandbox(off: bool, problem_there: str) -> Finding:
    """Whether what releases bring runs apart; `problem_there`: why no sandbox can be made."""
    if off:
        return warning(
            "sandbox",
            "DEPLOY_KIT_SANDBOX=off: tests and playbooks of releases run beside every key",
            "unset DEPLOY_KIT_SANDBOX",
        )
    if problem_there:
        return problem(
            "sandbox",
            problem_there,
            "deploy-kit/setup installs bubblewrap; user namespaces must be allowed: sysctl "
            "kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0",
        )
    return ok("sandbox", "what releases bring runs in one")


def check_memory(meminfo: Path = Path("/proc/meminfo")) -> Finding:
    values = dict(re.findall(r"^(\w+):\s+(\d+) kB$", meminfo.read_text(), re.MULTILINE))
    total, free = (int(values[key]) * 1024 for key in ("MemTotal", "MemAvailable"))
    detail = f"{total / GIB:.1f} GiB, {free / GIB:.1f} GiB available"
    if total < LEAST_MEMORY:
        return problem("memory", detail, f"{LEAST_MEMORY // GIB} GiB is the least")
    if total < GOOD_MEMORY:
        remedy = f"bring up fewer environments at a time; {GOOD_MEMORY // GIB} GiB hold the train"
        return warning("memory", detail, remedy)
    if free < GIB:
        remedy = "end what is not needed: 'deploy-kit env down NAME', or other programs"
        return warning("memory", detail, remedy)
    return ok("memory", detail)


def what_is_there(folder: Path) -> Path:
    """`folder`, or the nearest folder above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def check_disk(what: str, folder: Path) -> Finding:
    """Free bytes where `folder` is or will be."""
    free = shutil.disk_usage(what_is_there(folder)).free
    detail = f"{free / GIB:.0f} GiB free for {what} ({folder})"
    if free < LEAST_DISK:
        remedy = (
            f"free some space: {LEAST_DISK // GIB} GiB is the least, {GOOD_DISK // GIB} are good"
        )
        return problem("disk", detail, remedy)
    if free < GOOD_DISK:
        return warning("disk", detail, f"{GOOD_DISK // GIB} GiB hold the train")
    return ok("disk", detail)


def low_limits(root: Path = Path("/proc/sys")) -> dict[str, int]:
    """The kernel's limits that are lower than many nodes need, with the value they should have."""
    low = {}
    for name, least in LIMITS.items():
        file = root / name.replace(".", "/")
        if file.is_file() and int(file.read_text().strip()) < least:
            low[name] = least
    return low


def raise_limits(low: Mapping[str, int]) -> None:
    """Set the kernel's limits `low` as root, as far as it lets us."""
    words = [f"{name}={value}" for name, value in low.items()]
    run([*as_root(), "sysctl", "--quiet", "--write", *words], timeout=10, check=False)


def check_limits(low: Mapping[str, int]) -> Finding:
    if not low:
        return ok("kernel", "limits are high enough for many nodes")
    return warning(
        "kernel", f"low for many nodes: {', '.join(low)}", "'deploy-kit setup' raises them"
    )


def check_ids(files: tuple[Path, ...] = (Path("/etc/subuid"), Path("/etc/subgid"))) -> Finding:
    """Unprivileged nodes need 65536 ids of root's own."""
    for file in files:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        ranges = re.findall(r"^(?:root|_?lxd):\d+:(\d+)$", text, re.MULTILINE)
        if not any(int(count) >= 65536 for count in ranges):
            return problem(
                "ids",
                f"{file} gives root no range of ids for unprivileged nodes",
                f"echo root:100000:10000001 >> {file}, then start LXD again",
            )
    return ok("ids", "unprivileged nodes have ids of their own")


def may_sudo() -> bool:
    """Whether sudo works without asking."""
    return shutil.which("sudo") is not None and (
        run(["sudo", "--non-interactive", "true"], timeout=10, check=False).returncode == 0
    )


def group_names() -> str:
    return run(["id", "-nG"], timeout=10).stdout
