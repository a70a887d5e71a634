"""Dense products: torch's own are the reference, for numbers and gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from mlan import products
from mlan.model.compose import compose
from mlan.train import trainable
from tests.toy import TUNE, write_backbone

SIZES = st.integers(1, 40)
HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


needs_onednn = pytest.mark.skipif(not HAS_ONEDNN, reason="a torch without oneDNN")


@pytest.fixture(autouse=True)
def through_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the processor of these tests is."""
    monkeypatch.setattr(products, "_onednn_is_faster", lambda: HAS_ONEDNN)


@pytest.fixture
def products_taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the left factors that oneDNN gets."""
    taken: list[tuple[int, ...]] = []
    times_transposed = products._times_transposed

    def noting(left: torch.Tensor, *others: torch.Tensor | None) -> torch.Tensor:
        taken.append(tuple(left.shape))
        return times_transposed(left, *others)

    monkeypatch.setattr(products, "_times_transposed", noting)
    return taken


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=60)
@given(batch=SIZES, length=SIZES, k=SIZES, m=SIZES, has_bias=st.booleans())
def test_numbers_and_gradients_are_those_of_double_precision(
    batch: int, length: int, k: int, m: int, has_bias: bool
) -> None:
    rows, weight, above = draw(batch, length, k), draw(m, k, seed=1), draw(batch, length, m, seed=2)
    bias = draw(m, seed=3) if has_bias else None
    given_ = [t for t in (rows, weight, bias) if t is not None]
    ours = [t.clone().requires_grad_(True) for t in given_]
    exact = [t.double().requires_grad_(True) for t in given_]
    for function, inputs, gradient in (
        (products.linear, ours, above),
        (F.linear, exact, above.double()),
    ):
        function(*inputs).backward(gradient)
    assert torch.allclose(products.linear(*given_).double(), F.linear(*exact), atol=1e-4)
    for one, other in zip(ours, exact, strict=True):
        assert torch.allclose(one.grad.double(), other.grad, rtol=1e-4, atol=1e-3)


def test_a_worked_example() -> None:
    rows, weight = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0], [5.0, 6.0]])
    found = products.linear(rows, weight, torch.tensor([0.5, -0.5]))
    assert found.tolist() == [[11.5, 16.5]]


@needs_onednn
def test_layers_go_through_onednn_forward_and_back(products_taken: list[tuple[int, ...]]) -> None:
    layers = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    products.use_fast_products(layers)
    layers(draw(4, 3)).sum().backward()
    assert products_taken[:2] == [(4, 3), (4, 5)]
    assert len(products_taken) == 2 + 3  # each weight's gradient, and one between the layers


@needs_onednn
def test_a_model_and_its_adapters_go_through_onednn(
    tmp_path: Path, products_taken: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses and gradients are those that torch's own products give."""

    def loss_and_gradients() -> list[torch.Tensor]:
        model = compose(write_backbone(tmp_path / "backbone"))
        language, _ = trainable.select(model, TUNE, init_seed=0, has_pictures=False)
        for number, parameter in enumerate(language.values()):
            if "lora_B" in list(language)[number]:
                parameter.data.copy_(draw(*parameter.shape, seed=number) / 10)
        hidden = model.model.language_model(input_ids=torch.tensor([[4, 5, 6, 7]]))
        loss = model.lm_head(hidden.last_hidden_state).log_softmax(-1)[..., 1].sum()
        loss.backward()
        return [loss.detach(), *(p.grad for p in language.values() if p.grad is not None)]

    ours = loss_and_gradients()
    count = len(products_taken)
    monkeypatch.setattr(products, "_onednn_is_faster", lambda: False)
    torchs = loss_and_gradients()
    # Seven layers with two adapters each in every decoder layer, and the head: all of them.
    layers = sum(isinstance(m, nn.Linear) for m in language_layers(tmp_path / "backbone"))
    assert count >= 2 * layers
    assert len(products_taken) == count  # none in the second round
    assert len(ours) == len(torchs) > 1
    for one, other in zip(ours, torchs, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def language_layers(backbone: Path) -> list[nn.Module]:
    """The modules of the language model with adapters, head included."""
    model = compose(backbone)
    assert not any(type(module) is nn.Linear for module in model.modules())
    trainable.select(model, TUNE, init_seed=0, has_pictures=False)
    assert not any(type(module) is nn.Linear for module in model.modules())
    return [*model.model.language_model.modules(), model.lm_head]


def test_the_same_product_has_the_same_bits() -> None:
    rows, weight = draw(37, 64), draw(48, 64, seed=1)
    first = products.linear(rows, weight)
    assert all(torch.equal(first, products.linear(rows, weight)) for _ in range(5))


@needs_onednn
def test_of_a_frozen_weight_no_gradient_is_computed_and_no_row_kept(
    products_taken: list[tuple[int, ...]],
) -> None:
    rows, weight = draw(4, 3).requires_grad_(True), draw(2, 3, seed=1)
    found = products.linear(rows, weight)
    kept = [tuple(t.shape) for t in found.grad_fn.saved_tensors if t is not None]
    assert kept == [(2, 3)]  # the weight, for the gradient of the rows
    found.sum().backward()
    assert torch.allclose(rows.grad, weight.sum(0).expand(4, 3))
    assert products_taken == [(4, 3), (4, 2)]


@needs_onednn
def test_a_gradient_of_a_gradient_is_refused() -> None:
    rows = draw(4, 3).requires_grad_(True)
    found = products.linear(rows, draw(2, 3, seed=1)).square().sum()
    (first,) = torch.autograd.grad(found, rows, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_a_single_row_needs_no_batch() -> None:
    row, weight = draw(3).requires_grad_(True), draw(2, 3, seed=1).requires_grad_(True)
    products.linear(row, weight).sum().backward()
    assert torch.allclose(row.grad, weight.sum(0).detach())
    assert torch.allclose(weight.grad, row.detach().expand(2, 3))


@pytest.mark.parametrize(("k", "m"), [(3, 5), (5, 3)])
def test_gradients_and_rows_that_repeat_one_number(k: int, m: int) -> None:
    rows, weight = draw(1, k).requires_grad_(True), draw(m, k, seed=1).requires_grad_(True)
    products.linear(rows.expand(4, k), weight).sum().backward()  # from above come expanded ones
    assert torch.allclose(rows.grad, 4 * weight.sum(0).detach()[None], atol=1e-5)
    assert torch.allclose(weight.grad, 4 * rows.detach().expand(m, k), atol=1e-5)


def test_no_rows_have_no_products_and_gradients_of_zero() -> None:
    rows, weight = torch.zeros(0, 2, 3, requires_grad=True), draw(5, 3).requires_grad_(True)
    found = products.linear(rows, weight)
    found.sum().backward()
    assert found.shape == (0, 2, 5)
    assert torch.equal(weight.grad, torch.zeros(5, 3))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_types_are_left_to_torch(
    dtype: torch.dtype, products_taken: list[tuple[int, ...]]
) -> None:
    rows, weight = draw(4, 3).to(dtype), draw(2, 3, seed=1).to(dtype)
    assert torch.equal(products.linear(rows, weight), F.linear(rows, weight))
    assert products_taken == []


def test_autocast_is_left_to_torch() -> None:
    rows, weight = draw(4, 3), draw(2, 3, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert products.linear(rows, weight).dtype == torch.bfloat16


def test_layers_keep_names_ties_and_their_own_classes() -> None:
    class Own(nn.Linear):
        pass

    layer = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3), "own": Own(3, 3)})
    layer["b"].weight = layer["a"].weight
    before = {name: t.clone() for name, t in layer.state_dict().items()}
    products.use_fast_products(layer)
    after = layer.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert layer["b"].weight is layer["a"].weight
    assert type(layer["own"]) is Own


@pytest.mark.parametrize(
    ("maker", "capability", "held_back"),
    [
        ("AuthenticAMD", "AVX512", True),
        ("AuthenticAMD", "AVX2", False),
        ("HygonGenuine", "AVX2", False),
        ("GenuineIntel", "AVX512", False),
        ("", "AVX512", False),
        ("", "DEFAULT", False),
    ],
)
def test_mkl_is_left_alone_where_it_has_the_kernels(
    maker: str, capability: str, held_back: bool
) -> None:
    assert products.is_held_back(maker, capability) is held_back


def test_the_maker_is_read_from_the_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "cpuinfo"
    monkeypatch.setattr(products, "_CPU_INFO", told)
    assert products._maker() == ""
    told.write_text("processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\n")
    assert products._maker() == "AuthenticAMD"
