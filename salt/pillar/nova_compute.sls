nova_compute:
  packages: [nova-compute, nova-compute-kvm, python3-amqp]
  virt_type: qemu
  reserved_memory: 256  # MiB that no instance gets
  overcommit: {processors: 16, memory: 4, disk: 10}
