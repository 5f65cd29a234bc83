# frozen_string_literal: true

require 'json'
require 'open3'
require_relative 'errors'

module DeployKit
  # An environment file as deploy-kit understands it: one reader of that schema is enough.
  module Topology
    module_function

    # Asks deploy-kit once per environment, however often Vagrant reads its Vagrantfile.
    def of(settings)
      @known ||= {}
      @known[settings.environment] ||= read(settings)
    end

    def read(settings)
      told, errors, status = Open3.capture3(
        Kit.environment(settings.folder), *Kit.command(settings), 'vagrant', 'topology', settings.environment
      )
      raise Error, errors.strip.sub(/\Aerror: /, '') unless status.success?

      JSON.parse(told)
    end
  end

  # The deploy-kit of this checkout, installed by its own setup where it is missing.
  module Kit
    module_function

    def command(settings)
      root = File.dirname(settings.folder)
      program = File.join(root, '.venv', 'bin', 'deploy-kit')
      install(settings.folder, root) unless File.executable?(program)
      setup = File.join(root, 'deploy-kit', 'setup')
      words = [setup, 'run', program] # with the rights of the group lxd, before the next login too
      words += ['--site', File.join(root, 'deploy-kit')] unless ENV['DEPLOY_KIT_SITE']
      words
    end

    def install(folder, root)
      setup = File.join(root, 'deploy-kit', 'setup')
      system(environment(folder), setup, '--vagrant', out: :err) ||
        raise(Error, "deploy-kit cannot be installed\nlook at what #{setup} said")
    end

    # Vagrant's own Ruby settings are not for other programs; `folder` is the Vagrantfile's.
    def environment(folder)
      { 'VAGRANT_CWD' => folder,
        'RUBYOPT' => nil, 'RUBYLIB' => nil, 'GEM_HOME' => nil, 'GEM_PATH' => nil }
    end

    # Runs deploy-kit before the person's eyes. Raises Error where it fails.
    def run(settings, *words)
      system(environment(settings.folder), *command(settings), 'vagrant', *words) ||
        raise(Error, "deploy-kit vagrant #{words.join(' ')} failed; what it said is above")
    end
  end
end
