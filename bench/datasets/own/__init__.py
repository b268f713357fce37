"""Own tasks: a lab's recordings, declared in ten lines of TOML.

[dataset]
name = "mylab"                                             # the name of the task from then on
fps = 30
image = [1280, 1024]                                       # pixels, width and height
poses = { format = "deeplabcut", files = "poses/*.csv" }   # or sleap, movement, simba, none
labels = { format = "boris", files = "labels/*.csv" }      # or caltech, bento, simba, frames
classes = ["attack", "mount", "other"]
background = "other"                                       # holds where no other class does
test = ["m07", "m08"]                                      # groups or recordings; all others train

Optional: groups = "groups.csv" (recording,group), val = [...], split = "split.csv" (recording,subset[,part])
instead of test and val, overlap = true (classes may hold together), tolerance = 60 (frames by which labels
and poses may differ), folder (of the recordings; else that of the file), title, question, licence, citation,
url; of labels channel, subject, times, ignore = [...]; of poses animals = [...].

A recording is named by what `{recording}` stands for in a pattern, else by its file's name, of DeepLabCut's
files the part before "DLC_"; in lower case, each run of spaces and dots one "_". `bench add` reads, checks
and freezes all of it; then the name is that of a task.
"""

from bench.datasets.own.declaration import Declaration, Files, read_declaration
from bench.datasets.own.memory import task_of
from bench.datasets.own.reading import read, skeleton
from bench.datasets.own.sources import Sources, find
from bench.datasets.own.splitting import Choice, choose, freeze
from bench.datasets.own.tasks import OwnTask, own_path, own_task, own_tasks, to_json

__all__ = [
    "Choice",
    "Declaration",
    "Files",
    "OwnTask",
    "Sources",
    "choose",
    "find",
    "freeze",
    "own_path",
    "own_task",
    "own_tasks",
    "read",
    "read_declaration",
    "skeleton",
    "task_of",
    "to_json",
]
