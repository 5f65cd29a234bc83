mariadb:
  packages: [mariadb-server, mariadb-backup, stunnel4, age]
  buffer_pool: 128M
  log_file: 48M
  max_connections: 2000  # for each database node; services on large machines have many processes
  cluster_cache: 128M  # what a node that was away can catch up with, without a whole copy
  # What a restore to a moment is made of, beside backups. `sync`: 1 writes them to the disk with
  # each transaction, 0 leaves it to the kernel: a loss of power may then cost the last ones.
  binary_logs: {sync: 1, file_size: 128M, total_mib: 8192, kept_every: '*:0/10'}
  # Times are systemd's OnCalendar. What is older than `keep_days` goes, but `keep_least` backups
  # stay; deploy-kit warns where the newest is older than `stale_hours`.
  backups:
    at: '*-*-* 02:30'
    keep_days: 7
    keep_least: 2
    stale_hours: 26
    # Where copies go, by rsync over SSH as soon as there is something new: USER@HOST:FOLDER, and
    # HOST's key (`ssh-ed25519 AAAA...`). They are encrypted for `recipients`, age or SSH keys; only
    # to a node of this region they may go without.
    copies: {to: '', host_key: '', recipients: []}
