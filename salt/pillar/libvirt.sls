libvirt:
  # apparmor: what QEMU is confined by where the node has a kernel of its own.
  packages: [libvirt-daemon-system, libvirt-clients, qemu-system-x86, qemu-utils, apparmor]
