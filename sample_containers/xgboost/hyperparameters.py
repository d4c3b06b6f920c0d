"""Hyperparameters of the built-in algorithm; SageMaker hands all of them over as text."""

import json
from dataclasses import dataclass

# Of the container, not of the library.
OWN = {"num_round", "early_stopping_rounds", "csv_weights", "eval_metric"}


@dataclass(frozen=True)
class Hyperparameters:
    num_round: int
    early_stopping_rounds: int | None
    has_csv_weights: bool
    booster: dict
    """What the library itself takes: objective, max_depth, eta and so on."""


def read_hyperparameters(given):
    """Raises ValueError where num_round is missing or is no positive number."""
    num_round = int(given.get("num_round", "0"))
    if num_round < 1:
        raise ValueError("the hyperparameter 'num_round' is needed, a positive number.")
    booster = {name: value for name, value in given.items() if name not in OWN}
    if "eval_metric" in given:
        booster["eval_metric"] = metric_names(given["eval_metric"])
    early = given.get("early_stopping_rounds")
    return Hyperparameters(num_round, int(early) if early else None, given.get("csv_weights") == "1", booster)


def metric_names(text):
    """From `auc`, `auc,error` or `["auc", "error"]`."""
    try:
        names = json.loads(text)
    except ValueError:
        names = text.split(",")
    return [name.strip() for name in names]
