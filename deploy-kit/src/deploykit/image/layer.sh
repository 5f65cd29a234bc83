#!/bin/sh
# Last step of mmdebstrap for the image layer, on the host as root: $1 is the tree, a copy of the
# node image. $PACKAGES are installed in it, not configured, none of them from the suites $HELD;
# $ARCHIVE keeps what was downloaded.
set -eu
root=$1
archive=$root/var/cache/apt/archives
units=$root/usr/lib/systemd/system
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

say() { echo "layer: $1"; }
fetch() { APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --quiet -o Acquire::Retries=3 "$@"; }
inside() { chroot "$root" "$@"; }

find "$ARCHIVE" -name '*.deb' -ctime +30 -delete
rm -rf "$archive"
mkdir -p "$archive/partial" "$ARCHIVE/partial"
mount --bind "$ARCHIVE" "$archive"
trap 'umount "$archive"' EXIT

# What the image itself is made of stays as new as it is, and its sibling packages come as new.
held=$root/etc/apt/preferences.d/deploy-kit-layer
image=$(inside dpkg-query -W -f 'src:${source:Package}\n' | sort -u | tr '\n' ' ')
for suite in $HELD; do
    printf 'Package: *\nPin: release n=%s\nPin-Priority: -1\n\n' "$suite"
    printf 'Package: %s\nPin: release n=%s\nPin-Priority: 500\n\n' "$image" "$suite"
done >"$held"

say 'package lists'
fetch update
say "downloading"
attempt=1
# shellcheck disable=SC2086
until fetch --no-install-recommends --download-only install $PACKAGES; do
    [ "$attempt" -lt 3 ] || exit 100
    attempt=$((attempt + 1))
    sleep 2
    fetch update
done

say 'installing'
ls "$units" "$root/etc/init.d" >"$root/tmp/before"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
# Python modules are compiled once at the end, side by side, instead of package by package.
inside dpkg-divert --quiet --local --rename --add /usr/bin/py3compile
printf '#!/bin/sh\n' >"$root/usr/bin/py3compile"
chmod 0755 "$root/usr/bin/py3compile"
# shellcheck disable=SC2086
inside apt-get --yes --quiet --no-download --no-install-recommends -o Dpkg::Use-Pty=false \
    -o Dpkg::Options::=--force-unsafe-io install $PACKAGES
rm "$root/usr/bin/py3compile"
inside dpkg-divert --quiet --local --rename --remove /usr/bin/py3compile
say 'compiling'
inside python3 -m compileall -q -j 0 /usr/lib/python3/dist-packages /usr/share/python3 \
    >/dev/null 2>&1 || true

say 'finishing'
# Nothing of these starts before the content has configured it. Disabled, and by a preset, as a
# first boot applies the presets; not masked, as units need each other in ways of their own.
preset=$root/etc/systemd/system-preset/10-deploy-kit-layer.preset
mkdir -p "${preset%/*}"
for path in "$units"/*.service "$units"/*.socket "$units"/*.path; do
    unit=${path##*/}
    grep -qxF "$unit" "$root/tmp/before" && continue
    grep -qs '^\[Install\]' "$path" || continue
    echo "disable $unit"
done >"$preset"
sed 's/^disable //' "$preset" | xargs -r systemctl --quiet --root="$root" disable 2>/dev/null
for path in "$root"/etc/init.d/*; do
    script=${path##*/}
    grep -qxF "$script" "$root/tmp/before" && continue
    [ -e "$units/$script.service" ] || inside update-rc.d "$script" disable
done
rm "$root/tmp/before" "$root/usr/sbin/policy-rc.d" "$held"

# For making the layer alone, as in customize.sh.
sed -i '/^force-unsafe-io$/d' "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"

# Identity and secrets are made on each node.
rm -f "$root/var/lib/rabbitmq/.erlang.cookie" "$root"/etc/ssh/ssh_host_* "$root/etc/hostname"
rm -f "$root/etc/ssl/private/ssl-cert-snakeoil.key" "$root/etc/ssl/certs/ssl-cert-snakeoil.pem"
rm -rf "$root"/etc/keystone/fernet-keys "$root"/etc/keystone/credential-keys
rm -f "$root"/var/lib/openstack-dashboard/secret-key/*
[ ! -d "$root/etc/iscsi" ] || echo 'GenerateName=yes' >"$root/etc/iscsi/initiatorname.iscsi"
: >"$root/etc/machine-id"
: >"$root/etc/resolv.conf"
rm -f "$root"/var/cache/apt/*.bin

# Evidence names the content's packages; what only came with them counts as the image's.
named=" $PACKAGES "
inside dpkg-query -W -f '${Package} ${Version}\n' | while read -r package version; do
    case $named in
        *" $package "*) ;;
        *) echo "$package $version" ;;
    esac
done >"$root/usr/share/deploy-kit/packages"
