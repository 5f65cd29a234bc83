"""A node that is a folder: Debian's own apt and dpkg install into it what a vendor on loopback has,
by the tools of the content's component `vendor`."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

TOOLS = ("get", "newest", "plan")
PYTHON = "/usr/bin/python3"  # the one of Debian, with python3-apt
CONFIG = """\
Dir "{root}";
Dir::State::status "{root}/var/lib/dpkg/status";
DPkg::Options {{ "--root={root}"; "--force-not-root"; "--force-bad-path"; "--log=/dev/null"; }};
APT::Architecture "amd64";
APT::Sandbox::User "";
Acquire::http::Proxy "DIRECT";
"""
FOLDERS = (
    "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d",
    "etc/apt/trusted.gpg.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial",
    "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log/apt", "sbin",
)  # fmt: skip


@dataclass(frozen=True)
class AptNode:
    """What is installed below `root`; its tools are in `root`/sbin."""

    root: Path

    @property
    def home(self) -> Path:
        """The folder of the component's own files."""
        return self.root / "var/lib/vendor"

    def call(self, *words: str, status: int = 0) -> str:
        """Run a program as on the node; what it said. Fails where it ends with another status."""
        env = {
            "APT_CONFIG": str(self.root / "apt.conf"),
            "PATH": f"{self.root / 'sbin'}:/usr/bin:/bin:/usr/sbin:/sbin",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            words, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == status, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def tool(self, name: str, *words: str, status: int = 0) -> str:
        """Run one of the content's tools there, as `call` does."""
        return self.call(PYTHON, str(self.root / "sbin" / f"vendor-{name}"), *words, status=status)

    def install(self, *packages: str) -> None:
        """Have packages (NAME or NAME=VERSION) there, as day 0 of a release would."""
        self.call("apt-get", "-qqy", "update")
        self.call("apt-get", "-qqy", "--allow-downgrades", "install", *packages)

    @property
    def installed(self) -> dict[str, str]:
        """The versions of what is there."""
        said = self.call(
            "dpkg-query", f"--root={self.root}", "-W", "-f", "${Package} ${Version}\\n"
        )
        return dict(line.split() for line in said.splitlines())


def make_node(root: Path, tools: Path, sources: str) -> AptNode:
    """A node with nothing installed, the content's `tools` (a folder) and `sources` (deb822)."""
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    for name in ("status", "available"):
        (root / "var/lib/dpkg" / name).touch()
    (root / "apt.conf").write_text(CONFIG.format(root=root))
    (root / "etc/apt/sources.list.d/vendor.sources").write_text(sources)
    library = root / "lib"
    library.mkdir()
    for name in (*TOOLS, "closure"):
        text = (tools / f"{name}.py").read_text(encoding="utf-8")
        for path in ("/var/lib/vendor", "/var/lib/dpkg", "/etc/apt"):
            text = text.replace(path, f"{root}{path}")
        text = text.replace("/usr/local/lib/vendor", str(library))
        text = text.replace("/usr/local/sbin", str(root / "sbin"))
        place = library / f"{name}.py" if name == "closure" else root / "sbin" / f"vendor-{name}"
        place.write_text(text)
        place.chmod(0o755)
    systemctl = root / "sbin" / "systemctl"
    systemctl.write_text("#!/bin/sh\nexit 1\n")  # no unit is there
    systemctl.chmod(0o755)
    return AptNode(root)


def has_apt() -> bool:
    """Whether this machine has Debian's apt for Python."""
    if not Path(PYTHON).exists():
        return False
    words = [PYTHON, "-c", "import apt_pkg"]
    done = subprocess.run(words, capture_output=True, timeout=60, check=False)
    return done.returncode == 0
