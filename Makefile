# The two commands of the README, and what they stand on. Everything lives inside the checkout.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo local test lint format clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.installed ## make .venv and install what the demo, the tests and the checks need

.venv/.installed: requirements.txt requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": pass PYTHON=python3.13, say") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

demo: setup ## start the embedded AWS, deploy, run a job, check its result, clean up
	$(BIN)/python local/demo.py

local: setup ## start the embedded AWS and stay in the foreground until Ctrl-C (KEEP=1 keeps S3)
	$(BIN)/python local/emulator.py $(if $(KEEP),--keep)

test: setup ## run all tests
	$(BIN)/python -m pytest

lint: setup ## ruff check, ruff format --check, mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy mr
	$(BIN)/mypy lambda-python

format: setup ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove everything that was made here
	rm -rf .venv .local .pytest_cache .mypy_cache .ruff_cache .hypothesis build
