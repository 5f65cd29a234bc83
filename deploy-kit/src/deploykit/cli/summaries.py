"""What `deploy-kit --help` and completion say of each command, without importing it."""

from __future__ import annotations

SUMMARIES = {
    "approve": "Approve that RELEASE enters ENVIRONMENT; takes back an earlier veto of yours.",
    "bugs": "Which release mends a bug, and where that runs.",
    "completion": "Print what makes SHELL complete commands, options and file names.",
    "deploy": "Deploy RELEASE in ENVIRONMENT, if policy lets it in.",
    "dev": "Develop the content: what is edited here runs there in seconds.",
    "doctor": "Look at this machine: findings with remedies.",
    "env": "Environments and their nodes.",
    "evidence": "Evidence of checks that the train does not run: tests of one's own.",
    "history": "Show what the ledger recorded, oldest first; of one ENVIRONMENT or of all.",
    "hold": "Let nothing enter ENVIRONMENT until `unhold`.",
    "image": "The node image: Debian 12 with systemd, SSH, Python and Salt.",
    "init": "Start a site in FOLDER: site.yml, two environments and a manifest.",
    "job": "Jobs: what runs for a while, on this machine or on Jenkins.",
    "ledger": "Look at the ledger itself: records, signers, proof.",
    "overrule": "Lift every veto of RELEASE so far, for ENVIRONMENT or for all; admins only.",
    "pin": "Let only RELEASE enter ENVIRONMENT until `unpin`.",
    "policy": "The promotion policy in force is the ledger's; environment files propose another.",
    "promote": "Promote RELEASE into ENVIRONMENT on the evidence there is, or tell why not.",
    "release": "Releases: kits with a version, cut from the site's manifest gitshelf.yml.",
    "rollback": "Bring back what ENVIRONMENT ran before.",
    "secrets": "The secrets of an environment: on its master alone, and elsewhere encrypted.",
    "setup": "Start the LXD daemon, make the storage pool.",
    "status": "Show the board: what runs where, since when, on what evidence, and what is next.",
    "train": "Carry RELEASE through the environments: deploy, check, record, ask policy, go on.",
    "unhold": "End the hold of ENVIRONMENT.",
    "unpin": "Let other releases enter ENVIRONMENT again.",
    "veto": "Forbid RELEASE to enter ENVIRONMENT, or any without one.",
    "waive": "Let RELEASE enter ENVIRONMENT without evidence of CHECK; admins only.",
}
