"""How a command finds the nodes of a pod: by its environment."""

from __future__ import annotations

from deploykit.nodes.inventory import Inventory, tests_environment
from deploykit.site import Site


def pod_environment(site: Site, pod: Inventory) -> dict[str, str]:
    """The variables of a command that works on the nodes of `pod`.

    DEPLOY_KIT_POD names it (`deploy-kit pod ssh "$DEPLOY_KIT_POD"`, as DEPLOY_KIT_SITE names the
    site), DEPLOY_KIT_SSH_CONFIG is a file for ssh, Ansible and `pytest --ssh-config`; the others
    are what a release's own smoke tests read.
    """
    return {
        "DEPLOY_KIT_SITE": str(site.folder),
        "DEPLOY_KIT_POD": str(pod.instance),
        "DEPLOY_KIT_SSH_CONFIG": str(pod.ssh_config),
        **tests_environment(pod.folder, pod),
    }
