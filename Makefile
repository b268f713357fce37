# Every target sets up .venv by itself; a second run installs nothing.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test quick fuzz perf check docs clean

demo: .venv/installed
	$(BIN)/bench demo

# torch's waiting threads sleep instead of spinning: much faster wherever other work shares the cores
test quick fuzz: export OMP_WAIT_POLICY = passive

# on all cores; what compares times then has the machine for itself
test: .venv/installed
	$(BIN)/pytest --numprocesses auto --dist worksteal --ignore tests/perf/test_speed.py
	$(BIN)/pytest tests/perf/test_speed.py

# without what takes seconds
quick: .venv/installed
	$(BIN)/pytest --numprocesses auto --dist worksteal --ignore tests/perf/test_speed.py -m "not slow"

# 2,000 cases each of results, manifests, own tasks, cards, hub answers and files of readers
fuzz: export ETHOBENCH_FUZZ = 2000
fuzz: .venv/installed
	$(BIN)/pytest --numprocesses auto --dist worksteal -q \
		tests/test_fuzz.py tests/test_hub_fuzz.py tests/datasets/test_mutated_files.py

# the metrics at full size, then whole evaluations at 1, 10 and 100 times CalMS21 Task 1 (minutes, 4 GiB)
perf: .venv/installed
	ETHOBENCH_PERF=1 $(BIN)/pytest tests/perf --benchmark-columns=min,median,rounds
	$(BIN)/python tests/perf/linear.py

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_architecture.py
	$(BIN)/bench verify --results

# the documentation into docs/site; any link that leads nowhere is a fault
docs: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,docs]'
	$(BIN)/mkdocs build --strict -f docs/mkdocs.yml

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,plots,cluster,video,dev]'
	touch $@

clean:
	rm -rf .venv demo dist docs/site leaderboard/site
