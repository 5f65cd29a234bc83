#!/bin/sh
# The template of a deploy-kit box, called by lxc-create as root: the box is unpacked once for this
# host, and every container is a layer over it (overlayfs), or a copy of it where the kernel has
# no overlays.
set -eu

while [ $# -gt 0 ]; do
    case $1 in
        --*=*) word=${1%%=*} value=${1#*=} ;;
        --?*) word=$1 value=${2:-} && shift ;;
        *) shift && continue ;;
    esac
    shift
    case $word in
        --name) name=$value ;;
        --path) path=$value ;;
        --rootfs) rootfs=$value ;;
        --tarball) tarball=$value ;;
        --config) more=$value ;;
    esac
done
: "${name:?}" "${path:?}" "${rootfs:?}" "${tarball:?}" "${more:?}"

cache=/var/cache/lxc/deploy-kit
key=$(stat -c '%n %s %Y' "$tarball" | sha256sum | cut -c1-16)
base=$cache/$key
mkdir -p -m 0700 "$cache"

exec 9>"$cache/lock"
flock --timeout 900 9
if [ ! -d "$base" ]; then
    rm -rf "$cache"/new-*
    mkdir -p "$cache/new-$key"
    tar --extract --gzip --file "$tarball" --directory "$cache/new-$key" --numeric-owner \
        --xattrs --xattrs-include='*'
    mv "$cache/new-$key" "$base"
fi
# What no container is made of any more.
for old in "$cache"/*/; do
    old=${old%/}
    [ "$old" = "$base" ] || grep -qsF "$old" "${path%/*}"/*/config || rm -rf "$old"
done

# Said before the lock is given up, so that nobody takes the base for unused.
sed -i -e '/^lxc\.rootfs\.path/d' "$path/config"
if grep -qw overlay /proc/filesystems || modprobe -q overlay; then
    mkdir -p "$path/delta"
    printf 'lxc.rootfs.path = overlay:%s:%s\n' "$base" "$path/delta" >>"$path/config"
else
    printf '# %s\nlxc.rootfs.path = dir:%s\n' "$base" "$rootfs" >>"$path/config"
    cp --archive --reflink=auto "$base/." "$rootfs/"
fi
exec 9>&-
printf 'lxc.uts.name = %s\n' "$name" >>"$path/config"
cat "$more" >>"$path/config"
