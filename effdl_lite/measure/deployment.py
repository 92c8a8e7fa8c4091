"""How long a recurrent language model takes where it is used: a word at a time, or many texts at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from effdl_lite.measure.timing import Comparison, compare_latency
from effdl_lite.models import evaluation_mode

ONEDNN_MODES = {"oneDNN": True, "no oneDNN": False}


@contextmanager
def onednn(enabled: bool) -> Iterator[None]:
    """Runs the block with or without oneDNN, the library whose LSTM torch takes on a CPU where it can."""
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = enabled
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before


def compare_language_models(
    models: dict[str, nn.Module],
    *,
    batch: int = 1,
    steps: int = 1,
    modes: Sequence[str] = tuple(ONEDNN_MODES),
    rounds: int = 15,
    seconds_a_round: float = 0.02,
    threads: int = 1,
) -> Comparison:
    """Times one forward pass of each model in each mode, from the state that it returned for the words before.

    Batch 1 and one step are *generation*: a word comes out and is the next one to go in. oneDNN arranges the weights of
    an LSTM anew in every call. That pays where a call has many steps, and can cost more than it saves where it has one;
    so compare the best mode of one model with the best of the other.

    Args:
        models: by name, each as `LSTMLanguageModel` or `RecurrentHighwayNetwork`; measured in evaluation mode.
        batch: texts at once.
        steps: words of each text.
        modes: of `ONEDNN_MODES`.
        rounds: measurements of each, as in `compare_latency`.
        seconds_a_round: how long each model is repeated in one of them.
        threads: torch threads while measuring.

    Returns:
        Times of the candidates "<name>, <mode>".

    Raises:
        ValueError: without models or modes, or if `batch` or `steps` is below 1.
        KeyError: for a mode that is not in `ONEDNN_MODES`.
    """
    if not models or not modes or batch < 1 or steps < 1:
        raise ValueError(
            f"{len(models)} models, {len(modes)} modes, batch {batch}, {steps} steps: give at least 1 of each"
        )
    words = min(model.embedding.num_embeddings for model in models.values())
    tokens = torch.randint(words, (batch, steps), generator=torch.Generator().manual_seed(0))

    def forward(model: nn.Module, state: object, enabled: bool) -> Callable[[], object]:
        def run() -> object:
            with onednn(enabled):
                return model(tokens, state)

        return run

    with ExitStack() as stack, torch.inference_mode():
        candidates = {}
        for name, model in models.items():
            stack.enter_context(evaluation_mode(model))
            state = model(tokens)[1]
            for mode in modes:
                candidates[f"{name}, {mode}"] = forward(model, state, ONEDNN_MODES[mode])
        return compare_latency(candidates, rounds=rounds, seconds_a_round=seconds_a_round, threads=threads)
