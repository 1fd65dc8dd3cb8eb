# Everything runs in an environment of its own, .venv; PYTHON picks the interpreter it is made from.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run test lint types packaging bench kafka kafka-stop picture clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: .venv/core ## install and run the demo
	$(BIN)/varstream demo

test: .venv/dev ## run the tests
	$(BIN)/python -m pytest -m "not packaging" -n 2 --dist loadfile

lint: .venv/dev ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev ## check types
	$(BIN)/mypy
	cd deploy/kafka && ../../$(BIN)/mypy --scripts-are-modules kafka node.py

packaging: .venv/dev ## build the wheel and run it in an empty environment
	$(BIN)/python -m pytest -m packaging

bench: .venv/dev ## compare speeds with other packages on this machine
	$(BIN)/python -m tests.benchmarks

kafka: .venv/core ## start a real Apache Kafka (needs Java 17 and Maven)
	$(BIN)/python deploy/kafka/kafka start
	$(BIN)/python deploy/kafka/kafka topics create alerts classifications dead-letters

kafka-stop: .venv/core ## stop it
	$(BIN)/python deploy/kafka/kafka stop

picture: .venv/core ## draw the picture of the README anew
	$(BIN)/varstream picture --seed 6 --output docs/classification.svg

clean: ## remove the environment and everything built
	rm -rf .venv .cache dist deploy/kafka/target

.venv/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/core: .venv/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/dev: .venv/core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev,training]"
	@touch $@
