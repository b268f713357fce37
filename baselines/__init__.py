"""The baselines: models that the benchmark trains itself, so that rivals meet under the same rule.

`contract.py` says what a model is told and gives back; `models/` holds the models and their list; `runs/`
trains them: `from baselines.runs.train import train`. Nothing is imported here.
"""
