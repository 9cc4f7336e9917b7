# make help lists the targets. PYTHON chooses the interpreter (3.10 to 3.13); GPU=1 the CUDA ONNX Runtime.
PYTHON ?= python3
GPU ?=
PY := .venv/bin/python
SETUP := $(PYTHON) scripts/setup_environment.py --extras $(if $(GPU),gpu)

# What runs here talks to itself alone: a domain of this checkout, on this machine.
demo test bench: export ROS_DOMAIN_ID := $(shell printf '%s' '$(CURDIR)' | cksum | awk '{print 1 + $$1 % 100}')
demo test bench: export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
demo test bench: export ROS_LOG_DIR := $(CURDIR)/out/log

.PHONY: help python setup setup-test demo test bench lint format train-default tables clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo 'set-up: missing $(PYTHON): sudo apt-get install -y git make cmake g++ python3-dev python3-venv' >&2; \
	  exit 1; }

setup: python  ## make .venv: ROS 2 (or the sourced Jazzy), the messages, this package
	@$(SETUP)

setup-test: python  ## the same with what tests, training and linting need
	@$(SETUP) datasets train test lint rgb azure-kinect

demo: setup  ## teach a simulated person's actions to the robot and see them recognised
	@.venv/bin/skeleton-action demo

test: setup-test  ## run every test
	@$(PY) -m pytest -q

bench: setup  ## measure latency and throughput
	@$(PY) -m benchmarks

lint: setup-test  ## check style and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

format: setup-test  ## rewrite the code in the project's style
	@$(PY) -m ruff check --fix-only .
	@$(PY) -m ruff format .

train-default: setup-test  ## train, measure and export the model that ships (into out/models/default)
	@$(PY) -m training.train default
	@$(PY) -m training.measure out/training/default/checkpoint.pt --out out/training/default/card.json
	@$(PY) -m training.export out/training/default/checkpoint.pt \
	  --results out/training/default/card.json --out out/models/default --int8
	@$(PY) -m training.background out/models/default

tables: setup-test  ## bring the tables of training/README.md up to date with training/results
	@$(PY) -m training.table

clean:  ## remove what was built and written
	rm -rf .venv build install log out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
