# The two commands of a newcomer are `make train` and `make test`. Each sets up what is missing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests train test test-fast test-region test-faults kitchen rendered lint down clean

bin := .venv/bin
# With the rights of the group lxd, also before the next login of a new member.
run := deploy-kit/setup run
kit := $(run) $(bin)/deploy-kit
slow := nodes or train or vagrant

help: ## this list
	@echo 'A cloud as code, carried as a train: cut, deploy, check, record, promote.'
	@echo
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 22
	@echo
	@echo '  .venv/bin/deploy-kit --help     the same and more, one command at a time'

setup: ## install what is missing; start LXD and make its storage pool
	@deploy-kit/setup
	@$(kit) setup

setup-tests:
	@deploy-kit/setup --tests
	@$(kit) setup

train: setup ## from this clone's HEAD to production: image, release, three environments, checks
	@$(kit) image build
	@$(kit) release cut --no-commit
	@$(kit) env up --all
	@$(kit) train "$$($(kit) release cut --no-commit --json | sed -n 's/^ *"version": "\(.*\)".*/\1/p')"

test: setup-tests lint ## the whole test suite, tests on real nodes included
	@$(kit) image build
	@mkdir -p logs
	@echo "The log: $$(readlink -f logs)/test.log"
	@$(run) $(bin)/pytest -n 2 --dist loadgroup -m "not ($(slow) or region)" 2>&1 | tee logs/test.log
	@$(run) $(bin)/pytest -v -n 2 --dist loadfile --durations 15 -m "$(slow)" 2>&1 | tee -a logs/test.log

test-fast: ## the tests that need no nodes
	@deploy-kit/setup --tests
	@$(bin)/pytest -q -n 2 --dist loadgroup -m "not ($(slow) or region or lengthy)"

test-region: setup-tests ## a whole OpenStack region: from nothing, what a tenant gets, an upgrade
	@$(kit) image build
	@mkdir -p logs
	@$(run) $(bin)/pytest -v --durations 15 --junitxml logs/region.xml -m "region and not faults" tests/region 2>&1 \
	  | tee logs/region.log

test-faults: setup-tests ## a region whose nodes boot, whose parts are lost and come back; and `ha`
	@$(kit) image build
	@mkdir -p logs
	@$(run) $(bin)/pytest -v --durations 15 --junitxml logs/faults.xml -m faults tests/region 2>&1 \
	  | tee logs/faults.log
	@DEPLOYKIT_REGION_VARIANT=ha $(run) $(bin)/pytest -v --durations 15 --junitxml logs/ha.xml -m ha \
	  tests/region 2>&1 | tee logs/ha.log

rendered: ## what the work tree does to every node's states since SINCE (default: HEAD)
	@deploy-kit/setup --tests
	@PYTHONPATH=tests/support $(bin)/python tests/support/rendereddiff.py $(SINCE) $(ARGS)

kitchen: setup-tests ## the suites of states and roles: all, SUITE=mariadb, or SUITE=mariadb STEP=converge
	@cd kitchen && ../$(run) ../$(bin)/python -m runner $(SUITE) \
	  $(if $(STEP),--step $(STEP),--junit ../logs/kitchen.xml) $(ARGS)

lint: ## style, types, YAML
	@deploy-kit/setup --tests
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy

down: ## take every environment of this clone down
	@deploy-kit/setup
	@$(kit) env down --all

clean: ## forget caches and tools of this clone; environments stay
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis logs
