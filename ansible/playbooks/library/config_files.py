#!/usr/bin/python3
"""Several configuration files in one call: each checked by a command, then put in place whole."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: config_files
short_description: Put several configuration files in place, each checked before it goes live
description:
  - What ansible.builtin.template does for one file in two calls to the node, for all files of a
    role in one. Calls to the nodes are what day 0 takes its time for.
  - All of them are checked before the first one is replaced. They are root's.
options:
  files:
    description: The files, in the order in which they are put in place.
    type: list
    elements: dict
    required: true
    suboptions:
      dest:
        description: Absolute path. Folders that are missing are made.
        type: str
        required: true
      content:
        description: The whole file, usually by lookup('ansible.builtin.template', …).
        type: str
      keys:
        description: Instead of content, lines KEY VALUE that the file has or gets; others stay.
        type: dict
      absent:
        description: Instead of content, that there is no such file.
        type: bool
      mode:
        description: Its permissions, in octal.
        type: str
        default: "0644"
      validate:
        description: A command that fails where the file is wrong; %s is the file.
        type: str
"""
RETURN = """
replaced:
  description: Which files were other than wanted.
  type: list
  elements: str
  returned: success
"""


OWNER = (0, 0)  # root, by the numbers of account and group


def with_keys(text, keys):
    """`text` with one line `KEY value` for each of `keys`, in the place of the first one of KEY."""
    lines = text.splitlines()
    for key, value in keys.items():
        one_of_key = re.compile(rf"\s*{re.escape(key)}(\s|$)")
        places = [place for place, line in enumerate(lines) if one_of_key.match(line)]
        if not places:
            lines.append("")
            places = [len(lines) - 1]
        lines[places[0]] = f"{key}\t{value}"
        lines = [line for place, line in enumerate(lines) if place not in places[1:]]
    return "".join(f"{line}\n" for line in lines)


class ConfigFile:
    """A file as it shall be, and as it is."""

    def __init__(self, dest, mode, content=None, keys=None, absent=None, validate=None):
        self.dest, self.mode, self.validate = Path(dest), int(mode, 8), validate
        there = self.dest.is_file() and not self.dest.is_symlink()
        self.before = self.dest.read_text(encoding="utf-8") if there else None
        self.content = None if absent else content
        if keys is not None:
            self.content = with_keys(self.before or "", keys)

    @property
    def differs(self):
        if self.content is None:
            return self.dest.exists() or self.dest.is_symlink()
        if self.before != self.content:
            return True
        status = self.dest.stat()
        return (status.st_mode & 0o7777, status.st_uid, status.st_gid) != (self.mode, *OWNER)

    @property
    def diff(self):
        return {
            "before_header": str(self.dest),
            "after_header": str(self.dest),
            "before": self.before or "",
            "after": self.content or "",
        }

    def place(self):
        """Put it in place: whole, or not at all."""
        if self.content is None:
            self.dest.unlink()
            return
        make_folder(self.dest.parent)
        # Hidden and without a suffix: nobody reads it as one of the folder's files.
        number, name = tempfile.mkstemp(prefix=".new-", dir=self.dest.parent)
        os.close(number)
        aside = Path(name)
        try:
            aside.write_text(self.content, encoding="utf-8")
            os.chown(aside, *OWNER)
            aside.chmod(self.mode)
            aside.replace(self.dest)
        except BaseException:
            aside.unlink()
            raise


def make_folder(folder):
    """`folder` and those above it that are missing, for everyone to read."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir()
        folder.chmod(0o755)


def checked(module, file):
    """End with the checker's words where it says that the file's new content is wrong."""
    trial = Path(module.tmpdir, "trial")
    trial.write_text(file.content, encoding="utf-8")
    words = [str(trial) if word == "%s" else word for word in shlex.split(file.validate)]
    status, out, err = module.run_command(words)
    trial.unlink()
    if status != 0:
        said = (err or out).strip().replace(str(trial), str(file.dest))
        module.fail_json(msg=f"{file.dest} is not put in place: {words[0]} refuses it: {said}")


def main():
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "dest": {"type": "str", "required": True},
                    "content": {"type": "str"},
                    "keys": {"type": "dict", "no_log": False},
                    "absent": {"type": "bool"},
                    "mode": {"type": "str", "default": "0644"},
                    "validate": {"type": "str"},
                },
                "mutually_exclusive": [["content", "keys", "absent"]],
                "required_one_of": [["content", "keys", "absent"]],
            },
        },
        supports_check_mode=True,
    )
    differing = [file for one in module.params["files"] if (file := ConfigFile(**one)).differs]
    for file in differing:
        if file.validate and file.content is not None:
            checked(module, file)
    if not module.check_mode:
        for file in differing:
            file.place()
    module.exit_json(
        changed=bool(differing),
        replaced=[str(file.dest) for file in differing],
        diff=[file.diff for file in differing],
    )


if __name__ == "__main__":
    main()
