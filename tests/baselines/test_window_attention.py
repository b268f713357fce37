"""Attention in windows beside a dense reference that makes the full T x T matrix, and which keys are kept."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.models.raseformer import of_all_heads, of_norm, of_query, salient  # noqa: E402
from baselines.parts.attention import Attention, Keep, window_attention  # noqa: E402

CLIPS, HEADS, ROWS, WIDTH, WINDOW = 2, 3, 23, 5, 7
SALIENCES = {"query": of_query, "norm": of_norm, "all heads": of_all_heads}


@pytest.fixture
def tensors() -> tuple[torch.Tensor, ...]:
    """Return queries, keys and values, and which rows are inside: of the second clip fewer."""
    generator = torch.Generator().manual_seed(3)
    shape = (CLIPS, HEADS, ROWS, WIDTH)
    inside = torch.arange(ROWS) < torch.tensor([[ROWS], [ROWS - 6]])
    return *(torch.randn(shape, generator=generator).requires_grad_() for _ in range(3)), inside


def dense(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    inside: torch.Tensor,
    salience: str | None,
    kept: int,
) -> torch.Tensor:
    """Return the attention by the whole matrix of products, one row after the other."""
    products = query @ key.transpose(2, 3)  # (B, H, T, T)
    saliences = {
        "query": products,
        "norm": key.norm(dim=3)[:, :, None].expand_as(products),
        "all heads": products.sum(dim=1, keepdim=True).expand_as(products),
    }
    answer = torch.zeros_like(value)
    for clip in range(CLIPS):
        rows = int(inside[clip].sum())
        for head in range(HEADS):
            for row in range(rows):
                near = list(range(max(0, row - WINDOW // 2), min(rows, row + WINDOW // 2 + 1)))
                if salience is not None:
                    others = [other for other in near if other != row]
                    others.sort(key=lambda other: -saliences[salience][clip, head, row, other].item())
                    near = [row, *others[: kept - 1]]
                weights = (products[clip, head, row, near] / math.sqrt(WIDTH)).softmax(dim=0)
                answer[clip, head, row] = weights @ value[clip, head, near]
    return answer


@pytest.mark.parametrize("salience", [None, *SALIENCES])
@pytest.mark.parametrize("share", [0.15, 0.5])
def test_it_equals_a_dense_reference_and_so_do_its_gradients(
    salience: str | None, share: float, tensors: tuple[torch.Tensor, ...]
) -> None:
    query, key, value, inside = tensors
    keep: Keep | None = None if salience is None else salient(SALIENCES[salience], share)
    ours = window_attention(query, key, value, inside, WINDOW, keep)
    expected = dense(query, key, value, inside, salience, math.ceil(WINDOW * share))
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)
    direction = torch.linspace(-1, 1, ours.numel()).view_as(ours)
    gradients = [
        torch.autograd.grad((answer * direction).sum(), (query, key, value)) for answer in (ours, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


def test_a_window_as_wide_as_the_clip_is_attention_to_all_rows(tensors: tuple[torch.Tensor, ...]) -> None:
    query, key, value, inside = tensors
    ours = window_attention(query, key, value, inside, 2 * ROWS + 1)
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=inside[:, None, None]
    )
    within = inside[:, None, :, None]
    torch.testing.assert_close(ours, expected * within, rtol=0, atol=1e-5)


@pytest.mark.parametrize("salience", SALIENCES)
def test_the_centre_and_so_many_others_are_kept(salience: str, tensors: tuple[torch.Tensor, ...]) -> None:
    _, key, _, inside = tensors
    products = torch.randn(CLIPS, HEADS, ROWS, WINDOW, generator=torch.Generator().manual_seed(5))
    near = torch.nn.functional.pad(inside, (3, 3)).unfold(1, WINDOW, 1)[:, None]
    kept = salient(SALIENCES[salience], 0.5)(products, key, near)
    assert (kept.sum(dim=3) == 4).all()
    assert kept[..., WINDOW // 2].all()
    shared = (kept == kept[:, :1]).all()
    assert bool(shared) == (salience == "all heads")


def test_where_few_rows_are_inside_none_counts_twice_and_none_outside(
    tensors: tuple[torch.Tensor, ...],
) -> None:
    query, key, value, _ = tensors
    inside = torch.arange(ROWS).expand(CLIPS, -1) < 2
    ours = window_attention(query, key, value, inside, WINDOW, salient(of_query, 1 - 1 / WINDOW))
    expected = window_attention(query[:, :, :2], key[:, :, :2], value[:, :, :2], inside[:, :2], WINDOW)
    torch.testing.assert_close(ours[:, :, :2], expected, rtol=0, atol=1e-6)
    assert not ours[:, :, 2:].any()


def test_a_stride_halves_the_rows() -> None:
    torch.manual_seed(0)
    inside = torch.arange(12)[None, None] < 9
    for window in (5, 1):
        y, kept = Attention(6, 3, 2, window)(torch.randn(1, 6, 12), inside)
        assert y.shape == (1, 6, 6)
        assert kept[0, 0].tolist() == [True] * 5 + [False]
        assert not y[..., 5:].any()
