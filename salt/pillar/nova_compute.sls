nova_compute:
  packages: [nova-compute, nova-compute-kvm, python3-amqp]
  virt_type: qemu
  reserved_memory: 256  # MiB that no instance gets
  # What the kernel needs where the region has volumes, each with a symbol of a kernel that has it.
  kernel: {iscsi_tcp: iscsi_sw_tcp_session_create}
  overcommit: {processors: 16, memory: 4, disk: 10}
