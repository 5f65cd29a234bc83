# frozen_string_literal: true

require_relative 'errors'

module DeployKit
  # What each machine is to be, as plain data: everything that is decided, nothing that is done.
  module Machines
    VM_BOX = 'debian/bookworm64'
    MIB = { 'M' => 1, 'G' => 1024 }.freeze
    KITS = '/srv/kits/working' # the working copy, where releases lie on a master
    # MiB of a virtual machine where neither settings nor the environment file say anything.
    MASTER_MEMORY = 1536
    HYPERVISOR_MEMORY = 3072
    OTHER_MEMORY = 6144

    module_function

    def of(topology, settings)
      topology['nodes'].map { |node| machine(topology, node, settings) }
    end

    def machine(topology, node, settings)
      container = settings.provider == 'lxc'
      common = {
        'name' => node['name'],
        'master' => node['roles'].include?('master'),
        'folders' => folders(node, settings),
        'bootstrap' => bootstrap(topology, node, container)
      }
      common.merge(container ? lxc(topology, node) : virtual(topology, node, settings))
    end

    # Folder on this machine => folder on the node.
    def folders(node, settings)
      return {} unless node['roles'].include?('master')

      settings.working_copies.to_h { |place, host| [host, "#{KITS}/#{place}"] }
    end

    # Settings of node.sh, which runs as root at the first start.
    def bootstrap(topology, node, container)
      told = { 'NODE_NAME' => node['name'], 'AUTHORIZED_KEY' => topology['authorized_key'],
               'HOSTS' => node['hosts'] }
      container ? told.merge('INTERFACES' => node['interfaces']) : told
    end

    def lxc(topology, node)
      { 'box' => topology['box']['name'], 'box_url' => "file://#{topology['box']['file']}",
        'container' => node['container'], 'customize' => customize(node) }
    end

    # Keys of lxc.container.conf(5) without `lxc.`, in their order.
    def customize(node)
      nics = node['nics'].each_with_index.flat_map do |nic, place|
        { 'type' => 'veth', 'link' => nic['bridge'], 'flags' => 'up', 'name' => nic['name'],
          'hwaddr' => nic['mac'], 'mtu' => nic['mtu'] }.compact
          .map { |key, value| ["net.#{place}.#{key}", value.to_s] }
      end
      nics + limits(node) + privileges(node)
    end

    def limits(node)
      return [] unless node['memory']

      bytes = mib(node['memory']) * 1024 * 1024
      [['cgroup.memory.limit_in_bytes', bytes.to_s], ['cgroup2.memory.max', bytes.to_s]]
    end

    # Hypervisors and network nodes make tunnels, network namespaces and mounts of their own.
    def privileges(node)
      # systemd halts at once on this signal; LXC's own leaves it running for a minute.
      base = [%w[apparmor.profile unconfined], %w[apparmor.allow_nesting 0],
              %w[signal.halt SIGRTMIN+3]]
      return base unless node['privileged']

      base + [
        ['cgroup.devices.allow', 'c 10:200 rwm'], ['cgroup2.devices.allow', 'c 10:200 rwm'],
        ['mount.entry', '/dev/net/tun dev/net/tun none bind,create=file 0 0'],
        ['mount.auto', 'cgroup:rw proc:rw sys:rw']
      ]
    end

    def virtual(topology, node, settings)
      { 'box' => settings.box || VM_BOX, 'hostname' => node['name'], 'cpus' => settings.cpus,
        'memory' => settings.memory(node['roles']) || default_memory(node),
        'nested' => node['roles'].include?('hypervisor'),
        'networks' => topology['networks'].map { |net| network(net, node, settings) } }
    end

    def network(net, node, settings)
      found = { 'ip' => node['addresses'][net['name']], 'netmask' => net['netmask'] }
      # Neutron's bridge of the external network carries frames of many addresses.
      case settings.provider
      when 'virtualbox' then found.merge('nic_promisc' => 'allow-all')
      when 'libvirt' then found.merge('libvirt__network_name' => net['bridge'],
                                      'libvirt__dhcp_enabled' => false,
                                      'libvirt__forward_mode' => 'none')
      end
    end

    def default_memory(node)
      return mib(node['memory']) if node['memory']
      return MASTER_MEMORY if node['roles'] == ['master']

      node['roles'].include?('hypervisor') ? HYPERVISOR_MEMORY : OTHER_MEMORY
    end

    def mib(text)
      Integer(text[0..-2], 10) * MIB.fetch(text[-1])
    end
  end
end
