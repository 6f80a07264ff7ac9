# Everything a developer does here. Needs make and any Python from 3.9; `make help` lists the targets.

SHELL := /bin/sh
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)/layers/shared/python:$(CURDIR)
# sam validates without an account; without these it looks for one, slowly.
export AWS_DEFAULT_REGION ?= eu-central-1
export AWS_EC2_METADATA_DISABLED := true
export SAM_CLI_TELEMETRY := 0

COMPILE := uv pip compile -q --universal --python-version 3.13 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

CHECKOV := .local/checkov
DOCS := .local/docs

.DEFAULT_GOAL := help
.PHONY: $(shell awk -F: '/^[a-z-]+:/ {print $$1}' $(firstword $(MAKEFILE_LIST)))

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:
	@$(PYTHON) tools/bootstrap.py
	@$(PYTHON) -m tools.console_build

run: setup ## Start everything here, log each request, stop with Ctrl-C (NEIGHBOURS=1 adds user, billing and notification services)
	@python -m tools.region run

up: setup ## Start everything in the background; URL and tokens are then in .local/env
	@python -m tools.region up

demo: setup ## Play a day of five minutes against the running region, and prove what it told (ARGS=--fast)
	@python -m tools.demo $(ARGS)

down: ## Stop what `make up` started
	@if [ -x .venv/bin/python ]; then python -m tools.region down; fi

status: setup ## Say which parts run
	@python -m tools.region status

logs: setup ## Print what the functions logged last (GREP=text chooses lines)
	@python -m tools.region logs

test: setup ## Run all tests (ARGS="-k name" chooses)
	@python -m pytest -n 2 --dist loadgroup tests clients/python/tests $(ARGS)

model: setup ## Compare Postgres with the model for ten times as long as `make test` does, on new examples
	@python -m pytest -q --hypothesis-profile=long tests/model -k model_says $(ARGS)

plans: setup ## Hold every query's plan at 1 M devices and 10 M allocations (fills .local/plans once: 20 GB, 5 to 15 minutes; ARGS="-k name")
	@PLANS_SCALE=large python -u -m pytest -v -s tests/integration/test_query_plans.py $(ARGS)

mutation: setup ## Put small bugs into the domain, see the unit tests fail, write docs/mutation.md (ARGS=--check compares)
	@python -m tools.mutation $(ARGS)

lint: setup ## Check format, lint rules, types, unsafe code, secrets and licences
	@ruff format --check .
	@ruff check .
	@mypy layers/shared/python/scheduler tools
	@mypy --config-file clients/python/pyproject.toml clients/python/src
	@python -m tools.supply check

format: setup ## Format the code and fix what can be fixed
	@ruff format .
	@ruff check --fix .

fault: setup ## Break everything that can break and prove what comes of it (about an hour; ARGS=--short, --only, --seed)
	@python -m tests.fault $(if $(ARGS),$(ARGS),--write)

fuzz: setup ## Send odd requests to a region of its own for ten minutes, and watch what they do to it (ARGS=--short, --seed)
	@python -m tests.fuzz $(ARGS)

soak: setup ## Run a million operations and watch what grows (goes on where it was stopped; ARGS=--new)
	@python -m tests.soak $(ARGS)

demo-test: setup ## Play two demos at once on a region of their own, and see that all they tell is true
	@DEMO_TEST=1 python -m pytest -q tests/demo $(ARGS)

console-test: setup ## Test the console in a real Chromium, with axe and Lighthouse (installs them: Chromium needs root and apt; four minutes)
	@python -m tools.browser $(ARGS)

screenshots: setup ## Take the pictures of docs/images/console from the region that `make up` started
	@python -m tools.browser --screenshots

client-test: setup ## Install clients/python where nothing else is, and use it against a region of its own (about three minutes)
	@CLIENT_TEST=1 python -m pytest -q tests/client $(ARGS)

lifecycles: setup ## Live 10,000 lives of allocations under kills and redeliveries, and compare the books (about 10 minutes)
	@python -m tests.lifecycles $(ARGS)

bench: setup ## Measure how fast it is, write docs/performance.md (up to an hour, goes on where it was stopped; ARGS=--quick: five minutes)
	@python -m benchmarks $(ARGS)

bloat: setup ## Watch tables and indexes through 5 million cycles with cleanup (about 45 minutes; ARGS="--cycles 100000", ARGS=--variations)
	@python -m benchmarks.bloat $(ARGS)

connections: setup ## Put 50 to 500 environments before 50 connections, and write docs/connections.md (ten minutes; ARGS=--help)
	@python -m benchmarks.crowd $(ARGS)

sam-local: setup ## Invoke every function in a container with the samples of events/
	@tools/sam_local/run.sh

proxy-test: setup ## Run the functions behind PgBouncer, ARGS=--suite all integration tests (installs it where it is missing: needs root and apt)
	@python -m tools.pgbouncer $(ARGS)

migrate: setup ## Bring a database to the newest schema: make migrate DATABASE_URL=postgresql://…
	@python -m tools.migrate

rotate-cursor-key: setup ## Begin a new key for cursors: make rotate-cursor-key DATABASE_URL=postgresql://… (ARGS=--retire)
	@python -m tools.rotate_cursor_key $(ARGS)

redrive: setup ## Send parked messages back to their queue: make redrive QUEUE=EventsIn (ARGS=--help)
	@python -m tools.redrive $(QUEUE) $(ARGS)

repair-quota: setup ## Make usage rows right that the audit names: make repair-quota DATABASE_URL=… (ARGS=--apply)
	@python -m tools.repair_quota $(ARGS)

publish-model: setup ## Have devices' records kept by a trained placement model: make publish-model MODEL=model.json DATABASE_URL=…
	@python -m tools.publish_model $(MODEL) $(ARGS)

adopt: setup ## Take a fleet and its lending over from another system: make adopt FROM=… DATABASE_URL=… (docs/adopting.md; ARGS=--help)
	@FROM="$(FROM)" python -m tools.adopt $(ARGS)

scale: setup ## Say what one database carries and what dividing it costs (docs/scale.md; ARGS=--help)
	@python -m tools.scale $(ARGS)

simulate: setup ## Play days of lending on the production services and compare strategies (TRACE=path replays a CSV; ARGS=--help)
	@python -m tools.simulate $(if $(TRACE),--trace "$(TRACE)") $(ARGS)

train: setup ## Learn the placement model from simulated runs, or from DATABASE_URL (ARGS=--help)
	@$(if $(DATABASE_URL),DATABASE_URL="$(DATABASE_URL)") python -m tools.train $(ARGS)

placement: setup ## Evaluate the learned placement in simulated days and write docs/placement.md (ARGS=--help)
	@python -m tools.placement $(ARGS)

cost: setup ## Say what it costs a month, and a million allocations (ARGS=--help)
	@python -m tools.cost $(ARGS)

lock: setup ## Compile the locked requirements from requirements/*.in
	@$(COMPILE) requirements/runtime.in -o layers/shared/python/requirements.txt
	@$(COMPILE) requirements/dev.in -o requirements/dev.txt
	@$(COMPILE) -c requirements/dev.txt requirements/browser.in -o requirements/browser.txt
	@$(COMPILE) requirements/checkov.in -o requirements/checkov.txt
	@$(COMPILE) requirements/docs.in -o requirements/docs.txt

sbom: setup ## Write docs/sbom.json (what the layer is made of) and docs/licences.md
	@python -m tools.supply write

console: setup ## Build the operations console, or say why it cannot be (make setup does, and goes on without)
	@$(PYTHON) -m tools.console_build --strict

openapi: setup ## Write docs/openapi.json from the code
	@python -m tools.openapi

schema: setup ## Write docs/schema.sql from the migrations
	@python -m tools.schema_dump

build: setup ## Build what `sam deploy` deploys, the layer compiled (ARGS="--config-env prod")
	@sam build $(ARGS)
	@python -m tools.byte_code

template: setup ## Check template.yaml and build it as for a deployment
	@sam validate --lint
	@cfn-lint template.yaml
	@$(MAKE) --no-print-directory build
	@python -m tools.artefacts

checkov: setup $(CHECKOV)/.ready ## Hold template.yaml against common mistakes (installs checkov into .local; .checkov.yaml says what it leaves out)
	@$(CHECKOV)/bin/checkov --config-file .checkov.yaml

$(CHECKOV)/.ready: requirements/checkov.txt | setup
	@uv venv -q --clear --python .venv/bin/python $(CHECKOV)
	@uv pip install -q --python $(CHECKOV)/bin/python --require-hashes -r requirements/checkov.txt
	@touch $@

docs: setup $(DOCS)/.ready ## Make the documents a site in .local/site/html (ARGS=--serve shows it)
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/python -m tools.site $(ARGS)

$(DOCS)/.ready: requirements/docs.txt | setup
	@uv venv -q --clear --python .venv/bin/python $(DOCS)
	@uv pip install -q --python $(DOCS)/bin/python --require-hashes -r requirements/docs.txt
	@touch $@

clean: down ## Remove everything generated, .venv too
	@rm -rf .venv .local .aws-sam functions/console/static .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
