"""Pipelines of several methods: the budget is kept, what is left out is left out, and a program runs by itself."""

import subprocess
import sys

import pytest
import torch

from effdl_lite.data import ImageData
from effdl_lite.measure import num_threads
from effdl_lite.methods.intrinsic_sparsity import trim_units, unit_lengths, zero_units
from effdl_lite.models import ConvNet, LSTMLanguageModel
from effdl_lite.pipeline import (
    ImageTask,
    ProgramError,
    Stage,
    methods_of,
    programs,
    run_stages,
    run_without_package,
    save_program,
    trim_to_budget,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


@pytest.fixture(scope="module")
def tiny_images():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (64, 3, 32, 32), dtype=torch.uint8, generator=generator)
    labels = torch.arange(64) % 10
    names = tuple("abcdefghij")
    data = ImageData(images, labels, images[:8], labels[:8], images[:8], labels[:8], names, None)
    return ImageTask(data, 16, 5e-4)


class TestTheBudget:
    def test_as_little_goes_as_reaches_the_limit(self):
        weight = torch.arange(1.0, 101.0)

        def trim(share):
            weight[: int(share * 100)] = 0

        trim_to_budget([weight], trim, lambda: int(weight.count_nonzero()), 63)
        assert weight.tolist() == [0.0] * 37 + list(range(38, 101))

    def test_nothing_goes_where_the_cost_is_low_enough(self):
        def trim(share):
            raise AssertionError("must not be called")

        trim_to_budget([], trim, lambda: 5, 5)

    def test_a_limit_out_of_reach_leaves_the_weights_alone(self):
        weight = torch.ones(4)
        with pytest.raises(ValueError, match="2 multiply-accumulates are left, and 1 cannot be reached"):
            trim_to_budget([weight], lambda share: weight[: int(2 * share)].zero_(), lambda: 2, 1)
        assert weight.tolist() == [1.0] * 4


class TestTrimmedUnits:
    def test_the_shortest_go_relative_to_their_layer_and_one_stays(self):
        torch.manual_seed(0)
        net = LSTMLanguageModel(20, 6, (8, 8))
        with torch.no_grad():
            net.layers[0].weight_hh_l0.mul_(10)  # all of this layer is longer, and no unit of it is spared for that
        lengths = torch.cat([of / of.mean() for of in unit_lengths(net).values()])
        trim_units(net, 0.25)
        dead = torch.cat(list(zero_units(net).values()))
        assert dead.sum() == 4
        assert lengths[dead].max() < lengths[~dead].min()
        trim_units(net, 1.0)
        assert [int((~zero).sum()) for zero in zero_units(net).values()] == [1, 1]

    def test_bad_input_is_refused(self):
        net = LSTMLanguageModel(20, 6, (8,))
        with pytest.raises(ValueError, match=r"share 1\.5 is not in 0\.\.1"):
            trim_units(net, 1.5)
        net.layers[0].weight_hh_l0.data[0, 0] = float("nan")
        with pytest.raises(ValueError, match=r"layers\.0 holds weights that are not finite"):
            trim_units(net, 0.5)


class TestStages:
    @pytest.mark.parametrize(
        ("bad", "text"),
        [
            ({"epochs": 0}, "give at least 1"),
            ({"noise": -0.1}, "noise is -0.1"),
            ({"force": float("nan")}, "force is nan"),
            ({"cut": [("rank", 0.5)]}, "0.5 times fewer by rank is no saving"),
        ],
    )
    def test_numbers_out_of_range_are_refused(self, bad, text):
        with pytest.raises(ValueError, match=text):
            Stage(**({"epochs": 1, "learning_rate": 0.1} | bad))

    def test_a_stage_has_the_methods_that_it_names(self, tiny_images):
        net = ConvNet()
        nothing = methods_of(tiny_images, net, Stage(1, 0.1))
        assert [type(method).__name__ for method in nothing] == ["FloatExchange"]
        everything = methods_of(tiny_images, net, Stage(1, 0.1, True, 0.02, 0.01, 1e-4))
        names = [type(method).__name__ for method in everything]
        assert names == ["TernGrad", "SmoothOut", "ForceRegularization", "StructuredSparsity"]
        _, smooth, force, sparsity = everything
        assert (smooth.strength, force.strengths, sparsity.terms[0][2]) == (0.02, [1e-4] * 2, 0.01 * 2**0.5)
        assert [tuple(weight.shape) for weight in force.weights] == [(32, 32, 5, 5), (64, 32, 5, 5)]
        assert not {id(weight) for weight in smooth.weights} & {id(weight) for weight in sparsity.weights}

    def test_an_unknown_cut_is_refused_before_training(self, tiny_images):
        with pytest.raises(ValueError, match="cut 'units' is unknown here; choose among channels, rank"):
            run_stages(tiny_images, ConvNet(), [Stage(10**6, 0.1, cut=[("units", 2)])])
        with pytest.raises(ValueError, match="0 stages"):
            run_stages(tiny_images, ConvNet(), [])

    def test_cuts_are_of_the_first_network_and_in_their_order(self, tiny_images):
        torch.manual_seed(0)
        stages = [Stage(1, 0.05, cut=[("rank", 1.5), ("channels", 2.5)]), Stage(1, 0.05, cut=[("channels", 3.5)])]
        done = run_stages(tiny_images, ConvNet(), stages, workers=2)
        assert len(done.macs) == 3
        assert 2.5 <= done.macs[0] / done.macs[1] < 3
        assert 3.5 <= done.macs[0] / done.macs[2] < 4
        assert done.macs[2] == tiny_images.macs(done.net)
        assert hasattr(done.net.get_submodule("convs.1"), "basis")
        assert not done.net.training
        assert len(done.losses) == done.traffic.steps == 8


class TestPrograms:
    def test_a_program_computes_the_same_without_the_package_for_any_batch(self, tmp_path):
        torch.manual_seed(0)
        net = ConvNet((4, 4, 4)).to(memory_format=torch.channels_last).eval()
        images = torch.randn(5, 3, 32, 32)
        size = save_program(net, (images[:2],), tmp_path / "net.pt2", dynamic=0)
        assert size == (tmp_path / "net.pt2").stat().st_size
        result = run_without_package(tmp_path / "net.pt2", (images,))
        with torch.inference_mode():
            torch.testing.assert_close(result, net(images))
        weights = 4 * sum(weight.numel() for weight in net.parameters())
        assert weights < size < weights + 90_000  # the graph, and no example images

    def test_the_reader_cannot_import_the_package(self):
        block = "\n".join(programs._READER.strip().splitlines()[:2])
        done = subprocess.run([sys.executable, "-c", f"{block}\nimport effdl_lite"], capture_output=True, text=True)
        assert done.returncode == 1
        assert "ModuleNotFoundError: import of effdl_lite halted" in done.stderr

    def test_what_is_no_program_says_so(self, tmp_path):
        (tmp_path / "net.pt2").write_bytes(b"not a program")
        with pytest.raises(ProgramError, match=r"net\.pt2 does not run without the package"):
            run_without_package(tmp_path / "net.pt2", (torch.zeros(1),))
        with pytest.raises(ProgramError, match="did not finish within"):
            run_without_package(tmp_path / "net.pt2", (torch.zeros(1),), timeout=0.01)
