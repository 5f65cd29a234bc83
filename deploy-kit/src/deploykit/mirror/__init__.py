"""The exact vendor packages of a release, mirrored by aptly: one set of snapshots."""
