#!/bin/sh
# Move /opt/salt to the folder $1 below /opt, and those of the units $2 ... that run to it. One that
# does not start with it brings all back to the Salt of before. Called again it goes on.
set -eu
new=$1
shift
cd "${OPT:-/opt}"
units=

point() { # the link, in one step
    ln -sfnT "$1" .salt.new
    mv -T .salt.new salt
}

if [ ! -x "$new/bin/salt-minion" ]; then
    echo "there is no $PWD/$new" >&2
    exit 2
fi
# Images of before had a folder in the link's place.
if [ -d salt ] && [ ! -L salt ]; then
    rm -rf salt-before
    mv salt salt-before
    point salt-before
fi
was=$(readlink salt || true)
# A move that was cut off is known by this file, which has the Salt of before.
[ ! -s .salt.moving ] || was=$(cat .salt.moving)
[ "$was" != "$new" ] || [ -e .salt.moving ] || exit 0
# Nothing runs of what was there before that.
for old in salt-*; do
    [ "$old" = "$new" ] || [ "$old" = "$was" ] || rm -rf "$old"
done
for unit in "$@"; do
    case $(systemctl is-active "$unit") in
    active | activating | reloading) units="$units $unit" ;;
    esac
done
echo "$was" >.salt.moving
point "$new"
# shellcheck disable=SC2086
if [ -z "$units" ] || systemctl restart $units; then
    rm .salt.moving
    echo "moved from ${was:-none} to $new"
    exit 0
fi
if [ -n "$was" ] && [ "$was" != "$new" ] && [ -d "$was" ]; then
    point "$was"
    # shellcheck disable=SC2086
    systemctl reset-failed $units || true
    # shellcheck disable=SC2086
    systemctl restart $units || true
    rm .salt.moving
fi
echo "$units did not start with $new" >&2
exit 1
