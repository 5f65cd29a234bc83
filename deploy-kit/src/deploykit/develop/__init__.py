"""The working copy on a development environment, without a release."""
