# frozen_string_literal: true

module DeployKit
  # What a person must hear about: Vagrant prints it without a backtrace.
  class Error < (defined?(Vagrant::Errors::VagrantError) ? Vagrant::Errors::VagrantError : StandardError)
    def initialize(told)
      @told = told
      super(told)
    end

    def error_message
      @told
    end

    def message
      @told
    end
  end
end
