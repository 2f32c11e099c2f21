# Two commands matter: `make run` and `make test`. Both do all their set-up; neither needs root for what it must do.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# each file of tests runs whole in one of two workers; PARALLEL= runs them one after another
PARALLEL ?= -n 2 --dist loadfile
PORT ?= $(or $(CITYBRAIN_PORT),8050)
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test check bench clean

# one stamp per requirements file: nothing is installed twice, a change installs again
$(VENV)/.run-stamp: requirements.txt constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "需要 Python 3.11:没有找到 $(PYTHON);可用 make run PYTHON=/路径/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "$(VENV) 不是 Python 3.11;删掉它再试"; exit 1; }
	@echo "安装依赖(首次约一分钟)…"
	@$(BIN)/pip install -q --disable-pip-version-check uv==0.13.9
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/.dev-stamp: requirements-dev.txt $(VENV)/.run-stamp
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -r requirements-dev.txt -c constraints.txt
	@touch $@

run: $(VENV)/.run-stamp
	@CITYBRAIN_DEMO=$${CITYBRAIN_DEMO:-true} CITYBRAIN_PORT=$(PORT) exec $(BIN)/python app.py serve

test: $(VENV)/.dev-stamp
	@$(SHELL) deploy/test-system.sh
	@$(BIN)/python -m pytest -q $(PARALLEL) $(ARGS)

check: $(VENV)/.dev-stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy geodata hazards alerts dispatch layers layouts callbacks hub app.py

bench: $(VENV)/.dev-stamp
	@$(SHELL) deploy/test-system.sh
	@$(BIN)/python -m bench.all

clean:
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .hypothesis
