"""Trains one network on several processes, machines or GPUs that exchange ternary gradients.

    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
    torchrun --standalone --nproc-per-node 2 --max-restarts 3 -m experiments.terngrad_distributed --folder runs/ternary

The page "Run on several machines" has the commands for GPUs and for a cluster; they start the same file. NCCL is used
where each process has a GPU, gloo elsewhere.

Every process has its own part of the images. After every `--every` steps process 0 writes a checkpoint to the folder,
which all processes must see: weights, optimizer, the hook's state and the number of steps, from which the position in
the data follows. When a worker dies, torchrun starts all of them anew (`--max-restarts`), and they go on from the last
checkpoint. `losses.jsonl` in the folder has a line for each step and for each start.
"""

import argparse
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from effdl_lite.batches import ImageBatches, channel_statistics
from effdl_lite.data import load_cifar10
from effdl_lite.models import CifarNet
from effdl_lite.recipes import sgd
from experiments.exchanges import EXCHANGES, Exchange, parallel

SIZE = 24  # of the crops, as the authors'
CHECKPOINT = "checkpoint.pt"


@dataclass
class Run:
    """What training holds on each process.

    Attributes:
        settings: that a checkpoint must share to be gone on from.
        steps: done so far.
    """

    model: DistributedDataParallel
    optimizer: torch.optim.Optimizer
    exchange: Exchange
    settings: dict
    steps: int = 0

    def save(self, path: Path) -> None:
        """Process 0 writes to a temporary name, then renames: whoever reads finds the old checkpoint or the new one."""
        if dist.get_rank() != 0:
            return
        temporary = path.with_suffix(".tmp")
        contents = {
            "settings": self.settings,
            "steps": self.steps,
            "model": self.model.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "exchange": self.exchange.state_dict(),
        }
        with temporary.open("wb") as file:
            torch.save(contents, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def load(self, path: Path, device: torch.device) -> None:
        """Goes on from a checkpoint; nothing is unpickled but tensors, numbers and words.

        Raises:
            ValueError: if it was made with other settings.
        """
        contents = torch.load(path, map_location=device, weights_only=True)
        different = [key for key in self.settings if contents["settings"].get(key) != self.settings[key]]
        if different:
            found = ", ".join(
                f"{key} {contents['settings'].get(key)} instead of {self.settings[key]}" for key in different
            )
            raise ValueError(f"{path} was made with other settings: {found}; give another --folder, or these settings")
        self.model.module.load_state_dict(contents["model"])
        self.optimizer.load_state_dict(contents["optimizer"])
        self.exchange.load_state_dict(contents["exchange"])
        self.steps = contents["steps"]


def batches_from(step: int, images: Tensor, labels: Tensor, batch_size: int, seed: int) -> Iterator[tuple]:
    """This process's batches from a step on, without end.

    Each epoch is shuffled and augmented from a seed of its own, so that the number of steps alone tells where the data
    stands. What an interrupted epoch has used already is made once more and left out.
    """
    rank, workers = dist.get_rank(), dist.get_world_size()
    own = slice(rank, len(labels) // workers * workers, workers)
    mean, std = channel_statistics(images)  # of all images, so that all processes scale alike
    batches = ImageBatches(images[own], labels[own], batch_size, mean=mean, std=std, augment=True, shuffle=True)
    epoch, used = divmod(step, len(batches))
    for number in itertools.count(epoch):
        batches.generator.manual_seed(int(np.random.SeedSequence([seed, number, rank]).generate_state(1)[0]))
        yield from itertools.islice(batches, used if number == epoch else 0, None)


def train_step(run: Run, batch: tuple[Tensor, Tensor], rate: float) -> float:
    """One step; the loss of this process's part of the batch."""
    images, labels = batch
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    loss = F.cross_entropy(run.model(images), labels)
    run.optimizer.zero_grad()
    loss.backward()
    run.optimizer.step()
    run.steps += 1
    return loss.item()


def rate_at(step: int, options: argparse.Namespace) -> float:
    """The learning rate: up over the first tenth of the steps, then down to 0 in a line."""
    progress = (step + 0.5) / options.steps
    return options.learning_rate * min(progress / 0.1, (1 - progress) / 0.9)


def train(options: argparse.Namespace, device: torch.device) -> Run:
    """The whole training, or what a checkpoint has left of it."""
    data = load_cifar10(train_images=options.images)
    low = (32 - SIZE) // 2
    images = data.train_images[:, :, low : low + SIZE, low : low + SIZE]
    torch.manual_seed(options.seed)
    net = CifarNet(SIZE).to(device)
    device_ids = [device.index] if device.type == "cuda" else None
    model, exchange = parallel(net, options.exchange, options.seed, device_ids=device_ids)
    asked = ("exchange", "steps", "batch_size", "learning_rate", "images", "seed")
    settings = {key: getattr(options, key) for key in asked}
    settings |= {"workers": dist.get_world_size(), "data": data.source.sha256}
    run = Run(model, sgd(net, options.learning_rate, 5e-4), exchange, settings)
    checkpoint = options.folder / CHECKPOINT
    if checkpoint.exists():
        run.load(checkpoint, device)
    started: list = [None] * dist.get_world_size()
    dist.all_gather_object(started, (os.getpid(), run.steps))
    if len({steps for _, steps in started}) > 1:
        found = ", ".join(str(steps) for _, steps in started)
        raise ValueError(f"the processes found checkpoints of {found} steps; all must see the same --folder")
    note(options, {"start": run.steps, "processes": [pid for pid, _ in started], "data": str(data.source)})
    model.train()
    for batch in batches_from(run.steps, images, data.train_labels, options.batch_size, options.seed):
        if run.steps >= options.steps:
            break
        rate = rate_at(run.steps, options)
        loss = train_step(run, tuple(part.to(device) for part in batch), rate)
        note(options, {"step": run.steps, "loss": loss, "sent": exchange.sent})
        if run.steps % options.every == 0 or run.steps == options.steps:
            run.save(checkpoint)
    return run


def note(options: argparse.Namespace, line: dict) -> None:
    """Process 0 appends a line to the log."""
    if dist.get_rank() == 0:
        with (options.folder / "losses.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exchange", default="terngrad-2bit", choices=EXCHANGES, help="of gradients")
    parser.add_argument("--folder", type=Path, required=True, help="of checkpoint and log, seen by all processes")
    parser.add_argument("--steps", type=int, default=1_000, help="in all")
    parser.add_argument("--every", type=int, default=100, help="steps between two checkpoints")
    parser.add_argument("--batch-size", type=int, default=64, help="images of each process in a step")
    parser.add_argument("--learning-rate", type=float, default=0.05, help="the largest one")
    parser.add_argument("--images", type=int, help="take only so many training images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=int, default=120, help="seconds to wait for another process before giving up")
    options = parser.parse_args()
    for name in ("steps", "every", "batch_size", "timeout"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is {getattr(options, name)}; at least 1")
    if "RANK" not in os.environ:
        parser.error(
            "start it with torchrun: torchrun --standalone --nproc-per-node 2 -m experiments.terngrad_distributed"
        )
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True" and os.environ["TORCHELASTIC_MAX_RESTARTS"] != "0":
        # torch 2.14 keeps the addresses of processes over a restart: a new one may call a dead one, or wait for it.
        parser.error(
            "restarts need a fresh store: export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1, then start torchrun anew"
        )
    return options


def main() -> None:
    options = arguments()
    local = int(os.environ["LOCAL_RANK"])
    on_gpu = torch.cuda.is_available() and torch.cuda.device_count() > local
    device = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    options.folder.mkdir(parents=True, exist_ok=True)
    # Who waits for a process that is stuck or gone gets an error, not an endless wait.
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=timedelta(seconds=options.timeout))
    run = train(options, device)
    if dist.get_rank() == 0:
        print(f"{run.steps} steps with {run.exchange.name}, {run.exchange.sent / 1e6:.1f} MB sent by each process")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
