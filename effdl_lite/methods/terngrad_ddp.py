"""TernGrad between processes: a communication hook for DistributedDataParallel, over gloo (CPU) or NCCL (GPU).

The server of the paper has no place in DistributedDataParallel: every process gathers the packed gradients of all
others, unpacks and averages them. That is (N - 1) messages for each process, where a server's answer is one; what the
paper's server would have moved is counted beside it.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from effdl_lite.methods.terngrad import CLIP, TWO_BIT, Codec, Traffic, scale, ternary_codes
from effdl_lite.methods.terngrad.scalers import check_options
from effdl_lite.training import TrainingDiverged


class TernGradState:
    """Options and counters of `use_terngrad`, which makes it; the same on all processes.

    Attributes:
        traffic: bytes that this process would have exchanged with a parameter server.
        sent: bytes that it did hand to the all-gather and the all-reduces, scalers and float tensors included.
        steps: backward passes so far. Random numbers are seeded anew for each step, process and tensor, so that
            `state_dict` need not hold them, and one checkpoint serves all processes. Training goes on from it to the
            last bit; only tensors in fp32 may differ by rounding, as their sum depends on how buckets are cut.
    """

    def __init__(self, options: dict[str, Any], codec: Codec, names: dict[int, str], group: dist.ProcessGroup):
        self.options = options
        self.codec = codec
        self.names = names
        self.places = {key: place for place, key in enumerate(names)}
        self.group = group
        self.traffic = Traffic()
        self.sent = 0
        self.steps = 0

    def is_ternary(self, weight: Tensor) -> bool:
        in_float = self.names[id(weight)] in self.options["float_weights"]
        return weight.numel() >= self.options["float_below"] and not in_float

    def generator(self, weight: Tensor) -> torch.Generator:
        """Other random numbers for every step, process and tensor; the same after a restart, in whatever bucket."""
        key = [self.options["seed"], self.steps, dist.get_rank(self.group), self.places[id(weight)]]
        seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
        return torch.Generator(weight.device).manual_seed(seed)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, beside model and optimizer; plain numbers and words."""
        return {
            "options": dict(self.options),
            "traffic": dataclasses.asdict(self.traffic),
            "sent": self.sent,
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint.

        Raises:
            ValueError: if it was made with other options.
        """
        if different := _different([self.options, state["options"]]):
            raise ValueError(f"the checkpoint was made with other options: {different}")
        self.traffic = Traffic(**state["traffic"])
        self.sent, self.steps = state["sent"], state["steps"]


def use_terngrad(
    model: DistributedDataParallel,
    *,
    clip: float | None = CLIP,
    rule: str = "formula",
    float_below: int = 256,
    float_layers: Iterable[nn.Module] = (),
    codec: Codec = TWO_BIT,
    seed: int = 0,
) -> TernGradState:
    """Exchanges the gradients of `model` in ternary form from now on; every process calls it, with the same options.

    Each tensor has one scaler, the largest of all processes. The options are those of `TernGrad`; `seed` is of the
    random numbers, of which each process draws its own.

    Raises:
        ValueError: for an option that is unknown, a float layer that is not in the model, or options that differ
            between processes, on all of them.
        TrainingDiverged: in a backward pass, on all processes, if a gradient of one is NaN or infinite; it names the
            weight.
    """
    check_options(clip, rule, None)
    names = {id(weight): name for name, weight in model.module.named_parameters()}
    in_float = [weight for layer in float_layers for weight in layer.parameters()]
    if any(id(weight) not in names for weight in in_float):
        raise ValueError(f"a float layer is not in this {type(model.module).__name__}; give layers of the model")
    options = {
        "clip": clip,
        "rule": rule,
        "float_below": float_below,
        "float_weights": sorted(names[id(weight)] for weight in in_float),
        "codec": codec.name,
        "seed": seed,
    }
    everyones: list[Any] = [None] * dist.get_world_size(model.process_group)
    dist.all_gather_object(everyones, options, group=model.process_group)
    if different := _different(everyones):
        raise ValueError(f"the processes have different options: {different}; start all with the same")
    state = TernGradState(options, codec, names, model.process_group)
    model.register_comm_hook(state, terngrad_hook)
    return state


def terngrad_hook(state: TernGradState, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
    """Averages the gradients of a bucket over all processes; `use_terngrad` registers it."""
    workers = dist.get_world_size(state.group)
    pairs = list(zip(bucket.parameters(), bucket.gradients(), strict=True))
    ternary = [(weight, gradient) for weight, gradient in pairs if state.is_ternary(weight)]
    others = [gradient for weight, gradient in pairs if not state.is_ternary(weight)]
    buffer = bucket.buffer()
    floats = torch.cat([gradient.reshape(-1) for gradient in others]) if others else buffer.new_empty(0)
    scalers, limits = _shared_scalers(state, ternary, floats)
    if others:
        dist.all_reduce(floats, group=state.group)
        for gradient, part in zip(others, floats.split([of.numel() for of in others]), strict=True):
            gradient.copy_(part.view(gradient.shape) / workers)
    codes = [
        ternary_codes(gradient, scaler, limit=limit, generator=state.generator(weight))
        for (weight, gradient), scaler, limit in zip(ternary, scalers.split(1), limits, strict=True)
    ]
    for _, gradient in ternary:
        state.traffic.add_ternary(gradient.numel(), workers, state.codec, 1, shared=True)
    state.traffic.add_float(len(floats))
    state.sent += 4 * (len(scalers) + 1) + floats.nbytes
    if bucket.is_last():
        state.steps += 1
        state.traffic.steps += 1

    if not ternary:
        done: torch.futures.Future[Tensor] = torch.futures.Future()
        done.set_result(buffer)
        return done
    elements = sum(map(len, codes))
    message = state.codec.pack(torch.cat(codes))
    state.sent += message.nbytes
    gathered = message.new_empty(workers, len(message))

    def average(_: object) -> Tensor:
        sums = torch.zeros(elements, dtype=torch.int16, device=buffer.device)
        for one in gathered:
            sums += state.codec.unpack(one, elements)
        parts = sums.split([gradient.numel() for _, gradient in ternary])
        for (_, gradient), part, scaler in zip(ternary, parts, scalers / workers, strict=True):
            gradient.copy_(part.view(gradient.shape) * scaler)
        return buffer

    # Only the largest message is waited for later, while the backward pass goes on.
    work = dist.all_gather_single(gathered.view(-1), message, group=state.group, async_op=True)
    return work.get_future().then(average)


def _shared_scalers(
    state: TernGradState, ternary: list[tuple[Tensor, Tensor]], floats: Tensor
) -> tuple[Tensor, list[float]]:
    """The largest scaler of all processes for each tensor, and the limits of this one: one small all-reduce.

    A gradient that is not finite travels as an infinite scaler, so that all processes stop, and none waits for others.
    One more number says so of the tensors in fp32.
    """
    infinite = floats.new_full((1,), torch.inf, dtype=torch.float32)
    own, limits = [], []
    for _, gradient in ternary:
        try:
            found, limit = scale(gradient, state.options["clip"], state.options["rule"])
        except TrainingDiverged:
            found, limit = infinite, torch.inf
        own.append(found.float())
        limits.append(limit)
    own.append(torch.zeros_like(infinite) if floats.isfinite().all() else infinite)
    shared = torch.cat(own)
    dist.all_reduce(shared, op=dist.ReduceOp.MAX, group=state.group)
    finite = shared.isfinite().tolist()
    if not all(finite):
        names = [*(state.names[id(weight)] for weight, _ in ternary), "a tensor that is sent in fp32"]
        bad = ", ".join(name for name, good in zip(names, finite, strict=True) if not good)
        raise TrainingDiverged(f"the gradient of {bad} is NaN or infinite in at least one process")
    return shared[:-1], limits


def _different(everyones: list[dict[str, Any]]) -> str:
    """The options that are not the same for all, with their values by process; empty if there are none."""
    keys = sorted({key for options in everyones for key in options})
    values = {key: [options.get(key) for options in everyones] for key in keys}
    return "; ".join(f"{key} is {found}" for key, found in values.items() if any(v != found[0] for v in found))
