"""The model: one weight per feature and a bias, trained by gradient descent."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


class LogisticModel:
    def __init__(self, width: int) -> None:
        self.weights = np.zeros(width + 1)

    def gradient_and_loss(self, features: np.ndarray, labels: np.ndarray) -> list[float]:
        """Gradient of each weight and of the bias, then the log loss: sums over the rows."""
        with_bias = np.column_stack([features, np.ones(len(labels))])
        logits = with_bias @ self.weights
        errors = 1 / (1 + np.exp(-logits)) - labels
        loss = np.sum(np.logaddexp(0, logits) - labels * logits)
        return [*(with_bias.T @ errors).tolist(), float(loss)]

    def step(self, gradient: list[float], rows: float, learning_rate: float) -> None:
        self.weights -= learning_rate * np.array(gradient) / rows

    def save(self, path: Path) -> None:
        *weights, bias = self.weights.tolist()
        path.write_text(json.dumps({"weights": weights, "bias": bias}))
