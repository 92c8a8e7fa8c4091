"""Six ways to exchange gradients under DistributedDataParallel: ours, and torch's own beside them.

Over gloo, torch's PowerSGD stops dead as soon as two buckets are under way: it waits for a second exchange in a
callback of the first, and gloo has two threads, which then both wait. So it is given one bucket for all gradients.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook, bf16_compress_hook
from torch.distributed.algorithms.ddp_comm_hooks.powerSGD_hook import PowerSGDState, powerSGD_hook
from torch.nn.parallel import DistributedDataParallel

from effdl_lite.methods.terngrad import BASE_3, TWO_BIT
from effdl_lite.methods.terngrad_ddp import use_terngrad

CODECS = {"terngrad-2bit": TWO_BIT, "terngrad-base3": BASE_3}
RANKS = {"powersgd-2": 2, "powersgd-4": 4}
EXCHANGES = ("fp32", "bf16", *CODECS, *RANKS)
FIRST_STEPS = 2  # of PowerSGD in fp32: DistributedDataParallel rearranges its buckets in them
ONE_BUCKET = 2**20  # megabytes


def parallel(
    net: nn.Module,
    name: str,
    seed: int = 0,
    float_layers: Iterable[nn.Module] = (),
    device_ids: list[int] | None = None,
) -> tuple[DistributedDataParallel, "Exchange"]:
    """The network under DistributedDataParallel, with an `Exchange` of this name."""
    model = DistributedDataParallel(net, device_ids=device_ids, bucket_cap_mb=ONE_BUCKET if name in RANKS else None)
    return model, Exchange(name, model, seed, float_layers)


class Exchange:
    """How a network exchanges its gradients from now on, and what that sends.

    Args:
        name: one of `EXCHANGES`; a number after "powersgd" is the rank.
        model: every process makes an exchange of the same name for it.
        seed: of the random numbers of TernGrad and PowerSGD.
        float_layers: that TernGrad leaves in fp32.

    Raises:
        ValueError: for another name.
    """

    def __init__(
        self, name: str, model: DistributedDataParallel, seed: int = 0, float_layers: Iterable[nn.Module] = ()
    ):
        if name not in EXCHANGES:
            raise ValueError(f"exchange {name!r} is unknown; choose one of {', '.join(EXCHANGES)}")
        self.name = name
        self.terngrad = None
        self._counted = 0
        group = model.process_group
        if name in CODECS:
            self.terngrad = use_terngrad(model, codec=CODECS[name], seed=seed, float_layers=float_layers)
        elif name in RANKS:
            state = PowerSGDState(
                group, RANKS[name], start_powerSGD_iter=FIRST_STEPS, orthogonalization_epsilon=1e-8, random_seed=seed
            )
            model.register_comm_hook(state, self._powersgd)
        elif name == "bf16":
            model.register_comm_hook(group, self._counting(bf16_compress_hook, bytes_an_element=2))
        else:
            model.register_comm_hook(group, self._counting(allreduce_hook, bytes_an_element=4))

    @property
    def sent(self) -> int:
        """Bytes that this process handed to collectives for gradients so far; what they make of it is their affair."""
        return self.terngrad.sent if self.terngrad else self._counted

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint: the same on all processes, plain numbers and words.

        PowerSGD's memory of what it has left out is not in it: it is another on each process, and after a restart
        PowerSGD begins with fp32 and an empty memory, as at first.
        """
        return {
            "name": self.name,
            "counted": self._counted,
            "terngrad": self.terngrad.state_dict() if self.terngrad else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a checkpoint.

        Raises:
            ValueError: if it was made with another exchange.
        """
        if state["name"] != self.name:
            raise ValueError(f"the checkpoint was made with the exchange {state['name']}, not {self.name}")
        self._counted = state["counted"]
        if self.terngrad:
            self.terngrad.load_state_dict(state["terngrad"])

    def _counting(self, hook: Callable, bytes_an_element: int) -> Callable:
        def counted(group: dist.ProcessGroup, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
            self._counted += bytes_an_element * bucket.buffer().numel()
            return hook(group, bucket)

        return counted

    def _powersgd(self, state: PowerSGDState, bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
        if not (bucket.index() == 0 and bucket.is_last()) and dist.get_backend(state.process_group) == "gloo":
            raise ValueError("PowerSGD over gloo needs one bucket for all gradients; make the model with `parallel`")
        compressed, before = state.iter >= state.start_powerSGD_iter, state.total_numel_after_compression
        result = powerSGD_hook(state, bucket)
        elements = state.total_numel_after_compression - before if compressed else bucket.buffer().numel()
        self._counted += 4 * elements
        return result
