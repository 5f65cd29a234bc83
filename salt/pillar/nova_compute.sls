nova_compute:
  # ipxe: what the smoke test boots. rsync: what a disk moves by.
  packages: [nova-compute, nova-compute-kvm, python3-amqp, rsync, ipxe]
  # auto: kvm where the hypervisor has it, else qemu, which is slow and runs anywhere.
  virt_type: auto
  reserved_memory: 2048  # MiB that no instance gets
  # What the kernel needs where the region has volumes, each with a symbol of a kernel that has it.
  kernel: {iscsi_tcp: iscsi_sw_tcp_session_create}
  # How many times what a hypervisor has is given to instances. More than 1.0 of memory or disk is a
  # promise that it cannot keep to all of them at once.
  overcommit: {processors: 4.0, memory: 1.0, disk: 1.0}
