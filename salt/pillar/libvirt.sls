libvirt:
  packages: [libvirt-daemon-system, libvirt-clients, qemu-system-x86, qemu-utils]
