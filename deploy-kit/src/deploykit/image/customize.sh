#!/bin/sh
# Last step of mmdebstrap, on the host as root: $1 is the tree that becomes the image.
set -eu
root=$1

# Identity is made at first boot, never baked.
rm -f "$root"/etc/ssh/ssh_host_*
: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id"
mkdir -p "$root/var/lib/dbus"
ln -s /etc/machine-id "$root/var/lib/dbus/machine-id"
rm -f "$root/etc/resolv.conf" "$root/etc/hostname"
: >"$root/etc/resolv.conf"
mkdir -p -m 0700 "$root/root/.ssh"

chroot "$root" update-ca-certificates --fresh >/dev/null
systemctl --quiet --root="$root" enable deploy-kit-host-keys.service networking.service
# Masked, not disabled: a first boot applies the presets, which would enable them again.
systemctl --quiet --root="$root" mask apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    systemd-binfmt.service systemd-modules-load.service console-getty.service

# Unpacking the archive on a node's first start would drop it where xattrs are not kept.
if [ -x "$root/usr/sbin/setcap" ]; then
    chroot "$root" setcap cap_net_raw+ep /usr/bin/ping
fi

# For making the image alone: how nodes unpack is their environment's to say (role base).
sed -i '/^force-unsafe-io$/d' "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"

# What every node has from the start; evidence names only what came on top.
mkdir -p "$root/usr/share/deploy-kit"
chroot "$root" dpkg-query -W -f '${Package} ${Version}\n' >"$root/usr/share/deploy-kit/packages"
