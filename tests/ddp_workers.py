"""What a process of the tests of terngrad_ddp does; a module of its own, so that other processes can import it."""

import copy
import os
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from effdl_lite.methods.terngrad import BASE_3, TWO_BIT
from effdl_lite.methods.terngrad_ddp import use_terngrad
from effdl_lite.models import MLP

G = torch.tensor([[0.8, -0.3, 0.1, -0.05], [0.6, -0.9, 0.2, 0.05], [0.3, -0.2, -0.7, 0.4], [0.1, 0.2, 0.3, 0.4]])
REPEATS = 20_000


def run(rank: int, world: int, folder: str, results) -> None:
    """Joins the others, runs all scenes, and puts what was seen into the queue."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world, timeout=timedelta(seconds=120)
    )
    try:
        seen = {scene.__name__: scene(rank) for scene in (training, mixed, expectation, infinite, options)}
    except Exception as error:
        seen = {"error": f"{type(error).__name__}: {error}"}
    results.put((rank, seen))
    dist.destroy_process_group()


def steps(ddp, optimizer, rank: int, first: int, last: int) -> list[float]:
    losses = []
    for step in range(first, last):
        generator = torch.Generator().manual_seed(1000 * step + rank)
        inputs = torch.randn(16, 20, generator=generator)
        loss = nn.functional.cross_entropy(ddp(inputs), (inputs[:, 0] > 0).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def network(seed: int = 0, **options):
    torch.manual_seed(seed)
    net = MLP((20, 64, 32, 2))
    ddp = DistributedDataParallel(net)
    state = use_terngrad(ddp, codec=BASE_3, **options)
    return net, ddp, state, torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


def flat(net) -> list[float]:
    return torch.cat([weight.detach().flatten() for weight in net.parameters()]).tolist()


def training(rank: int) -> dict:
    """100 steps; then the last 50 once more, from a checkpoint in other objects. All tensors are ternary."""
    net, ddp, state, optimizer = network(float_below=1)
    losses = steps(ddp, optimizer, rank, 0, 50)
    saved = copy.deepcopy((net.state_dict(), optimizer.state_dict(), state.state_dict()))
    losses += steps(ddp, optimizer, rank, 50, 100)
    net2, ddp2, state2, optimizer2 = network(seed=1, float_below=1)
    for of, part in zip((net2, optimizer2, state2), saved, strict=True):
        of.load_state_dict(part)
    steps(ddp2, optimizer2, rank, 50, 100)
    counted = [{"sent": of.sent, **vars(of.traffic)} for of in (state, state2)]
    return {"weights": flat(net), "resumed": flat(net2), "losses": losses, "counted": counted}


def mixed(rank: int) -> dict:
    """Small tensors and the last layer in float."""
    torch.manual_seed(0)
    net = MLP((20, 64, 32, 2))
    ddp = DistributedDataParallel(net)
    state = use_terngrad(ddp, codec=BASE_3, float_layers=[list(net.modules())[-1]], float_below=64)
    plain = DistributedDataParallel(copy.deepcopy(net))
    for model in (ddp, plain):
        steps(model, torch.optim.SGD(model.parameters(), lr=0.0), rank, 0, 2)
    pairs = zip(net.named_parameters(), plain.module.parameters(), strict=True)
    return {
        "levels": {name: len(weight.grad.unique()) for name, weight in net.named_parameters()},
        "off": {name: (weight.grad - other.grad).abs().max().item() for (name, weight), other in pairs},
        "sent": state.sent,
        **vars(state.traffic),
    }


class Held(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4 * REPEATS))

    def forward(self, gradient):
        return self.weight @ gradient


def expectation(rank: int) -> dict:
    """Gradients that are known: their mean over many copies."""
    ddp = DistributedDataParallel(Held())
    use_terngrad(ddp, clip=None, codec=TWO_BIT)
    ddp(G[rank].repeat(REPEATS)).backward()
    gradient = ddp.module.weight.grad
    return {"mean": gradient.view(-1, 4).double().mean(dim=0).tolist(), "levels": gradient.unique().tolist()}


def infinite(rank: int) -> list[str]:
    """Only the last process has a NaN, in a ternary tensor and then in one that is sent in fp32."""
    errors = []
    for float_below in (1, 10**6):
        ddp = DistributedDataParallel(Held())
        use_terngrad(ddp, float_below=float_below)
        gradient = G[rank].repeat(REPEATS)
        gradient[5] = torch.nan if rank == dist.get_world_size() - 1 else 0.0
        try:
            ddp(gradient).backward()
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
    return errors


def options(rank: int) -> str:
    """The first process has another codec."""
    try:
        use_terngrad(DistributedDataParallel(Held()), codec=TWO_BIT if rank else BASE_3)
    except ValueError as error:
        return str(error)
    return "no error"
