# Name the cards of this machine and give them their addresses, as /etc/deploy-kit-interfaces says:
# MAC NAME MTU ADDRESS/LENGTH... [via NETWORK...]; NAME - is whatever it has. Run at each start, as
# root; may be repeated.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C
table=${1:-/etc/deploy-kit-interfaces}
cards=${CARDS:-/sys/class/net}

# The card of MAC $1: bridges, bonds and VLANs, which stand on others, may have the same one.
card_of() {
    for card in "$cards"/*; do
        set -- "$1" "$card"/lower_*
        [ ! -e "$2" ] || continue
        if [ "$(cat "$card/address" 2>/dev/null)" = "$1" ]; then
            basename "$card"
            return
        fi
    done
    echo "deploy-kit-interfaces: there is no card $1" >&2
    return 1
}

# In two rounds: a name may still be another card's.
round=0
while read -r mac name rest; do
    round=$((round + 1))
    card=$(card_of "$mac")
    if [ "$name" != - ] && [ "$card" != "$name" ]; then
        ip link set dev "$card" down
        ip link set dev "$card" name "dk$round"
    fi
done <"$table"

while read -r mac name mtu rest; do
    card=$(card_of "$mac")
    [ "$name" != - ] || name=$card
    [ "$card" = "$name" ] || ip link set dev "$card" name "$name"
    sysctl -q -w "net.ipv6.conf.$name.accept_ra=0" 2>/dev/null || true
    ip link set dev "$name" mtu "$mtu" up
    way=address
    for one in $rest; do
        case $way:$one in
        *:via) way=route ;;
        address:*:*) ip -6 address replace "$one" dev "$name" nodad ;;
        address:*) ip address replace "$one" dev "$name" ;;
        route:*:*) ip -6 route replace "$one" dev "$name" ;;
        route:*) ip route replace "$one" dev "$name" ;;
        esac
    done
done <"$table"
