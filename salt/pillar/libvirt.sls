libvirt:
  packages: [libvirt-daemon-system, libvirt-clients, qemu-system-x86, qemu-utils]
  # Whether QEMU runs as Debian has it: as a user of its own, in namespaces and cgroups, under
  # AppArmor. A container has none of these to give.
  confined: true
