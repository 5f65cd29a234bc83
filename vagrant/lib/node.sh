#!/bin/sh
# Run as root on every node by Vagrant: what the other providers give their nodes. Safe to repeat.
set -eu

mkdir -p -m 0700 /root/.ssh
printf '%s\n' "$AUTHORIZED_KEY" >/root/.ssh/authorized_keys
chmod 0600 /root/.ssh/authorized_keys

if [ "$(hostname)" != "$NODE_NAME" ]; then
    printf '%s\n' "$NODE_NAME" >/etc/hostname
    hostname "$NODE_NAME"
fi
# Day 0 writes the same file for the whole region.
grep -qF " $NODE_NAME" /etc/hosts || printf '%s\n' "$HOSTS" >/etc/hosts

if [ -n "${INTERFACES:-}" ]; then
    file=/etc/network/interfaces.d/deploy-kit
    if [ "$(cat "$file" 2>/dev/null)" != "$INTERFACES" ]; then
        ifdown --force --all --exclude=lo --exclude=eth0 2>/dev/null || true
        printf '%s\n' "$INTERFACES" >"$file"
    fi
    ifup --all --exclude=eth0
fi
