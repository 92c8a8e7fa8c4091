"""The cases of the capstone: what each of them trains with, in which order, and what it is cut to.

`capstone` says why, and runs them. A case is a dictionary: its stages are arguments of `effdl_lite.pipeline.Stage`.
"""

from effdl_lite import profiles
from effdl_lite.measure import cpu_has_bf16

WORKERS, PLAIN_BATCH, LARGE_BATCH, TIMES_FEWER = 4, 128, 512, 4.0
TERNGRAD_RATE = 0.2  # that of its own chapter, for this batch
PLAIN_FACTORS = {"learning_rate": (0.1, 0.2, 0.3, 0.4), "weight_decay": (5e-4, 2e-3)}
FACTORS = {"learning_rate": (0.1, 0.2), "small_rate": (0.1, 0.3), "noise": (0.01, 0.04), "channels": (1.5, 2.2)}
LANGUAGE_PLAIN_FACTORS = {"learning_rate": (10.0, 20.0), "clip_norm": (0.25, 0.5)}
LANGUAGE_FACTORS = {"learning_rate": (10.0, 20.0), "clip_norm": (0.125, 0.25), "noise": (0.002, 0.005)}
CHANNEL_STRENGTH, FORCE_STRENGTH, UNIT_STRENGTH = 1e-2, 1e-4, 6e-5
# Times fewer multiply-accumulates by units alone before the softmax layer is decomposed, and by that layer alone: it is
# half of the work.
UNITS, SOFTMAX = 3.2, 1.6
LARGE_BATCH_DECAY = 5e-4


def images_case(epochs: int, batch_size: int, weight_decay: float, stages: list[dict], **more) -> dict:
    return {
        "network": "ConvNet",
        "train_images": profiles.choose(quick=1_024, laptop=18_000, full=None),
        "batch_size": batch_size,
        "weight_decay": weight_decay,
        "workers": WORKERS,
        "bf16": cpu_has_bf16(),
        "stages": [stage if "epochs" in stage else {"epochs": epochs} | stage for stage in stages],
    } | more


def plain_case(epochs: int, learning_rate: float, weight_decay: float) -> dict:
    """One stage of both lengths: the plain network has nothing to be cut for."""
    return images_case(2 * epochs, PLAIN_BATCH, weight_decay, [{"learning_rate": learning_rate}])


def combined_case(epochs: int, setting: dict, without: tuple[str, ...] = (), order: str = "together") -> dict:
    """All five, or all without some: "SSL", "force", "low rank", "TernGrad", "SmoothOut".

    Args:
        epochs: of each of the two stages.
        setting: a level of each of `FACTORS`.
        order: "together", "low rank first", "one after the other", or "float once small".
    """
    rate, small_rate, noise, channels = (setting[name] for name in FACTORS)
    step = {"ternary": "TernGrad" not in without, "noise": 0.0 if "SmoothOut" in without else noise}
    ssl = {} if "SSL" in without else {"sparsity": CHANNEL_STRENGTH}
    pull = {} if {"force", "low rank"} & set(without) else {"force": FORCE_STRENGTH}
    if "SSL" in without:
        cuts = [["rank", TIMES_FEWER]]
    elif "low rank" in without:
        cuts = [["channels", TIMES_FEWER]]
    else:
        cuts = [["channels", channels], ["rank", TIMES_FEWER]]
    first, second = {"learning_rate": rate} | step, {"learning_rate": small_rate} | step
    half = [{"epochs": epochs // 2}, {"epochs": epochs - epochs // 2}]
    match order:
        case "together":
            stages = [first | ssl | pull | {"cut": cuts}, second]
        case "low rank first":  # as much is left to SSL as it is left in the other order
            rank, narrow = [["rank", TIMES_FEWER / channels]], [["channels", TIMES_FEWER]]
            stages = [first | pull | half[0] | {"cut": rank}, first | ssl | half[1] | {"cut": narrow}, second]
        case "one after the other":
            stages = [first | ssl | half[0] | {"cut": cuts[:1]}, first | pull | half[1] | {"cut": cuts[1:]}, second]
        case "float once small":
            stages = [first | ssl | pull | {"cut": cuts}, second | {"ternary": False}]
        case _:
            raise ValueError(f"order {order!r} is unknown")
    return images_case(epochs, LARGE_BATCH, LARGE_BATCH_DECAY, stages)


def ablation_cases(epochs: int, plain: dict, setting: dict) -> dict[str, dict]:
    """Plain, all five, all five without each one, and what all five made, with fresh weights and plain training."""
    whole, combined = plain_case(epochs, **plain), combined_case(epochs, setting)
    cases = {
        "plain": whole | {"weights": "convnet_plain"},
        "all five": combined | {"weights": "convnet_small_and_many"},
        "its structure, from scratch": whole | {"structure_of": combined},
    }
    for method in ("SSL", "force", "low rank", "TernGrad", "SmoothOut"):
        cases[f"no {method}"] = combined_case(epochs, setting, (method,))
    return cases


def control_cases(epochs: int, plain: dict, setting: dict) -> dict[str, dict]:
    """The large batch with no method, or with neither TernGrad nor noise; other trainings cut alike; other orders."""
    rate, decay = plain["learning_rate"], plain["weight_decay"]
    cut = {"learning_rate": rate, "cut": combined_case(epochs, setting)["stages"][0]["cut"]}
    large = [{"learning_rate": setting["learning_rate"]}]
    cases = {
        "plain, large batch": images_case(2 * epochs, LARGE_BATCH, LARGE_BATCH_DECAY, large),
        "plain, cut afterwards": images_case(epochs, PLAIN_BATCH, decay, [cut, {"learning_rate": rate}]),
        "no TernGrad, no SmoothOut": combined_case(epochs, setting, ("TernGrad", "SmoothOut")),
    }
    orders = ("low rank first", "one after the other", "float once small")
    return cases | {order: combined_case(epochs, setting, order=order) for order in orders}


def simplest_case(epochs: int, plain: dict, setting: dict) -> dict[str, dict]:
    """The plain training that is cut afterwards, with ternary gradients."""
    case = control_cases(epochs, plain, setting)["plain, cut afterwards"]
    ternary = {"ternary": True, "learning_rate": TERNGRAD_RATE}
    return {"TernGrad, cut afterwards": case | {"stages": [stage | ternary for stage in case["stages"]]}}


def language_case(epochs: int, streams: int, learning_rate: float, clip_norm: float, stages: list[dict]) -> dict:
    width = profiles.choose(quick=32, reference=128)
    return {
        "network": "LSTM",
        "width": width,
        "dropout": 0.1,
        "train_tokens": profiles.choose(quick=12_000, laptop=200_000, full=None),
        "streams": streams,
        "steps": 35,
        "clip_norm": clip_norm,
        "workers": WORKERS,
        "bf16": cpu_has_bf16(),
        "stages": [{"epochs": epochs, "learning_rate": learning_rate} | stage for stage in stages],
    }


def language_plain(epochs: int, setting: dict) -> dict:
    return language_case(2 * epochs, 20, setting["learning_rate"], setting["clip_norm"], [{}])


def language_combined(epochs: int, setting: dict, without: tuple[str, ...] = ()) -> dict:
    """ISS, low rank, TernGrad and SmoothOut, or all without some."""
    step = {"ternary": "TernGrad" not in without, "noise": 0.0 if "SmoothOut" in without else setting["noise"]}
    iss = {} if "ISS" in without else {"sparsity": UNIT_STRENGTH}
    if "ISS" in without:
        cuts = [["rank", SOFTMAX]]
    elif "low rank" in without:
        cuts = [["units", TIMES_FEWER]]
    else:
        cuts = [["units", UNITS], ["rank", TIMES_FEWER]]
    stages = [step | iss | {"cut": cuts}, step]
    return language_case(epochs, 40, setting["learning_rate"], setting["clip_norm"], stages)


def language_cases(epochs: int, plain: dict, setting: dict) -> dict[str, dict]:
    cases = {"plain": language_plain(epochs, plain), "all four": language_combined(epochs, setting)}
    for method in ("ISS", "low rank", "TernGrad", "SmoothOut"):
        cases[f"no {method}"] = language_combined(epochs, setting, (method,))
    return cases
