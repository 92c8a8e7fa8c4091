"""What each worker of the bandwidth benchmark does: exchanges gradients in every way in turn, and notes its cost."""

import copy
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from effdl_lite.batches import ImageBatches, channel_statistics
from effdl_lite.data import load_cifar10
from effdl_lite.models import CifarNet
from effdl_lite.recipes import sgd
from experiments import limited_network
from experiments.exchanges import EXCHANGES, Exchange, parallel

ALONE = "no exchange"  # the limit: every worker for itself
SIZE = 24
TIMEOUT = timedelta(seconds=120)


class Given(torch.autograd.Function):
    """0, with a gradient that is given: what is left of a step is the exchange."""

    @staticmethod
    def forward(ctx, weight: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return weight.new_zeros(())

    @staticmethod
    def backward(ctx, _: Tensor) -> tuple[Tensor, None]:
        return ctx.saved_tensors[0], None


class OneMatrix(nn.Module):
    def __init__(self, side: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(side, side))

    def forward(self, gradient: Tensor) -> Tensor:
        return Given.apply(self.weight, gradient)


def ways(net: nn.Module) -> dict[str, tuple[DistributedDataParallel, Exchange | None]]:
    """A copy of the network for each exchange, and one for none."""
    made = {name: parallel(copy.deepcopy(net), name) for name in EXCHANGES}
    return made | {ALONE: (DistributedDataParallel(copy.deepcopy(net)), None)}


def in_turn(steps: dict[str, Callable[[int], float]], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds and bytes at the link of each step, and what it returns; every second round runs backwards."""
    found = {name: {"seconds": [], "bytes": [], "loss": []} for name in steps}
    for number in range(rounds):
        for name in list(steps) if number % 2 == 0 else list(steps)[::-1]:
            dist.barrier()
            before, start = limited_network.bytes_sent(), time.perf_counter()
            loss = steps[name](number)
            found[name]["seconds"].append(time.perf_counter() - start)
            found[name]["bytes"].append(limited_network.bytes_sent() - before)
            found[name]["loss"].append(loss)
    return found


def exchange_alone(side: int, rounds: int, rank: int) -> dict:
    """The exchange of one gradient of side x side elements."""
    gradient = torch.randn(side, side, generator=torch.Generator().manual_seed(rank))

    def step_of(model: DistributedDataParallel, exchange: Exchange | None) -> Callable[[int], float]:
        def step(_: int) -> float:
            model.zero_grad()
            with model.no_sync() if exchange is None else nullcontext():
                model(gradient).backward()
            return 0.0

        return step

    return in_turn({name: step_of(*way) for name, way in ways(OneMatrix(side)).items()}, rounds)


def training(batch_size: int, rounds: int, rank: int, workers: int) -> dict:
    """Steps of training of CifarNet; all copies see the same images in the same order."""
    data = load_cifar10()
    low = (32 - SIZE) // 2
    images = data.train_images[:, :, low : low + SIZE, low : low + SIZE]
    mean, std = channel_statistics(images)
    own = slice(rank, None, workers)
    batches = ImageBatches(
        images[own], data.train_labels[own], batch_size, mean=mean, std=std, augment=True, shuffle=True, seed=rank
    )
    stream = itertools.chain.from_iterable(itertools.repeat(batches))
    given = [next(stream) for _ in range(rounds)]
    torch.manual_seed(0)

    def step_of(model: DistributedDataParallel, exchange: Exchange | None) -> Callable[[int], float]:
        optimizer = sgd(model.module, 0.02, 5e-4)

        def step(number: int) -> float:
            inputs, labels = given[number]
            optimizer.zero_grad()
            with model.no_sync() if exchange is None else nullcontext():
                loss = F.cross_entropy(model(inputs), labels)
                loss.backward()
            optimizer.step()
            return loss.item()

        return step

    found = in_turn({name: step_of(*way) for name, way in ways(CifarNet(SIZE)).items()}, rounds)
    return found | {"data": str(data.source)}


def raw_bits_a_second(rank: int, bits_a_second: float) -> float:
    """What the link carries, from worker 0 to worker 1, in messages of about a third of a second."""
    message = torch.zeros(int(min(bits_a_second / 8 / 3, 2**25)), dtype=torch.uint8)
    seconds = 0.0
    for _ in range(2):  # the first opens the connection
        dist.barrier()
        start = time.perf_counter()
        if rank == 0:
            dist.send(message, 1)
        elif rank == 1:
            dist.recv(message, 0)
        seconds = time.perf_counter() - start
    return 8 * len(message) / seconds


def main(spec: dict) -> None:
    torch.set_num_threads(1)
    limited_network.wait_for_link()
    os.environ["GLOO_SOCKET_IFNAME"] = "link0"
    rank, workers = spec["rank"], spec["workers"]
    server = f"tcp://{limited_network.address(0)}:29500"
    dist.init_process_group("gloo", init_method=server, rank=rank, world_size=workers, timeout=TIMEOUT)
    found = {
        "raw_bits_a_second": raw_bits_a_second(rank, spec["bits_a_second"]),
        "exchange alone": exchange_alone(spec["side"], spec["rounds"], rank),
        "training step": training(spec["batch_size"], spec["training_rounds"], rank, workers),
    }
    dist.barrier()
    Path(spec["output"]).write_text(json.dumps(found), encoding="utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
