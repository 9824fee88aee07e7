# One command each; every target first brings the tools it needs (see local/bootstrap.sh).
.DEFAULT_GOAL := help
.PHONY: help bootstrap run stop status logs reset demo test check format lock client bench chaos costs synth diff deploy

PYTHON := .venv/bin/python
CDK := PATH=$(CURDIR)/.tools/bin:$$PATH .tools/bin/cdk
export PYTHONPATH := $(CURDIR):$(CURDIR)/layers/common/python:$(CURDIR)/containers

help: ## show this text
	@echo "Huntaze: the whole cloud on one machine, and the way to AWS."
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s%s\n", $$1, $$2}'
	@echo
	@echo "Settings (environment or command line), for a second cloud beside the first:"
	@echo "  HUNTAZE_DATA=.local        where the cloud keeps its data and logs"
	@echo "  HUNTAZE_PORT_BASE=4566     first port: AWS; then Postgres, fan platform, model provider"
	@echo "  AWS_PORT, POSTGRES_PORT, FAN_PLATFORM_PORT, MODEL_PROVIDER_PORT, STRIPE_PORT,"
	@echo "  IDENTITY_PROVIDER_PORT     one each"
	@echo "  SFN_WAIT_SCALE=1           factor for the waits of the state machines"
	@echo "  STRIPE_API_KEY             a key of Stripe's test mode, in place of the stand-in"
	@echo "  OPENAI_API_KEY             OpenAI itself, in place of the stand-in for models; OPENAI_BASE_URL"
	@echo "  AZURE_OPENAI_API_KEY, AZURE_OPENAI_ENDPOINT   the same for Azure OpenAI"
	@echo "  CHROMIUM_EXECUTABLE        the browser to use; found or fetched when not set"
	@echo
	@echo "Example:  make run HUNTAZE_DATA=/tmp/huntaze-2 HUNTAZE_PORT_BASE=4600"

bootstrap:
	@sh local/bootstrap.sh

run: bootstrap ## start or update the local cloud, then run the demo on it
	@$(PYTHON) -m local run

stop: bootstrap ## end every process of the local cloud
	@$(PYTHON) -m local stop

status: bootstrap ## show its processes, their ports, memory and health
	@$(PYTHON) -m local status || true

logs: bootstrap ## follow all of its log files
	@$(PYTHON) -m local logs

reset: bootstrap ## end every process and delete the data folder
	@$(PYTHON) -m local reset

# The message as it was typed: neither make nor the shell may read a dollar sign in it.
demo: bootstrap ## run the demo again: FANS= TRANSACTIONS= MESSAGE= RATE= MIN_GAP=
	@$(PYTHON) -m local.demo \
		$(if $(FANS),--fans "$(FANS)") $(if $(TRANSACTIONS),--transactions "$(TRANSACTIONS)") \
		$(if $(value MESSAGE),--message '$(subst ','\'',$(value MESSAGE))') \
		$(if $(RATE),--rate "$(RATE)") $(if $(MIN_GAP),--min-gap "$(MIN_GAP)")

# The end-to-end tests and the stacks take longest: they come early, each in one process.
test: bootstrap ## run every test; the end-to-end tests start a cloud of their own
	@$(PYTHON) -m pytest tests -n 3 --no-loadscope-reorder

check: bootstrap ## format, lint, types, import rules
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@$(PYTHON) -m local.openapi --check
	@$(PYTHON) -m local.rights --check

format: bootstrap ## put every file into the one format
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

# The locks name no index, so that they are the same wherever they are made.
LOCK := .tools/uv/bin/uv pip compile --quiet --python-version 3.13 --universal --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links

lock: bootstrap ## lock the dependencies anew, with hashes
	@$(LOCK) requirements.in -o requirements.txt
	@$(LOCK) -c requirements.txt layers/dependencies/requirements.in -o layers/dependencies/requirements.txt
	@$(LOCK) -c requirements.txt containers/browser_worker/requirements.in -o containers/browser_worker/requirements.txt

client: bootstrap ## generate the types of the TypeScript client from docs/openapi.json
	@.tools/bin/node .tools/client/node_modules/openapi-typescript/bin/cli.js \
		docs/openapi.json -o client/schema.d.ts

bench: bootstrap ## measure the figures that must hold, in short form
	@$(PYTHON) -m bench

chaos: bootstrap ## break things while a campaign runs, in short form
	@$(PYTHON) -m chaos

NEEDS_STAGE = $(if $(STAGE),,$(error name the stage: make $@ STAGE=dev))

synth: bootstrap ## write the templates of a stage to cdk.out: make synth STAGE=dev
	@$(NEEDS_STAGE)$(CDK) synth --all --quiet -c stage=$(STAGE)

# Templates are compared, no change set is made: reading them is all that this needs.
diff: bootstrap ## show what a deployment would change: make diff STAGE=dev
	@$(NEEDS_STAGE)$(CDK) diff --all --method template -c stage=$(STAGE)

costs: bootstrap ## what each stage costs a month, from its templates and a price list
	@$(PYTHON) -m operations.costs

deploy: bootstrap ## deploy every stack to AWS: make deploy STAGE=dev
	@$(NEEDS_STAGE)$(CDK) deploy --all $(if $(APPROVAL),--require-approval $(APPROVAL)) -c stage=$(STAGE)
