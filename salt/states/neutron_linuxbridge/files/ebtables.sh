#!/bin/sh
# ebtables that can delete what it lists. Debian 12's (iptables 1.8.9 over nftables) refuses to
# delete a rule with --among-src by its text, only by its number; neutron's agent deletes by text
# and tries that one rule again for ever. Everything else goes straight through.
real=/usr/sbin/ebtables-nft
case " $* " in
*' -D '*' --among-'*) ;;
*) exec "$real" "$@" ;;
esac
table=filter
while [ "$1" != -D ]; do
    [ "$1" = -t ] && table=$2
    shift
done
chain=$2
shift 2
number=$("$real" -t "$table" -L "$chain" | awk -v rule="$*" '
    /^Bridge chain:/ { inside = 1; next }
    inside && NF { count++; sub(/ +$/, ""); if ($0 == rule) { print count; exit } }')
if [ -z "$number" ]; then
    echo "ebtables: chain $chain of table $table has no rule '$*'" >&2
    exit 1
fi
exec "$real" -t "$table" -D "$chain" "$number"
