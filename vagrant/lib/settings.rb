# frozen_string_literal: true

require 'yaml'
require_relative 'errors'

module DeployKit
  # What a developer chooses: environment variables first, then settings.local.yml, then defaults.
  class Settings
    FILE = 'settings.local.yml'
    DEFAULTS = {
      'environment' => 'dev',
      'provider' => 'lxc',
      'box' => nil,                 # for virtualbox and libvirt; lxc takes the project's own image
      'cpus' => 2,                  # of a virtual machine
      'memory' => {},               # of a virtual machine in MiB, by role; the largest counts
      'working_copies' => { 'salt' => '../salt', 'ansible' => '../ansible' },
      'converge' => true            # deploy when all nodes are up
    }.freeze
    VARIABLES = {
      'DEPLOY_KIT_ENVIRONMENT' => 'environment',
      'VAGRANT_DEFAULT_PROVIDER' => 'provider',
      'DEPLOY_KIT_BOX' => 'box',
      'DEPLOY_KIT_CPUS' => 'cpus',
      'DEPLOY_KIT_MEMORY' => 'memory',
      'DEPLOY_KIT_CONVERGE' => 'converge'
    }.freeze
    PROVIDERS = %w[lxc virtualbox libvirt].freeze

    attr_reader :folder

    # `folder` is that of the Vagrantfile, `variables` a hash like ENV.
    def self.load(folder, variables)
      file = File.join(folder, FILE)
      new(folder, File.file?(file) ? read(file) : {}, from(variables))
    end

    def self.read(file)
      found = YAML.safe_load(File.read(file), filename: file) || {}
      raise Error, "#{file}: expected a mapping of settings" unless found.is_a?(Hash)

      unknown = found.keys - DEFAULTS.keys
      return found if unknown.empty?

      raise Error, "#{file}: there is no setting '#{unknown.first}'\n" \
                   "there are: #{DEFAULTS.keys.join(', ')}"
    rescue Psych::SyntaxError => e
      raise Error, "#{file}:#{e.line}: not YAML: #{e.problem}"
    end

    def self.from(variables)
      VARIABLES.each_with_object({}) do |(variable, key), found|
        value = variables[variable]
        next if value.nil? || value.empty?

        found[key] = value
      end
    end

    def initialize(folder, file = {}, variables = {})
      @folder = folder
      @values = DEFAULTS.merge(file).merge(variables)
      raise Error, "there is no provider '#{provider}'\nthere are: #{PROVIDERS.join(', ')}" unless
        PROVIDERS.include?(provider)
      raise Error, "working_copies: expected folders by their place in a kit" unless
        @values['working_copies'].is_a?(Hash)

      working_copies.each do |place, host|
        raise Error, "working_copies: #{place}: there is no folder #{host}" unless
          File.directory?(host)
      end
    end

    def environment = @values['environment'].to_s
    def provider = @values['provider'].to_s
    def box = @values['box']
    def cpus = whole('cpus', @values['cpus'])
    def converge? = !%w[false no 0].include?(@values['converge'].to_s)

    # Place in a kit => folder on this machine.
    def working_copies
      @values['working_copies'].transform_values { |path| File.expand_path(path, @folder) }
    end

    # MiB of a virtual machine with these roles, where a setting says so.
    def memory(roles)
      told = @values['memory']
      return whole('memory', told) unless told.is_a?(Hash)

      found = told.slice(*roles).map { |role, value| whole("memory: #{role}", value) }
      found.max
    end

    private

    def whole(key, value)
      Integer(value.to_s, 10).tap { |number| raise ArgumentError unless number.positive? }
    rescue ArgumentError
      raise Error, "#{key}: '#{value}' is not a whole number"
    end
  end
end
