"""The files that a node's image has beside its packages, rendered from the inputs."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from deploykit.image.inputs import Inputs

# What a provider tells an image about a node: instance keys that LXD renders at the first start.
INTERFACES = "user.deploykit.interfaces"
HOSTS = "user.deploykit.hosts"
AUTHORIZED_KEYS = "user.deploykit.authorized-keys"

SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
X11Forwarding no
UseDNS no
MaxStartups 30:30:100
MaxSessions 50
"""

HOST_KEYS_UNIT = """\
[Unit]
Description=Make this machine's SSH host key at its first start
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -C "" -f /etc/ssh/ssh_host_ed25519_key

[Install]
WantedBy=multi-user.target
RequiredBy=ssh.service
"""

INTERFACES_FILE = """\
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet dhcp

source /etc/network/interfaces.d/*
"""

DHCLIENT = """\
timeout 60;
retry 5;
initial-interval 1;
backoff-cutoff 2;
request subnet-mask, broadcast-address, routers, domain-name-servers;
"""

METADATA = """\
architecture: {architecture}
creation_date: {created}
properties:
  os: debian
  release: bookworm
  description: deploy-kit node {key}
templates:
  /etc/hostname: {{when: [create, copy], template: hostname.tpl}}
  /etc/hosts: {{when: [create, copy, start], template: hosts.tpl}}
  /etc/network/interfaces.d/deploy-kit: {{when: [create, copy], template: interfaces.tpl}}
  /root/.ssh/authorized_keys: {{when: [create, copy], template: authorized_keys.tpl}}
"""

TEMPLATES = {
    "hostname.tpl": "{{ container.name }}\n",
    "hosts.tpl": f'{{{{ config_get("{HOSTS}", "127.0.0.1 localhost") }}}}\n',
    "interfaces.tpl": f'{{{{ config_get("{INTERFACES}", "") }}}}\n',
    "authorized_keys.tpl": f'{{{{ config_get("{AUTHORIZED_KEYS}", "") }}}}\n',
}


def overlay_files(inputs: Inputs) -> dict[str, bytes]:
    """Contents by absolute path."""
    files = {path: content.encode("latin-1") for path, content in inputs.files}
    texts = {
        "/etc/ssh/sshd_config.d/10-deploy-kit.conf": SSHD,
        "/etc/systemd/system/deploy-kit-host-keys.service": HOST_KEYS_UNIT,
        "/etc/network/interfaces": INTERFACES_FILE,
        "/etc/dhcp/dhclient.conf": DHCLIENT,
        "/etc/deploy-kit-image": f"{inputs.key}\n",
    }
    files.update({path: text.encode() for path, text in texts.items()})
    return files


def write_tar(target: Path, files: dict[str, bytes]) -> None:
    """A tar of `files`, owned by root, with the folders they need."""
    with tarfile.open(target, "w") as tar:
        for path in sorted(files):
            member = tarfile.TarInfo(f".{path}" if path.startswith("/") else path)
            member.size = len(files[path])
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(files[path]))


def write_metadata(target: Path, key: str, architecture: str, created: int) -> None:
    """LXD's half of a split image; `created` in seconds since 1970."""
    text = METADATA.format(architecture=architecture, created=created, key=key)
    files = {"metadata.yaml": text.encode()}
    files.update({f"templates/{name}": text.encode() for name, text in TEMPLATES.items()})
    write_tar(target, files)
