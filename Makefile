# Everything runs in .venv, which the first target that needs it makes. A Docker Engine is used where one answers, else
# started for the time of the command (scripts/docker_engine.sh says what it does).
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ENGINE := scripts/docker_engine.sh run
PIP_COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
	--no-emit-trusted-host --no-emit-find-links
export CUSTOM_COMPILE_COMMAND := make lock

.DEFAULT_GOAL := help
.PHONY: help install check test test-clients serve demo bench samples image lock clean

help: ## Show this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 21

install: .venv/installed ## Make .venv with exactly what requirements-dev.lock lists

.venv/installed: requirements-dev.lock pyproject.toml scripts/install.sh
	@PYTHON=$(PYTHON) scripts/install.sh .venv
	@touch $@

check: install ## Check format, style, types, import floors and lengths
	$(BIN)/ruff format --check . sample_containers/*/{train,serve}
	$(BIN)/ruff check . sample_containers/*/{train,serve}
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_lengths.py

test: install ## Run all tests, with a real Docker Engine and a real MinIO
	$(ENGINE) scripts/test.sh $(ARGS)

test-clients: install ## Run the SDKs, the AWS CLI and others against the emulator, with a real Docker Engine
	$(ENGINE) scripts/test_clients.sh $(ARGS)

serve: install ## Run the emulator on 127.0.0.1:4567; options: make serve ARGS="--port 0"
	$(ENGINE) $(BIN)/sagemaker-emulator serve $(ARGS)

demo: install ## Train a model on two instances, deploy it, predict, and show every step
	$(ENGINE) $(BIN)/python scripts/demo.py $(ARGS)

bench: install ## Measure the emulator on this machine
	$(ENGINE) $(BIN)/python scripts/bench.py $(ARGS)

samples: install ## Build the images of sample_containers/
	$(ENGINE) $(BIN)/python scripts/images.py $(ARGS)

image: install ## Build the emulator's own image, sagemaker-training-emulator
	$(ENGINE) $(BIN)/python scripts/images.py --emulator

lock: install ## Choose the newest versions that pyproject.toml allows and write them to the lock files
	$(PIP_COMPILE) --upgrade --output-file requirements.lock pyproject.toml
	$(PIP_COMPILE) --upgrade --extra dev --build-deps-for editable --build-deps-for wheel \
		--output-file requirements-dev.lock pyproject.toml
	$(PIP_COMPILE) --upgrade --only-build-deps --build-deps-for wheel --output-file requirements-build.lock pyproject.toml

clean: ## Remove .venv, caches and build products
	rm -rf .venv build dist .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage
