"""Whether this host's firewall lets the nodes talk: rules that Docker, ufw and others leave."""

from __future__ import annotations

from pathlib import Path

from deploykit.base.process import run
from deploykit.host.finding import Finding, ok, problem

BRIDGE_FILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
OWN = "dk+"  # iptables' pattern for the bridges of every site


def check_forwarding(prefix: list[str]) -> list[Finding]:
    """Look at the host's rules; `prefix` makes a command root's."""
    rules = run([*prefix, "iptables", "-S"], timeout=20, check=False)
    filtered = BRIDGE_FILTER.is_file() and BRIDGE_FILTER.read_text().strip() == "1"
    forward = not IP_FORWARD.is_file() or IP_FORWARD.read_text().strip() == "1"
    return firewall_findings(
        rules.stdout.splitlines(), bridges_filtered=filtered, forwarding=forward
    )


def firewall_findings(
    rules: list[str], *, bridges_filtered: bool, forwarding: bool
) -> list[Finding]:
    """What the lines of `iptables -S` mean for bridges named dk*."""
    findings = []
    chain = "DOCKER-USER" if "-N DOCKER-USER" in rules else "FORWARD"
    passes = any(rule.startswith("-A") and f" {OWN} " in f"{rule} " for rule in rules)
    if "-P FORWARD DROP" in rules and not passes:
        also = " and between nodes" if bridges_filtered else ""
        findings.append(
            problem(
                "forwarding",
                f"the firewall drops what nodes send out{also} (policy of FORWARD is DROP)",
                f"iptables -I {chain} -i {OWN} -j ACCEPT\niptables -I {chain} -o {OWN} -j ACCEPT",
            )
        )
    if "-P INPUT DROP" in rules and not any(
        rule.startswith("-A INPUT") and OWN in rule for rule in rules
    ):
        findings.append(
            problem(
                "forwarding",
                "the firewall drops the nodes' DHCP and DNS (policy of INPUT is DROP)",
                f"iptables -I INPUT -i {OWN} -p udp -m multiport --dports 53,67 -j ACCEPT",
            )
        )
    if not forwarding:
        findings.append(
            problem(
                "forwarding",
                "the kernel forwards no packets (net.ipv4.ip_forward is 0)",
                "sysctl -w net.ipv4.ip_forward=1",
            )
        )
    return findings or [ok("forwarding", "nothing keeps the nodes' packets")]
