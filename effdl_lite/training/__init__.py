"""One training step with five places, `fit`, which runs it, and what tells how good the result is."""

from effdl_lite.training.evaluate import accuracy, evaluating, perplexity
from effdl_lite.training.fit import History, constant_then_linear, fit, warmup_then_linear
from effdl_lite.training.losses import classification_loss, language_model_loss
from effdl_lite.training.step import Method, TrainingDiverged, training_step

__all__ = [
    "History",
    "Method",
    "TrainingDiverged",
    "accuracy",
    "classification_loss",
    "constant_then_linear",
    "evaluating",
    "fit",
    "language_model_loss",
    "perplexity",
    "training_step",
    "warmup_then_linear",
]
