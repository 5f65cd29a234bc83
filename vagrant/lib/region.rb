# frozen_string_literal: true

require_relative 'errors'
require_relative 'topology'

module DeployKit
  # Tells Vagrant what Machines decided, and calls deploy-kit around its actions.
  class Region
    SCRIPT = File.join(__dir__, 'node.sh')

    def initialize(config, topology, settings)
      @config, @topology, @settings = config, topology, settings
      I18n.available_locales # read now: machines come up side by side, and reading is not safe then
      config.vm.box_check_update = false
      config.vm.synced_folder '.', '/vagrant', disabled: true
    end

    def define(machine)
      @config.vm.define(machine['name'], primary: machine['master']) do |node|
        node.vm.box = machine['box']
        node.vm.box_url = machine['box_url'] if machine['box_url']
        send(@settings.provider, node, machine)
        machine['folders'].each { |host, guest| node.vm.synced_folder(host, guest, **mounted) }
        node.vm.provision('node', type: 'shell', path: SCRIPT, env: machine['bootstrap'])
      end
    end

    # Nodes start on what is prepared; the region converges when the last of them is up.
    def hook
      once = Once.new(@topology['nodes'].map { |node| node['name'] })
      before(:up, :reload) { once.first(:prepare) { kit('prepare', *provider) } }
      after(:up, :reload, :provision) do |name|
        once.last(:converge, name) { kit('converge', *provider) } if @settings.converge?
      end
      after(:destroy) { kit('forget') } # where the last of them is gone
    end

    private

    # Nobody on a node writes into the working copy.
    def mounted
      @settings.provider == 'lxc' ? { mount_options: %w[bind create=dir ro] } : {}
    end

    def lxc(node, machine)
      node.vm.provider(:lxc) do |container|
        container.container_name = machine['container']
        container.backingstore = 'dir'
        container.tmpfs_mount_size = nil
        machine['customize'].each { |key, value| container.customize(key, value) }
      end
    end

    def virtualbox(node, machine)
      virtual(node, machine)
      node.vm.provider(:virtualbox) do |vm|
        vm.memory, vm.cpus = machine.values_at('memory', 'cpus')
        vm.linked_clone = true
        vm.customize(['modifyvm', :id, '--nested-hw-virt', 'on']) if machine['nested']
        machine['networks'].each_index do |place|
          vm.customize(['modifyvm', :id, "--nicpromisc#{place + 2}", 'allow-all'])
        end
      end
    end

    def libvirt(node, machine)
      virtual(node, machine)
      node.vm.provider(:libvirt) do |vm|
        vm.memory, vm.cpus, vm.nested = machine.values_at('memory', 'cpus', 'nested')
      end
    end

    def virtual(node, machine)
      node.vm.hostname = machine['hostname']
      machine['networks'].each do |net|
        node.vm.network(:private_network, **net.except('nic_promisc').transform_keys(&:to_sym))
      end
    end

    def before(*actions, &work)
      trigger(:before, actions, work)
    end

    def after(*actions, &work)
      trigger(:after, actions, work)
    end

    def trigger(stage, actions, work)
      @config.trigger.public_send(stage, *actions) do |trigger|
        trigger.name = stage == :before ? 'the host' : 'the region'
        trigger.ruby { |_, machine| work.call(machine.name.to_s) }
      end
    end

    def kit(call, *words)
      Kit.run(@settings, call, @topology['environment'], *words)
    end

    def provider
      ['--provider', @settings.provider]
    end
  end

  # Vagrant's triggers run per machine, and side by side: what is done once for all of them.
  class Once
    def initialize(names)
      @names, @lock, @done, @passed = names, Mutex.new, {}, Hash.new { |hash, key| hash[key] = [] }
    end

    # Runs the block for the first who comes; the others wait for it, and fail as it failed.
    def first(what)
      @lock.synchronize do
        @done[what] ||= begin
          yield
          [:well]
        rescue Error => e
          [:failed, e]
        end
        raise @done[what][1] if @done[what][0] == :failed
      end
    end

    # Runs the block for the last of all names.
    def last(what, name)
      @lock.synchronize do
        passed = @passed[what]
        passed << name unless passed.include?(name)
        return unless (@names - passed).empty?

        passed.clear
      end
      yield
    end
  end

  # Vagrant keeps machines by their names, which environments share.
  module State
    module_function

    # Raises Error where this folder's machines are those of another environment.
    def demand_same_environment(folder, variables, topology)
      state = File.expand_path(variables['VAGRANT_DOTFILE_PATH'] || '.vagrant', folder)
      topology['nodes'].each do |node|
        file = File.join(state, 'machines', node['name'], 'lxc', 'id')
        next unless File.file?(file)

        found = File.read(file).strip
        next if found.empty? || found == node['container']

        raise Error, "the node '#{node['name']}' is up for another environment (#{found})\n" \
                     "destroy that one first, or keep this one's state elsewhere: " \
                     "VAGRANT_DOTFILE_PATH=.vagrant-#{topology['environment']}"
      end
    end
  end
end
