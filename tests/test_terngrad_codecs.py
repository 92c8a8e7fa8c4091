"""TernGrad on the wire: codecs, exact byte counts, and the model that says when it pays."""

import dataclasses
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effdl_lite.measure import count_macs, count_parameters, num_threads
from effdl_lite.methods.terngrad import (
    ALL_GATHER,
    BASE_3,
    PARAMETER_SERVER,
    TWO_BIT,
    Cluster,
    Quantizer,
    Traffic,
    Work,
    break_even_bandwidth,
    decode,
    download_bytes,
    encode,
    float_exchange,
    ideal_ratio,
    level_bits,
    levels,
    scale,
    speedup,
    ternarize,
    ternary_codes,
    ternary_exchange,
    upload_bytes,
)
from effdl_lite.methods.terngrad.scalers import BLOCK
from effdl_lite.models import MLP, ConvNet

CODECS = [TWO_BIT, BASE_3]
LENGTHS = [*range(1, 22), 999, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 13]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with num_threads(1):
        yield


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_codes(elements: int) -> torch.Tensor:
    return torch.randint(-1, 2, (elements,), dtype=torch.int8, generator=seeded(elements))


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
class TestCodec:
    @pytest.mark.parametrize("elements", LENGTHS)
    def test_what_is_packed_comes_back_in_as_many_bytes_as_counted(self, codec, elements):
        codes = random_codes(elements)
        packed = codec.pack(codes)
        assert packed.dtype == torch.uint8
        assert len(packed) == codec.bytes_of(elements) == math.ceil(elements / codec.per_byte)
        assert torch.equal(codec.unpack(packed, elements), codes)

    def test_every_byte_has_its_own_digits(self, codec):
        codes = torch.cartesian_prod(*[torch.arange(-1, 2, dtype=torch.int8)] * codec.per_byte)
        packed = codec.pack(codes.T.contiguous().view(-1))
        assert len(packed.unique()) == 3**codec.per_byte
        assert torch.equal(codec.unpack(packed, codes.numel()), codes.T.reshape(-1))

    def test_an_encoded_gradient_is_the_ternary_gradient_of_the_same_random_numbers(self, codec):
        gradient = torch.randn(3, BLOCK // 2, generator=seeded())
        for bucket_size in (None, 1000):
            message = encode(gradient, codec, clip=2.5, bucket_size=bucket_size, generator=seeded(1))
            scalers, limit = scale(gradient, 2.5, bucket_size=bucket_size)
            options = {"limit": limit, "bucket_size": bucket_size, "generator": seeded(1)}
            assert torch.equal(decode(message), ternarize(gradient, scalers, **options))
            assert message.nbytes == upload_bytes(gradient.numel(), codec, len(scalers))

    def test_it_decodes_into_given_memory(self, codec):
        message = encode(torch.randn(7, 11, generator=seeded()), codec)
        memory = torch.full((77,), math.nan)
        decoded = decode(message, memory)
        assert decoded.shape == (7, 11)
        assert decoded.data_ptr() == memory.data_ptr()
        assert torch.equal(decoded, decode(message))

    @pytest.mark.parametrize("bytes_more", [-1, 1])
    def test_a_message_of_the_wrong_length_is_refused(self, codec, bytes_more):
        length = codec.bytes_of(1000)
        with pytest.raises(ValueError, match=rf"1000 elements take {length} bytes in the {codec.name} codec"):
            codec.unpack(torch.zeros(length + bytes_more, dtype=torch.uint8), 1000)

    def test_what_is_no_message_is_refused(self, codec):
        with pytest.raises(ValueError, match=r"a message is a vector of uint8; this is torch\.int8"):
            codec.unpack(torch.zeros(1, dtype=torch.int8), 3)
        with pytest.raises(ValueError, match=r"uint8 of shape \(1, 1\)"):
            codec.unpack(torch.zeros(1, 1, dtype=torch.uint8), 3)
        with pytest.raises(ValueError, match="0 elements take 0 bytes"):
            codec.unpack(torch.zeros(0, dtype=torch.uint8), 0)


def test_a_message_of_the_other_codec_is_refused():
    with pytest.raises(ValueError, match="both sides need the same codec"):
        BASE_3.unpack(TWO_BIT.pack(random_codes(1000)), 1000)


def test_two_bits_are_the_authors_layout():
    codes = torch.tensor([-1, 0, 1, 0, 1, -1, 1, 1], dtype=torch.int8)
    # their encoder: four equal stretches; the sum of (sign + 1) times 1, 4, 16 and 64
    assert TWO_BIT.pack(codes).tolist() == [0 + 4 * 2 + 16 * 2 + 64 * 2, 1 + 4 * 1 + 16 * 0 + 64 * 2]


class TestBytes:
    def test_compression_of_the_fact_sheet(self):
        assert math.log2(3) == pytest.approx(1.584963, abs=1e-6)
        assert ideal_ratio() == pytest.approx(20.1898, abs=1e-4)
        assert 32 / TWO_BIT.bits == 16
        assert 32 / BASE_3.bits == 20
        expected = {1: 20.190, 2: 13.782, 3: 11.399, 4: 10.095, 8: 7.829, 16: 6.344, 32: 5.314, 64: 4.564, 512: 3.200}
        assert {n: round(ideal_ratio(n), 3) for n in expected} == expected
        assert {n: level_bits(n) for n in (1, 2, 4, 8, 16, 64)} == {1: 2, 2: 3, 4: 4, 8: 5, 16: 6, 64: 8}
        assert levels(3) == 7

    def test_a_thousand_elements_take_250_bytes(self):
        assert len(TWO_BIT.pack(random_codes(1000))) == 250  # the authors' packer pads by 4 more codes: 251
        assert len(BASE_3.pack(random_codes(1000))) == 200

    @pytest.mark.parametrize(("codec", "bits"), [(TWO_BIT, 2.0), (BASE_3, 1.6)])
    def test_a_large_gradient_is_within_a_percent_of_the_bits_of_its_codec(self, codec, bits):
        sent = 8 * encode(torch.ones(10_001), codec).nbytes / 10_001
        assert bits <= sent <= 1.01 * bits

    @settings(max_examples=50, deadline=None)
    @given(st.integers(1, 5000), st.integers(1, 600))
    def test_a_level_fits_in_its_bits_and_in_no_fewer(self, elements, workers):
        bits = level_bits(workers)
        assert 2 ** (bits - 1) < levels(workers) <= 2**bits
        assert download_bytes(elements, workers) == math.ceil(elements * bits / 8) + 4
        assert download_bytes(elements, workers, shared=False) == 4 * elements

    def test_traffic_adds_up(self):
        traffic = Traffic()
        traffic.add_ternary(1000, workers=4, codec=TWO_BIT, scalers=1, shared=True)
        traffic.add_float(10)
        assert (traffic.up, traffic.down, traffic.fp32) == (250 + 4 + 40, 500 + 4 + 40, 4000 + 40)
        assert traffic.ratio == pytest.approx(8080 / (294 + 544))

    def test_no_workers_have_no_levels(self):
        with pytest.raises(ValueError, match="0 workers"):
            levels(0)


WORK = Work(weights=5_000_000, compute=0.5, tensors=10)
GIGABIT = Cluster(workers=4, bandwidth=125e6, latency=50e-6)


def changed(of, **values):
    return dataclasses.replace(of, **values)


class TestPerformanceModel:
    def test_by_hand_at_a_parameter_server(self):
        cluster, work = Cluster(2, 1000.0, latency=0.1), Work(weights=1000, compute=3.0, float_weights=10)
        assert float_exchange(cluster, work) == pytest.approx(0.2 + 2 * 2 * 4040 / 1000)
        up, down = 250 + 4 + 40, 375 + 4 + 40
        assert ternary_exchange(cluster, work) == pytest.approx(0.4 + 2 * (up + down) / 1000)
        quantizer = Quantizer(BASE_3, encode=1e-4, decode=2e-4)
        up -= 50
        expected = 0.4 + 2 * (up + down) / 1000 + 4000 * 3e-4
        assert ternary_exchange(cluster, work, quantizer) == pytest.approx(expected)
        assert speedup(cluster, work, quantizer) == pytest.approx((3 + 0.2 + 16.16) / (3 + expected))

    def test_by_hand_without_a_server(self):
        cluster, work = Cluster(4, 1000.0, latency=0.1, exchange=ALL_GATHER), Work(weights=1000, compute=3.0)
        assert float_exchange(cluster, work) == pytest.approx(6 * (0.1 + 1.0))
        expected = 6 * (0.1 + 0.001) + 3 * (0.1 + 0.25)
        assert ternary_exchange(cluster, work) == pytest.approx(expected)
        decoding = Quantizer(decode=1e-5)
        assert ternary_exchange(cluster, work, decoding) == pytest.approx(expected + 4 * 4000e-5)

    @pytest.mark.parametrize("exchange", [PARAMETER_SERVER, ALL_GATHER])
    def test_slide_2_less_bandwidth(self, exchange):
        found = [speedup(changed(GIGABIT, bandwidth=b, exchange=exchange), WORK) for b in (12.5e9, 1.25e9, 125e6, 1e6)]
        assert found == sorted(found)
        assert found[0] < 1.2 < 5 < found[-1]

    @pytest.mark.parametrize("exchange", [PARAMETER_SERVER, ALL_GATHER])
    def test_slide_3_more_fully_connected_weights_for_the_same_compute(self, exchange):
        cluster = changed(GIGABIT, exchange=exchange)
        found = [speedup(cluster, changed(WORK, weights=n)) for n in (10**5, 10**6, 10**7, 10**8)]
        assert found == sorted(found)
        assert len({*found}) == 4

    def test_slide_3_on_networks_of_the_course(self):
        networks = [(ConvNet(), (1, 3, 32, 32)), (MLP(), (1, 784))]
        found = []
        for net, shape in networks:
            compute = 3 * 64 * count_macs(net, torch.zeros(shape)) / 20e9
            found.append(speedup(GIGABIT, Work(count_parameters(net), compute)))
        assert found[1] > 2 * found[0] > 2  # fully connected layers use a weight once an image, convolutions often

    @pytest.mark.parametrize("exchange", [PARAMETER_SERVER, ALL_GATHER])
    def test_slide_4_faster_compute(self, exchange):
        found = [speedup(changed(GIGABIT, exchange=exchange), changed(WORK, compute=c)) for c in (50, 5, 0.5, 0.05)]
        assert found == sorted(found)
        assert found[0] < 1.1

    def test_slide_1_more_workers_at_a_server_until_their_levels_cost_more(self):
        found = {n: speedup(changed(GIGABIT, workers=n), WORK) for n in (1, 2, 4, 8, 16, 10**4)}
        assert found[1] == 1
        few = [found[n] for n in (1, 2, 4, 8, 16)]
        assert few == sorted(few)
        assert found[16] > 2 * found[2]
        # Where all time is communication, only the bytes are left, and these are fewer by less and less.
        assert found[10**4] < found[16]
        assert found[10**4] == pytest.approx(64 / (2 + level_bits(10**4)), rel=1e-3)

    def test_slide_1_does_not_hold_without_a_server(self):
        gather = changed(GIGABIT, exchange=ALL_GATHER)
        found = [speedup(changed(gather, workers=n), WORK) for n in (4, 8, 16, 32, 64)]
        assert found == sorted(found, reverse=True)
        assert found[-1] < 1
        slow = Work(weights=10**8, compute=1e-9)
        for n in (2, 4, 8):  # the 16 of two bits shrink to 32 / N
            assert speedup(changed(gather, workers=n, latency=0), slow) == pytest.approx(32 / n, rel=1e-3)

    def test_it_grows_from_1_to_the_ratio_of_the_exchanges(self):
        ratio = float_exchange(GIGABIT, WORK) / ternary_exchange(GIGABIT, WORK)
        assert speedup(GIGABIT, changed(WORK, compute=1e6)) == pytest.approx(1, abs=1e-5)
        assert speedup(GIGABIT, changed(WORK, compute=1e-12)) == pytest.approx(ratio)
        x, r = float_exchange(GIGABIT, WORK) / WORK.compute, 1 / ratio
        assert speedup(GIGABIT, WORK) == pytest.approx((1 + x) / (1 + r * x))

    @pytest.mark.parametrize("exchange", [PARAMETER_SERVER, ALL_GATHER])
    def test_at_the_break_even_bandwidth_both_take_as_long(self, exchange):
        quantizer = Quantizer(encode=1e-9, decode=1e-10)
        cluster = changed(GIGABIT, exchange=exchange)
        limit = break_even_bandwidth(cluster, WORK, quantizer)
        assert speedup(changed(cluster, bandwidth=limit), WORK, quantizer) == pytest.approx(1)
        assert speedup(changed(cluster, bandwidth=limit / 2), WORK, quantizer) > 1
        assert speedup(changed(cluster, bandwidth=limit * 2), WORK, quantizer) < 1

    def test_break_even_at_the_ends(self):
        free = changed(GIGABIT, latency=0)
        assert break_even_bandwidth(free, WORK) == math.inf
        assert break_even_bandwidth(changed(free, workers=1), WORK) == 0
        assert break_even_bandwidth(changed(free, workers=64, exchange=ALL_GATHER), WORK, Quantizer(encode=1e-9)) == 0

    @pytest.mark.parametrize("values", [{"workers": 0}, {"bandwidth": 0}, {"bandwidth": math.nan}, {"latency": -1}])
    def test_clusters_that_cannot_be(self, values):
        with pytest.raises(ValueError, match="at least 1, above 0 and at least 0"):
            changed(GIGABIT, **values)

    def test_exchanges_that_cannot_be(self):
        with pytest.raises(ValueError, match="exchange 'ring' is unknown"):
            changed(GIGABIT, exchange="ring")

    @pytest.mark.parametrize("values", [{"weights": 0}, {"compute": 0}, {"tensors": 0}, {"float_weights": -1}])
    def test_work_that_cannot_be(self, values):
        with pytest.raises(ValueError, match="above 0 and at least 0"):
            changed(WORK, **values)


def test_codes_of_a_small_gradient_use_the_same_numbers_in_every_codec():
    gradient = torch.randn(1000, generator=seeded())
    codes = ternary_codes(gradient, scale(gradient)[0], generator=seeded(1))
    for codec in CODECS:
        message = encode(gradient, codec, clip=None, generator=seeded(1))
        assert torch.equal(codec.unpack(message.packed, 1000), codes)
