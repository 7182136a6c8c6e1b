# `make help` lists the targets. Everything runs in .venv, which the first target that needs it builds.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE := 1
export HF_HUB_OFFLINE := 1

.DEFAULT_GOAL := help
.PHONY: help demo check test test-slow smoke agents frameworks litellm container bench docs docs-release notebooks lint fix build release clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

# Training needs torch, which the other tests must do without: an environment of its own.
$(VENV)-train/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)-train
	$(VENV)-train/bin/python -m pip install --quiet --disable-pip-version-check -e '.[train]' hypothesis pytest pytest-timeout pytest-xdist scipy \
		ipykernel matplotlib nbclient nbformat
	@touch $@

demo: $(VENV)/.ready ## set up, make a sample database and answer six questions on it
	@$(BIN)/ctxprune demo

test: $(VENV)/.ready-dev $(VENV)-train/.ready ## set up and run the tests, those that need torch in an environment of their own
	$(BIN)/python -m pytest -n 2 -q -m "not long"
	$(VENV)-train/bin/python -m pytest -n 2 -q tests/shrink tests/kv tests/test_ranked_questions.py tests/test_ranking_pairs.py -m "not long"

test-slow: $(VENV)/.ready-dev $(VENV)-train/.ready ## what make test leaves out: long forms, and the whole matrix of recipes
	$(BIN)/python -m pytest -n 2 -q -m long --ignore tests/shrink --ignore tests/kv
	$(VENV)-train/bin/python -m pytest -n 2 -q tests/shrink -m long

smoke: $(VENV)-train/.ready ## set up torch beside it and train a toy pruner, from data to weights that prune
	$(VENV)-train/bin/python -m pytest -q tests/train tests/cli/test_train_pruner.py

# LangChain's suites bring pytest plugins; the others, much that this project does not need.
SUITES_langchain := langchain langchain-classic langchain-tests
OPTIONS_langchain := -p no:codspeed -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function
TESTS_langchain := langchain sql_tools
TESTS_llama-index := test_llama_index.py test_example_scripts.py sql_tools
TESTS_haystack := test_haystack.py test_example_scripts.py sql_tools
TESTS_ray := test_ray.py test_example_scripts.py test_parquet.py test_arrow.py

# What proves that a framework was there: without it its tests would be skipped, and all would seem well.
IMPORT_langchain := langchain_tests
IMPORT_llama-index := llama_index.core
IMPORT_haystack := haystack
IMPORT_ray := ray
# Of these tests, those that `make test` skips for want of a package.
UNSEEN_langchain := langchain/test_standard_suites.py
UNSEEN_llama-index := $(TESTS_llama-index)
UNSEEN_haystack := $(TESTS_haystack)
UNSEEN_OPTIONS_llama-index := -k llama
UNSEEN_OPTIONS_haystack := -k haystack
RUN := TESTS

frameworks: framework-langchain framework-llama-index framework-haystack framework-ray ## set up an environment for each framework and run the tests against it

agents: ## of the frameworks for agents, the tests that make test skips; two at a time
	$(MAKE) --no-print-directory -j 2 --output-sync=target RUN=UNSEEN framework-langchain framework-llama-index framework-haystack

framework-%: pyproject.toml
	$(PYTHON) -m venv $(VENV)-$*
	$(VENV)-$*/bin/python -m pip install --quiet --disable-pip-version-check \
		-e '.[$*]' pytest pytest-timeout hypothesis $(SUITES_$*) && $(VENV)-$*/bin/python -c 'import $(IMPORT_$*)' \
		|| { echo 'the packages of $* cannot be installed, so that its tests cannot run' >&2; exit 1; }
	$(VENV)-$*/bin/python -m pytest -q $(OPTIONS_$*) $($(RUN)_OPTIONS_$*) $(addprefix tests/integrations/,$($(RUN)_$*))

# What a change is checked with while it is made: no server, browser, data, model run, fuzzing, threads or time limits.
FAST := tests/test_*.py tests/scorers tests/rag tests/sql/test_*.py tests/sql/trust tests/sql/account tests/cli/test_doctor.py
SLOW := test_bit_flips test_fuzz test_matrix test_moved test_readme test_tokens sql/test_guard_costs sql/test_guard_hidden \
	sql/test_guard_scopes sql/test_guard_stored_functions sql/test_database_hostile rag/test_bad_input rag/test_injection \
	rag/tables/test_large rag/test_markdown
check: lint ## lint and the fast tests, in under three minutes
	$(BIN)/python -m pytest -n 2 -q -m "not slow and not long and not data" $(FAST) $(SLOW:%=--ignore tests/%.py) \
		-k "not threads and not takes_no and not take_no and not random"

# The site's tools stay out of the other environments: nothing of ours imports them.
$(VENV)-docs/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check 'mkdocs>=1.6,<2' 'mkdocs-material>=9.7' 'mkdocstrings-python>=2.0' 'ruff>=0.8' 'mike>=2.2'
	@touch $@

docs: $(VENV)-docs/.ready ## build the documentation site into .site; a broken link or anchor fails
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --strict

docs-release: $(VENV)-docs/.ready ## VERSION=0.1 builds the site as one version of several on the local branch gh-pages; pushes nothing
	DOCS_TOOLS=$(abspath $(VENV)-docs/bin) .ci/docs-release $(VERSION)

notebooks: $(VENV)/.ready-dev $(VENV)-train/.ready ## run the notebooks of docs/notebooks and write their outputs
	$(BIN)/python -m benchmarks.report.notebooks
	$(VENV)-train/bin/python -m benchmarks.report.notebooks shrink_a_reranker kv_cache

BENCH := quality/passages quality/spider quality/linking quality/values_recall quality/html_pages quality/tables
bench: $(VENV)/.ready-dev ## the benchmarks behind the main tables, and which figures differ from the committed ones
	for script in $(BENCH); do $(BIN)/python benchmarks/$$script.py || exit 1; done
	$(BIN)/python benchmarks/report/changed.py

# Not the newest: the proxy extra of later releases pinned versions of litellm-enterprise, litellm-proxy-extras and litellm-proxy
# that were not to be had in November 2026.
litellm: $(VENV)/.ready-dev ## set up LiteLLM's proxy and run the tests that put it before the service
	$(PYTHON) -m venv $(VENV)-litellm
	$(VENV)-litellm/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: 'litellm[proxy]>=1.108,<1.108.8'
	CTXPRUNE_LITELLM_PYTHON=$(VENV)-litellm/bin/python $(BIN)/python -m pytest -n 0 -q tests/serve/test_litellm.py tests/serve/test_litellm_proxy.py

container: $(VENV)/.ready-dev ## as root on Debian: the image's steps and compose's services, without Docker, in a fresh root
	command -v debootstrap >/dev/null || apt-get -qq install --no-install-recommends debootstrap
	CTXPRUNE_CONTAINER=1 $(BIN)/python -m pytest -n 0 -q tests/container

lint: $(VENV)/.ready-dev ## ruff, mypy --strict by package, import-linter, codespell
	$(BIN)/ruff check ctxprune ctxprune/sql ctxprune/rag tests benchmarks examples
	$(BIN)/ruff format --check ctxprune ctxprune/sql ctxprune/rag tests benchmarks examples
	$(BIN)/mypy -p ctxprune
	$(BIN)/lint-imports
	$(BIN)/codespell ctxprune sql rag benchmarks docs *.md pyproject.toml

fix: $(VENV)/.ready-dev ## format and mend what ruff can mend
	$(BIN)/ruff check --fix ctxprune ctxprune/sql ctxprune/rag tests benchmarks examples
	$(BIN)/ruff format ctxprune ctxprune/sql ctxprune/rag tests benchmarks examples

build: $(VENV)/.ready-dev ## wheel and sdist into dist/
	$(BIN)/python -m build

release: $(VENV)-docs/.ready ## build, check the files, try the wheel in bare environments, SBOM and licences into dist/
	.ci/release

clean: ## remove the environment and build outputs
	rm -rf $(VENV) $(VENV)-* dist build .site
