#!/bin/bash
# Take rows of what was deleted more than DAYS ago out of nova's databases: tidy DAYS
set -eu
before=$(date -u -d "$1 days ago" +%Y-%m-%d)

# Status 1 says that rows were moved, 3 that there were none to go.
status=0
nova-manage db archive_deleted_rows --all-cells --until-complete --before "$before" || status=$?
[[ $status -le 1 ]]
status=0
nova-manage db purge --all-cells --before "$before" || status=$?
[[ $status == 0 || $status == 3 ]]
