# Two commands matter: `make book` and `make test`. Each installs what is missing first.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: book test lint execute reference bench release constraints clean help
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

book: $(INSTALLED) ## build the site from the stored outputs; prints where it is
	$(BIN)/python tools/vendor.py
	rm -rf _build/html
	$(BIN)/jupyter-book build . --all -W --keep-going -n -q
	@echo "The book is at _build/html/index.html"

test: $(INSTALLED) lint ## everything: style, unit tests, every notebook, every page in a browser
	$(BIN)/python -m pytest

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell

execute: $(INSTALLED) ## run the notebooks of the book on the real data and store their outputs
	$(BIN)/python tools/execute.py $(NOTEBOOK)

reference: $(INSTALLED) ## the longer runs that the book plots; resumes after an interruption
	$(BIN)/python -m experiments.baselines --profile reference
	$(BIN)/python -m experiments.structured_sparsity --profile reference
	$(BIN)/python -m experiments.intrinsic_sparsity --profile reference
	$(BIN)/python -m experiments.low_rank --profile reference
	$(BIN)/python -m experiments.terngrad --profile reference
	$(BIN)/python -m experiments.smoothout --profile reference
	$(BIN)/python -m experiments.capstone --profile reference

bench: $(INSTALLED) ## times of the methods beside their limits and other projects; needs a quiet machine
	$(BIN)/python -m pip install -q -r requirements-bench.txt
	$(BIN)/python -m experiments.benchmarks.structured_sparsity
	MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=4294967296 $(BIN)/python -m \
		experiments.benchmarks.structured_sparsity --output experiments/benchmarks/results/structured_sparsity_memory_kept.json
	$(BIN)/python -m experiments.benchmarks.intrinsic_sparsity
	$(BIN)/python -m experiments.benchmarks.terngrad
	$(BIN)/python -m experiments.benchmarks.bandwidth
	$(BIN)/python -m experiments.benchmarks.low_rank
	$(BIN)/python -m experiments.benchmarks.smoothout

release: $(INSTALLED) ## the students' archive of labs, package and instructions, in _build/release
	$(BIN)/python -m grading archive

constraints: $(INSTALLED) ## resolve the pins anew, for Python 3.11 and newer and every system
	$(BIN)/python -m pip install -q uv==0.13.9
	grep -v '^-' requirements.txt | $(BIN)/uv pip compile - --universal --python-version 3.11 \
		--no-annotate --no-header -q -o constraints.txt

clean: ## remove what was built, not what was installed
	rm -rf _build book/_static/vendor node_modules

$(INSTALLED): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -r requirements.txt
	@touch $(INSTALLED)
