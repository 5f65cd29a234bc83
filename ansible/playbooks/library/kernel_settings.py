#!/usr/bin/python3
"""Kernel modules and settings: those that can be set here are, the others are told with why."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kernel_settings
short_description: Set what this kernel, or this container, lets a node set; tell the rest
description:
  - Values now, and in a file of sysctl.d(5) for the next boot. A container shares its host's kernel
    and has only the settings of its network for itself; all others are the host's, and are left
    alone even where a privileged container could write them.
  - Modules that are neither loaded nor built in are loaded, now and at boot.
options:
  file:
    description: The file in /etc/sysctl.d. What was left out is in it too, as comments.
    type: str
    required: true
  settings:
    description: Values by name; in a name, `*` is any word, as in net.ipv4.conf.*.rp_filter.
    type: dict
    required: true
  container:
    description: What kind of container the node is, '' for none (module machine_facts).
    type: str
    required: true
  modules_file:
    description: The file in /etc/modules-load.d, where modules have to be loaded at boot.
    type: str
  modules:
    description: Modules by name, each with a symbol that a kernel with it has, built in or loaded.
    type: dict
    default: {}
  devices:
    description: Device files that are there then; without one of them the task fails.
    type: list
    elements: str
    default: []
"""
RETURN = """
left_out:
  description: What is not set or loaded here, lists of names by the reason.
  type: dict
  returned: success
"""

SETTINGS = Path("/proc/sys")
SYMBOLS = Path("/proc/kallsyms")


def why_not(name, container, there, writable):
    """The reason why the setting `name` cannot be set here; None where it can.

    `container` is its kind, '' outside of one.
    """
    if container and not name.startswith("net."):
        return f"the host's: this is a container ({container})"
    if not there:
        return "not there in this container's network" if container else "this kernel has none"
    return None if writable else "read-only here"


def absent_modules(wanted, symbols):
    """The modules of `wanted` (name -> symbol) that `symbols`, kallsyms' bytes, show nothing of."""
    # A line is `ADDRESS KIND NAME`, with the module's name after a tab where it is not built in.
    return [
        name
        for name, symbol in wanted.items()
        if f" {symbol}\n".encode() not in symbols and f" {symbol}\t".encode() not in symbols
    ]


def render(settings, skipped):
    """sysctl.d(5): what is set, and as comments what is not."""
    lines = ["# Written by Ansible (module kernel_settings)."]
    for name, value in settings.items():
        if name in skipped:
            lines.append(f"# {name} = {value}  # {skipped[name]}")
        else:
            lines.append(f"{name} = {value}")
    return "".join(f"{line}\n" for line in lines)


def by_reason(skipped):
    """The names of `skipped` (name -> reason) by their reason."""
    found = {}
    for name, reason in skipped.items():
        found.setdefault(reason, []).append(name)
    return found


def places(name):
    """The files below /proc/sys of a setting's name; several where a word of it is `*`."""
    return sorted(SETTINGS.glob(name.replace(".", "/")))


def same(value, other):
    return value.split() == other.split()


def set_all(settings, container, check_mode):
    """Set what can be set. Returns (names changed, reasons of those skipped by name)."""
    changed, skipped = [], {}
    for name, value in settings.items():
        found = places(name)
        writable = all(os.access(path, os.W_OK) for path in found if path.exists())
        reason = why_not(name, container, bool(found), writable)
        if reason:
            skipped[name] = reason
            continue
        other = []
        try:
            for path in found:
                # An instance's interface may have gone since it was found.
                with contextlib.suppress(FileNotFoundError):
                    if not same(path.read_text(), value):
                        other.append(path)
                        if not check_mode:
                            path.write_text(value)
        except OSError as error:
            # What guards the container refuses, which its permissions do not show.
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            skipped[name] = f"refused: {error.strerror}"
            continue
        if other:
            changed.append(name)
    return changed, skipped


def place(file, text, check_mode):
    """Have `text` in `file`, or no file where it is empty; returns whether it was otherwise."""
    before = file.read_text() if file.is_file() else ""
    if before == text or check_mode:
        return before != text
    if not text:
        file.unlink()
        return True
    file.parent.mkdir(parents=True, exist_ok=True)
    # Without a suffix: nobody reads it as one of the folder's files.
    aside = file.with_name(f".{file.name}.new")
    aside.write_text(text)
    aside.chmod(0o644)
    aside.replace(file)
    return True


def load_modules(module, container):
    """Load what is missing. Returns (names to load at boot, whether one was, reasons by name)."""
    wanted = module.params["modules"]
    if not wanted:
        return [], False, {}
    absent = absent_modules(wanted, SYMBOLS.read_bytes())
    if container:
        return [], False, dict.fromkeys(absent, "the host has to load it (modprobe)")
    if absent and not module.check_mode:
        status, _, err = module.run_command(["modprobe", "--all", *absent])
        if status != 0:
            module.fail_json(msg=f"modprobe {' '.join(absent)}: {err.strip()}")
    release = os.uname().release
    listed = Path("/lib/modules", release, "modules.builtin")
    builtin = listed.read_text() if listed.is_file() else ""
    at_boot = [one for one in wanted if f"/{one}.ko" not in builtin]
    return at_boot, bool(absent), {}


def demand_devices(module, container):
    """End with what to do where a device is missing; a check comes before modules are loaded."""
    for path in [] if module.check_mode else module.params["devices"]:
        if not Path(path).is_char_device():
            what = "give the container this device" if container else "this kernel has none"
            module.fail_json(msg=f"{path} is missing: {what}")


def main():
    module = AnsibleModule(
        argument_spec={
            "file": {"type": "str", "required": True},
            "settings": {"type": "dict", "required": True},
            "container": {"type": "str", "required": True},
            "modules_file": {"type": "str"},
            "modules": {"type": "dict", "default": {}},
            "devices": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    given, check_mode = module.params, module.check_mode
    container = given["container"]
    settings = {name: str(value) for name, value in given["settings"].items()}
    at_boot, loaded, missing = load_modules(module, container)
    demand_devices(module, container)
    try:
        changed, skipped = set_all(settings, container, check_mode)
    except OSError as error:
        module.fail_json(msg=f"the kernel refuses a value: {error}")
    rewritten = place(Path(given["file"]), render(settings, skipped), check_mode)
    if given["modules_file"]:
        text = "".join(f"{name}\n" for name in at_boot)
        rewritten |= place(Path(given["modules_file"]), text, check_mode)
    module.exit_json(
        changed=bool(changed or loaded or rewritten),
        settings_changed=changed,
        left_out=by_reason({**missing, **skipped}),
    )


if __name__ == "__main__":
    main()
