#!/bin/bash
# keepalived-release ADDRESS...: takes each away from whatever interface has it, as one that two nodes
# have is nobody's. That may be another than it was given to: neutron makes a bridge of a card, and
# moves the card's addresses there.
set -uo pipefail
for address in "$@"; do
  ip -4 -o address show to "$address/32" | while read -r _ interface _; do
    ip address del "$address/32" dev "$interface"
  done
done
