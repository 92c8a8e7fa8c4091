"""What a process of the tests of exchanges does; a module of its own, so that other processes can import it."""

import os
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from effdl_lite.models import MLP
from experiments.exchanges import EXCHANGES, Exchange, parallel

WIDTHS, STEPS = (40, 64, 32, 2), 6


def run(rank: int, world: int, folder: str, results) -> None:
    """Trains with every exchange, and puts what was seen into the queue."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world, timeout=timedelta(seconds=120)
    )
    try:
        seen = {name: trained(*parallel(network(), name), rank) for name in EXCHANGES}
        buckets = DistributedDataParallel(network(), bucket_cap_mb=0.001)
        seen["terngrad-2bit, many buckets"] = trained(buckets, Exchange("terngrad-2bit", buckets), rank)
        seen["powersgd, many buckets"] = refused(rank)
    except Exception as error:
        seen = {"error": f"{type(error).__name__}: {error}"}
    results.put((rank, seen))
    dist.destroy_process_group()


def network() -> nn.Module:
    torch.manual_seed(0)
    return MLP(WIDTHS)


def trained(model: DistributedDataParallel, exchange: Exchange, rank: int) -> dict:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for step in range(STEPS):
        inputs = torch.randn(32, WIDTHS[0], generator=torch.Generator().manual_seed(100 * step + rank))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), (inputs[:, 0] > 0).long()).backward()
        optimizer.step()
    weights = torch.cat([weight.detach().flatten() for weight in model.parameters()]).tolist()
    return {"weights": weights, "sent": exchange.sent, "state": exchange.state_dict()}


def refused(rank: int) -> str:
    model = DistributedDataParallel(network(), bucket_cap_mb=0.001)
    try:
        trained(model, Exchange("powersgd-2", model), rank)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"
