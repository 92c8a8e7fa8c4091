"""A trained network as a program: a file that torch alone can load and run."""

import copy
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.export import Dim
from torch.utils._pytree import tree_leaves

# The reader's side. A module that is None in `sys.modules` cannot be imported, wherever it is installed.
_READER = """
import sys
sys.modules["effdl_lite"] = None
import torch
from safetensors.torch import load_file, save_file
torch.set_num_threads(1)
program, inputs, outputs = sys.argv[1:]
tensors = load_file(inputs)
loaded = torch.export.load(program)
flat = [tensors[str(number)] for number in range(len(tensors))]
arguments, _ = torch.utils._pytree.tree_unflatten(flat, loaded.call_spec.in_spec)
with torch.inference_mode():
    result = loaded.module()(*arguments)
result = result if isinstance(result, torch.Tensor) else result[0]
assert [name for name in sys.modules if name.startswith("effdl_lite")] == ["effdl_lite"]
save_file({"result": result.contiguous()}, outputs)
"""


class ProgramError(RuntimeError):
    """A program did not run by itself; its text holds what the other process said."""


def save_program(net: nn.Module, inputs: Sequence[Any], path: Path, dynamic: int | None = None) -> int:
    """Exports a network in evaluation mode with `torch.export` and writes the program.

    Args:
        inputs: arguments of the forward pass, tensors or lists and tuples of them.
        path: of the file, by custom `.pt2`.
        dynamic: dimension of which the program takes any size, such as 0 for a batch of images; it is at least 2 in
            `inputs`, since export takes a 1 for a constant. None: it takes tensors of these shapes only.

    Returns:
        Bytes of the file: weights and graph.
    """
    net = copy.deepcopy(net).eval()
    for tensor in (*net.parameters(), *net.buffers()):
        # Memory of its own, in the plain layout: a view would take along all that it is a view of.
        tensor.data = tensor.detach().clone(memory_format=torch.contiguous_format)
    shapes = None if dynamic is None else tuple({dynamic: Dim("size")} for _ in inputs)
    with torch.no_grad(), warnings.catch_warnings():
        # nn.LSTM sets its list of weights anew when it is traced; they are registered parameters all the same.
        warnings.filterwarnings("ignore", message=r"The tensor attributes .*_flat_weights")
        program = torch.export.export(net, tuple(inputs), dynamic_shapes=shapes)
    program.example_inputs = None  # they would be stored as well
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.export.save(program, path)
    return path.stat().st_size


def run_without_package(path: Path, inputs: Sequence[Any], timeout: float = 300.0) -> Tensor:
    """What a saved program computes in a fresh process that cannot import `effdl_lite`.

    Returns:
        The output; of several, the first.

    Raises:
        ProgramError: if the process failed, or took longer than `timeout` seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        read, written = Path(folder) / "inputs.safetensors", Path(folder) / "result.safetensors"
        save_file({str(number): tensor.contiguous() for number, tensor in enumerate(tree_leaves(inputs))}, read)
        command = [sys.executable, "-c", _READER, str(path.resolve()), str(read), str(written)]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise ProgramError(f"{path.name} did not finish within {timeout:g} s") from error
        if done.returncode:
            raise ProgramError(f"{path.name} does not run without the package:\n{done.stderr.strip()[-2000:]}")
        return load_file(written)["result"]
