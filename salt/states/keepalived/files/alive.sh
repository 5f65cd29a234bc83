#!/bin/bash
# Whether the load balancer of this node answers: keepalived-alive ADDRESS PORT
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'GET / HTTP/1.0\r\n\r\n' >&3
read -r -t 2 line <&3 && [[ $line == *' 200 '* ]]
