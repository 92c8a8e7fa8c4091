"""Refuses networks that compute more than their layers and weights show, before anything is copied."""

import inspect

import torch
from torch import nn
from torch.nn.utils import parametrize, prune


def refuse_computed_weights(model: nn.Module) -> None:
    """Raises a `ValueError` with the remedy if a weight is computed from others: by a pruning mask, or parametrised."""
    for name, module in model.named_modules():
        where = f"layer {name!r}" if name else f"this {type(module).__name__}"
        if parametrize.is_parametrized(module):
            weight = next(iter(module.parametrizations))
            raise ValueError(
                f"the {weight} of {where} is computed by a parametrization; make it plain first: "
                f"torch.nn.utils.parametrize.remove_parametrizations(layer, {weight!r})"
            )
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, prune.BasePruningMethod):
                raise ValueError(
                    f"the {hook._tensor_name} of {where} is computed by a pruning mask; make it plain first: "
                    f"torch.nn.utils.prune.remove(layer, {hook._tensor_name!r})"
                )


def refuse_hooks(model: nn.Module) -> None:
    """Raises a `ValueError` if a module has a hook, which may change what passes through it, or a computed weight."""
    refuse_computed_weights(model)
    for name, module in model.named_modules():
        hooks = [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]
        if hooks:
            where = f"layer {name!r}" if name else f"this {type(module).__name__}"
            hook = getattr(hooks[0], "__qualname__", type(hooks[0]).__name__)
            raise ValueError(
                f"{where} has a forward hook, {hook}, which may change what the layer computes; remove it first, with "
                "`remove()` of what registering it returned"
            )


def refuse_wrappers(model: nn.Module) -> None:
    """Raises a `ValueError` for modules that hide a network, and for a forward pass that takes no images."""
    for name, module in model.named_modules():
        where = f"{name}: " if name else ""
        if isinstance(module, torch.jit.ScriptModule):
            raise ValueError(f"{where}a torch.jit module cannot be cut; give the nn.Module that it was made from")
        for wrapper, inside in (("torch.compile", "_orig_mod"), ("DataParallel", "module")):
            parallel = isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel)
            if inside in module._modules and (parallel or inside == "_orig_mod"):
                raise ValueError(
                    f"{where}a network wrapped by {wrapper} cannot be cut; give the module inside, `.{inside}`, and "
                    "wrap the compact network again"
                )
    kinds = [parameter.kind for parameter in inspect.signature(model.forward).parameters.values()]
    if kinds and all(kind is inspect.Parameter.KEYWORD_ONLY for kind in kinds):
        raise ValueError(
            f"the forward pass of this {type(model).__name__} takes its images by keyword only; wrap it in a module "
            "whose forward takes images only"
        )
