# The two commands of the README, and what they stand on. Everything lives inside the checkout.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup browser demo local play aws-check test testall bench lint format lock audit clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.installed ## make .venv and install what the demo, the tests and the checks need

.venv/.installed: requirements-dev.lock
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": pass PYTHON=python3.13, say") if sys.version_info < (3, 11) else None'
	@echo "Making .venv, with what requirements-dev.lock names: about half a minute ..."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@# pip's script for aws does not start in a path with a space: this one does
	printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m awscli "$$@"\n' > $(BIN)/aws
	touch $@

demo: setup ## start the embedded AWS, deploy, run a job, check its result, clean up
	$(BIN)/python local/demo.py

play: setup ## start the embedded AWS with buckets, functions and input, until Ctrl-C (KEEP=1 keeps them)
	$(BIN)/python local/sandbox.py --data $(if $(KEEP),--keep)

local: setup ## the same without input
	$(BIN)/python local/sandbox.py $(if $(KEEP),--keep)

aws-check: setup ## check everything on your own account, for some cents: BUCKET=NAME [PROFILE=NAME] [REGION=NAME]
	$(BIN)/python local/awscheck.py $(if $(PROFILE),--profile "$(PROFILE)") $(if $(REGION),--region "$(REGION)") "$(BUCKET)"

browser: # Debian's Chromium, for the tests of pages; without it they are skipped, loudly
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null \
	|| if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	then apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium chromium-driver >/dev/null; \
	else false; fi \
	|| echo "NO BROWSER: the tests of pages are skipped. Install chromium and chromium-driver." >&2

test: setup browser ## run the tests
	$(BIN)/python -m pytest

testall: setup browser ## run the slow tests too, and more random runs: some 20 minutes
	$(BIN)/python -m pytest -m "" --hypothesis-profile=long

bench: setup .venv-bench/.installed ## measure everything and write docs/benchmarks.md
	$(BIN)/python benchmarks/bench.py

.venv-bench/.installed: benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	touch $@

lint: setup ## ruff check, ruff format --check, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy mr
	$(BIN)/mypy lambda-python
	$(BIN)/mypy setup

format: setup ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv-lock/.installed ## write requirements-dev.lock anew: the newest that requirements-dev.txt allows
	.venv-lock/bin/uv pip compile --no-config --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header requirements-dev.txt -o requirements-dev.lock

audit: .venv-lock/.installed ## look for known faults of what requirements-dev.lock names
	.venv-lock/bin/pip-audit --strict --no-deps --disable-pip -r requirements-dev.lock

.venv-lock/.installed:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.9,<1" "pip-audit>=2.9,<3"
	touch $@

clean: ## remove everything that was made here
	rm -rf .venv .venv-bench .venv-lock .local .pytest_cache .mypy_cache .ruff_cache .hypothesis build
