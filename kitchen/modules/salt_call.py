#!/usr/bin/python3
"""Apply Salt states on this node without a master; what Salt changed is what changed."""

from __future__ import annotations

import json

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: salt_call
short_description: Apply Salt states on this node without a master
description: The task is changed exactly where a state of the run reports changes.
options:
  states:
    description: SLS names, applied in one run.
    type: list
    elements: str
    required: true
  pillar:
    description: Pillar values for this run only.
    type: dict
    default: {}
  config:
    description: Folder of the minion's configuration.
    type: str
    default: /srv/kitchen/etc
  timeout:
    description: Seconds that the run may take.
    type: int
    default: 900
"""


def outcome(answer):
    """(names of changed states, reasons of failures) of what salt-call printed as JSON."""
    returned = answer.get("local", answer)
    if not isinstance(returned, dict):
        lines = returned if isinstance(returned, list) else [returned]
        return [], [str(line) for line in lines]
    changed, failed = [], []
    for key, state in sorted(returned.items(), key=lambda pair: pair[1].get("__run_num__", 0)):
        name = state.get("__id__", key)
        if state.get("result") is False:
            failed.append(f"{name}: {state.get('comment', '')}".strip())
        elif state.get("changes"):
            changed.append(name)
    return changed, failed


def main():
    module = AnsibleModule(
        argument_spec={
            "states": {"type": "list", "elements": "str", "required": True},
            "pillar": {"type": "dict", "default": {}},
            "config": {"type": "str", "default": "/srv/kitchen/etc"},
            "timeout": {"type": "int", "default": 900},
        },
        supports_check_mode=True,
    )
    parameters = module.params
    words = ["timeout", "-k", "10", str(parameters["timeout"]), "/opt/salt/bin/salt-call"]
    words += ["-c", parameters["config"], "--out=json", "--log-level=warning", "state.apply"]
    words += [",".join(parameters["states"])]
    if parameters["pillar"]:
        words += [f"pillar={json.dumps(parameters['pillar'])}"]
    if module.check_mode:
        words += ["test=True"]
    status, out, err = module.run_command(words, environ_update={"LC_ALL": "C.UTF-8"})
    if status in (124, 137):
        message = f"Salt did not finish within {parameters['timeout']} s"
        module.fail_json(msg=message, stderr=err[-2000:])
    try:
        answer = json.loads(out[out.index("{") :])
    except ValueError:
        module.fail_json(msg=f"Salt gave no JSON (exit status {status})", stdout=out, stderr=err)
    changed, failed = outcome(answer)
    if failed:
        module.fail_json(msg="; ".join(failed), changed_states=changed, stderr=err[-2000:])
    module.exit_json(changed=bool(changed), changed_states=changed)


if __name__ == "__main__":
    main()
