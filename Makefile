# The two commands of a newcomer are `make train` and `make test`. Each sets up what is missing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests train train-region test test-plain test-fast test-core test-core-beside \
  test-all test-due test-disturbed test-train test-nodes test-secrets test-pods test-gerrit test-zuul \
  test-jenkins test-browser gate-demo test-static test-vagrant test-region test-pools test-openstack \
  test-train-region test-faults test-ha kitchen \
  rendered lint hooks down clean

bin := .venv/bin
# With the rights of the group lxd, also before the next login of a new member.
run := deploy-kit/setup run
kit := $(run) $(bin)/deploy-kit
region := $(kit) --site deploy-kit/sites/region
slow := nodes or train or pods or gerrit or zuul or java or browser or vagrant or region or disturbed
# Of a slow suite: its name, its words for pytest, its words for the node image. What it printed is in
# logs/NAME.log too.
define suite
$(kit) image build $(3)
mkdir -p logs
$(run) $(bin)/pytest -v --durations 15 --junitxml logs/$(1).xml $(2) 2>&1 | tee -i logs/$(1).log
endef

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

train-region: setup ## the same with whole clouds, of deploy-kit/sites/region: 17 GiB of memory
	@$(region) doctor --train
	@$(region) image build
	@$(region) release cut --no-commit
	@$(region) env up --all
	@$(region) train "$$($(region) release cut --no-commit --json | sed -n 's/^ *"version": "\(.*\)".*/\1/p')"

test: setup-tests lint ## all that needs no nodes, and the slow core: LXD, a small train, two of the kitchen
	@mkdir -p logs
	@echo "The logs: $$(readlink -f logs)/test.log; of the slow core beside it, told at the end, core-all.log"
	@$(kit) image build
	@$(MAKE) --no-print-directory -j 2 test-plain test-core-beside && failed= || failed=1; \
	  tail -n 30 logs/core-all.log; test -z "$$failed"

# Nodes wait a good part of their time, so both together take little longer than the longer one.
test-plain:
	@$(run) $(bin)/pytest -n 2 --dist loadgroup -m "not ($(slow))" 2>&1 | tee -i logs/test.log

test-core-beside:
	@$(MAKE) --no-print-directory test-core >logs/core-all.log 2>&1 || \
	  { echo 'The slow core failed: logs/core-all.log'; exit 1; }

test-core: setup-tests ## the slow core alone: LXD, a train of one small environment, two of the kitchen
	@$(call suite,core,-n 2 --dist loadfile -m core)
	@$(MAKE) --no-print-directory kitchen SUITE="$$($(bin)/python -m deploykit.affected core)"

test-fast: ## the tests that need no nodes
	@deploy-kit/setup --tests
	@$(bin)/pytest -q -n 2 --dist loadgroup -m "not ($(slow) or lengthy)"

test-all: setup-tests ## everything; what passed at this commit is not run again, so it goes on
	@$(bin)/python -m deploykit.affected all

test-due: setup-tests ## only say which slow suites are due on this machine, and why
	@$(bin)/python -m deploykit.affected due

rendered: ## what the work tree does to every node's states since SINCE (default: HEAD)
	@deploy-kit/setup --tests
	@PYTHONPATH=tests/support $(bin)/python tests/support/rendereddiff.py $(SINCE) $(ARGS)

test-disturbed: setup-tests ## slow suite: the train killed and failed at every step, then called again
	@mkdir -p logs
	@$(bin)/pytest -v -n 2 --junitxml logs/disturbed.xml -m disturbed tests/unit 2>&1 | tee -i logs/disturbed.log

test-train: setup-tests ## slow suite: the whole line, and what goes wrong on it
	@$(call suite,train,tests/integration/test_train.py)

test-care: setup-tests ## slow suite: drift, two environments compared, a rollback that brings data back
	@$(call suite,care,tests/integration/test_care.py)

test-nodes: setup-tests ## slow suite: the content on small environments, the image layer, vendor packages
	@$(call suite,nodes,-n 2 --dist loadfile -m "nodes and not (core or train)")

test-jenkins: setup-tests ## slow suite: the Jenkinsfile executed, its Groovy linted (Java, Maven, npm)
	@mkdir -p logs
	@$(bin)/pytest -v --junitxml logs/jenkins.xml -m java tests/unit/jenkins 2>&1 | tee -i logs/jenkins.log

test-browser: setup-tests ## slow suite: the web pages in Chromium: keyboard, phone, dark, no script, axe
	@mkdir -p logs
	@$(bin)/pytest -v --junitxml logs/browser.xml -m browser tests/unit/deploykit/web 2>&1 | tee -i logs/browser.log

test-secrets: setup-tests ## slow suite: secrets exported, restored, rotated
	@$(call suite,secrets,tests/integration/test_secrets.py)

test-pods: setup-tests ## slow suite: disposable copies of an environment, made from prepared nodes
	@$(call suite,pods,tests/integration/test_pods.py)

test-pools: setup-tests ## slow suite: pods made ahead of who asks, given, taken back, protected
	@$(call suite,pools,tests/integration/test_pools.py)

test-gerrit: setup-tests ## slow suite: the merge gate on a real Gerrit
	@$(call suite,gerrit,tests/integration/test_gate_demo.py tests/integration/test_gate_gerrit.py)

test-zuul: setup-tests ## slow suite: gate export-zuul, loaded by Zuul's own loader
	@mkdir -p logs
	@$(bin)/pytest -v --junitxml logs/zuul.xml tests/integration/test_gate_zuul.py 2>&1 | tee -i logs/zuul.log

gate-demo: setup-tests ## a real Gerrit, eight changes, a queue that resolves them, a release from its pins
	@PYTHONPATH=tests/support $(bin)/python tests/support/gatedemo.py

test-static: setup-tests ## slow suite: machines that are there, taken in, deployed to, another Salt
	@$(call suite,static,tests/integration/test_static.py tests/integration/test_salt_upgrade.py)

test-openstack: setup-tests ## slow suite: a region of our own as a cloud, nodes that are its servers
	@$(call suite,openstack,tests/region/test_region_as_cloud.py,--layer)

test-vagrant: setup-tests ## slow suite: a region in Vagrant's containers
	@$(call suite,vagrant,tests/integration/test_vagrant.py)

test-region: setup-tests ## slow suite: a whole OpenStack region, what a tenant gets, an upgrade
	@$(call suite,region,-m "region and not (faults or train)" tests/region,--layer)

test-faults: setup-tests ## slow suite: a region whose nodes boot, whose parts are lost and come back
	@$(call suite,faults,-m faults tests/region,--layer)

test-train-region: setup-tests ## slow suite: three regions on the train, and instances that notice nothing
	@$(call suite,train-region,tests/region/test_train_region.py,--layer)

test-ha: export DEPLOYKIT_REGION_VARIANT := ha
test-ha: setup-tests ## slow suite: three controllers, of which any may be lost
	@$(call suite,ha,-m ha tests/region,--layer)

kitchen: setup-tests ## slow suites: states and roles: all, SUITE=mariadb, or SUITE=mariadb STEP=converge
	@cd kitchen && ../$(run) ../$(bin)/python -m runner $(SUITE) \
	  $(if $(STEP),--step $(STEP),--junit ../logs/kitchen.xml) $(ARGS)

lint: ## style, types, and which room may use which
	@deploy-kit/setup --tests
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy
	@PYTHONPATH=tests/support $(bin)/lint-imports --no-cache --no-logo

hooks: ## git hooks of this clone and its worktrees: Change-Id, lint of what is pushed
	@now=$$(git config --get core.hooksPath || true); \
	if [ -n "$$now" ] && [ "$$now" != .githooks ]; then \
	  echo "core.hooksPath is $$now already; if these shall count: git config core.hooksPath .githooks" >&2; \
	  exit 1; \
	fi
	@git config core.hooksPath .githooks
	@echo 'a commit gets its Change-Id, and what is pushed is linted; git review sends it to Gerrit'

down: ## take every environment of this clone down
	@deploy-kit/setup
	@$(kit) env down --all
	@$(region) env down --all

clean: ## forget caches and tools of this clone; environments stay
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis logs
