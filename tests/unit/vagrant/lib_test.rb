# frozen_string_literal: true

# The library of the Vagrantfile, without Vagrant and without machines.
require 'fileutils'
require 'json'
require 'minitest/autorun'
require 'tmpdir'

LIB = ENV.fetch('VAGRANT_LIB')
require File.join(LIB, 'settings')
require File.join(LIB, 'topology')
require File.join(LIB, 'machines')
require File.join(LIB, 'region')

# A folder like vagrant/ of a checkout.
module Checkout
  def setup
    @top = Dir.mktmpdir
    @folder = File.join(@top, 'vagrant')
    %w[vagrant salt ansible].each { |name| FileUtils.mkdir_p(File.join(@top, name)) }
  end

  def teardown
    FileUtils.remove_entry(@top)
  end

  def write(text)
    File.write(File.join(@folder, DeployKit::Settings::FILE), text)
  end

  def settings(variables = {})
    DeployKit::Settings.load(@folder, variables)
  end

  def topology
    JSON.parse(File.read(File.join(__dir__, 'golden', 'topology.json')))
  end
end

class SettingsTest < Minitest::Test
  include Checkout

  def test_without_file_and_variables_the_defaults_hold
    assert_equal %w[dev lxc], [settings.environment, settings.provider]
    assert_equal File.join(@top, 'salt'), settings.working_copies['salt']
    assert settings.converge?
  end

  def test_a_variable_wins_over_the_file
    write("environment: ha\nprovider: libvirt\n")
    found = settings('DEPLOY_KIT_ENVIRONMENT' => 'minimal')
    assert_equal %w[minimal libvirt], [found.environment, found.provider]
  end

  def test_an_unknown_setting_is_refused_with_its_file
    write("enviroment: ha\n")
    told = assert_raises(DeployKit::Error) { settings }.message
    assert_includes told, 'settings.local.yml'
    assert_includes told, "'enviroment'"
  end

  def test_a_file_that_is_no_yaml_is_refused_with_its_line
    write("environment: ha\nprovider: [\n")
    assert_match(/settings\.local\.yml:\d+: not YAML/, assert_raises(DeployKit::Error) { settings }.message)
  end

  def test_an_unknown_provider_is_refused
    told = assert_raises(DeployKit::Error) { settings('VAGRANT_DEFAULT_PROVIDER' => 'xen') }.message
    assert_includes told, "'xen'"
  end

  def test_a_working_copy_that_is_not_there_is_refused
    write("working_copies: {salt: ../elsewhere}\n")
    assert_includes assert_raises(DeployKit::Error) { settings }.message, 'elsewhere'
  end

  def test_memory_is_that_of_the_largest_role
    write("memory: {hypervisor: 4096, network: 1024}\n")
    assert_equal 4096, settings.memory(%w[network hypervisor])
    assert_nil settings.memory(%w[master])
    assert_equal 512, settings('DEPLOY_KIT_MEMORY' => '512').memory(%w[master])
  end

  def test_memory_that_is_no_number_is_refused
    write("memory: {hypervisor: lots}\n")
    assert_includes assert_raises(DeployKit::Error) { settings.memory(%w[hypervisor]) }.message, 'lots'
  end
end

class MachinesTest < Minitest::Test
  include Checkout

  DeployKit::Settings::PROVIDERS.each do |provider|
    define_method("test_the_machines_of_#{provider}_are_as_in_the_golden_file") do
      found = DeployKit::Machines.of(topology, settings('VAGRANT_DEFAULT_PROVIDER' => provider))
      told = JSON.pretty_generate(found).gsub(@top, 'CHECKOUT')
      file = File.join(__dir__, 'golden', "machines-#{provider}.json")
      File.write(file, "#{told}\n") if ENV['GOLDEN'] == 'write'
      assert_equal File.read(file), "#{told}\n"
    end
  end

  def test_only_the_master_has_the_working_copy
    found = DeployKit::Machines.of(topology, settings)
    with = found.reject { |machine| machine['folders'].empty? }
    assert_equal ['salt'], with.map { |machine| machine['name'] }
    assert_equal '/srv/kits/working/salt', with[0]['folders'][File.join(@top, 'salt')]
  end

  def test_only_what_needs_privileges_has_them
    found = DeployKit::Machines.of(topology, settings)
    with = found.select { |machine| machine['customize'].any? { |_, value| value.include?('10:200') } }
    assert_equal %w[compute1 compute2], with.map { |machine| machine['name'] }
  end
end

class OnceTest < Minitest::Test
  def test_the_last_of_all_runs_the_work_once
    once = DeployKit::Once.new(%w[a b])
    ran = 0
    %w[a a b].each { |name| once.last(:converge, name) { ran += 1 } }
    assert_equal 1, ran
  end

  def test_a_region_that_is_not_whole_is_left
    once = DeployKit::Once.new(%w[a b])
    once.last(:converge, 'b') { flunk 'a is not up' }
  end

  def test_what_the_first_could_not_do_fails_for_all
    once = DeployKit::Once.new(%w[a b])
    2.times do
      assert_raises(DeployKit::Error) { once.first(:prepare) { raise DeployKit::Error, 'no room' } }
    end
  end
end

class StateTest < Minitest::Test
  include Checkout

  def id(text)
    file = File.join(@folder, '.vagrant', 'machines', 'salt', 'lxc', 'id')
    FileUtils.mkdir_p(File.dirname(file))
    File.write(file, text)
  end

  def test_machines_of_another_environment_are_not_touched
    id('dv-abcdef-minimal-salt')
    told = assert_raises(DeployKit::Error) do
      DeployKit::State.demand_same_environment(@folder, {}, topology)
    end
    assert_includes told.message, 'dv-abcdef-minimal-salt'
  end

  def test_its_own_machines_are_no_obstacle
    id(topology['nodes'][0]['container'])
    DeployKit::State.demand_same_environment(@folder, {}, topology)
  end
end

class TopologyTest < Minitest::Test
  include Checkout

  # A deploy-kit that ends with `status` after printing.
  def kit(out, error, status)
    file = File.join(@top, '.venv', 'bin', 'deploy-kit')
    setup = File.join(@top, 'deploy-kit', 'setup')
    [file, setup].each { |path| FileUtils.mkdir_p(File.dirname(path)) }
    File.write(file, "#!/bin/sh\nprintf '%s' '#{out}'\nprintf '%s' '#{error}' >&2\nexit #{status}\n")
    File.write(setup, "#!/bin/sh\nshift\nexec \"$@\"\n")
    File.chmod(0o755, file, setup)
  end

  def test_what_deploy_kit_refuses_stops_vagrant_with_its_words
    kit('', "error: dev.yml:7: unknown key 'role'\n  did you mean roles?\n", 2)
    told = assert_raises(DeployKit::Error) { DeployKit::Topology.read(settings) }.message
    assert_equal "dev.yml:7: unknown key role\n  did you mean roles?", told.delete("'")
  end

  def test_the_topology_is_what_deploy_kit_prints
    kit('{"nodes": []}', '', 0)
    assert_equal({ 'nodes' => [] }, DeployKit::Topology.read(settings))
  end
end
