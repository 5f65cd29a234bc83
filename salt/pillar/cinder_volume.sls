cinder_volume:
  packages: [cinder-volume, lvm2, tgt, thin-provisioning-tools, python3-pymysql]
  group: cinder-volumes  # of LVM; made where it is missing, and of nothing but what is said here
  # What a node's volumes lie on, NODE: [DEVICE, ...] by names that outlive a boot: whole disks that
  # hold nothing else. A node that is not named here takes a file behind a loop device, which is for
  # development: slow, and lost with the node. Not below /var/lib/cinder, which goes with Debian's
  # package when that is purged.
  disks: {}
  file: {path: /var/lib/cinder-volumes.disk, size: 20G}
  # What the kernel of such a node needs, each with a symbol of a kernel that has it, built in or as
  # a module; `file` is asked for where the node has no disks.
  kernel: {dm_mod: dm_create, dm_thin_pool: thin_ctr}
  file_kernel: {loop: loop_configure}
