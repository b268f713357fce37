"""The card of a data set: who made it, what it holds, what is missing, how long its bouts last."""

from bench.datacard.plot import bout_plot
from bench.datacard.survey import Survey, survey, survey_dataset, survey_stored

__all__ = ["Survey", "bout_plot", "survey", "survey_dataset", "survey_stored"]
