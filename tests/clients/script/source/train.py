"""A script for the training toolkit: hyperparameters come as options, places as SM_* variables."""

import argparse
import json
import os
from pathlib import Path

import numpy
from reporting.summary import summarize  # one of `dependencies`

parser = argparse.ArgumentParser()
parser.add_argument("--ridge", type=float, default=0.0)
options = parser.parse_args()

host = os.environ["SM_CURRENT_HOST"]
files = sorted(Path(os.environ["SM_CHANNEL_TRAIN"]).glob("*.csv"))
rows = numpy.concatenate([numpy.loadtxt(file, delimiter=",") for file in files])
labels, features = rows[:, 0], rows[:, 1:]
weights = numpy.linalg.solve(
    features.T @ features + options.ridge * numpy.eye(features.shape[1]), features.T @ labels
)
print(summarize(host, json.loads(os.environ["SM_HOSTS"]), len(files), len(rows)))
Path(os.environ["SM_MODEL_DIR"], f"weights-{host}.json").write_text(json.dumps(weights.tolist()))
