"""The networks of the course, in plain PyTorch: nothing here knows of any method."""

from effdl_lite.models.image import MLP, CifarNet, CifarResNet, ConvNet, LeNet
from effdl_lite.models.language import LSTMLanguageModel, RecurrentHighwayNetwork, plain_lstm_layers
from effdl_lite.models.mode import evaluation_mode

__all__ = [
    "MLP",
    "CifarNet",
    "CifarResNet",
    "ConvNet",
    "LSTMLanguageModel",
    "LeNet",
    "RecurrentHighwayNetwork",
    "evaluation_mode",
    "plain_lstm_layers",
]
