"""Read SmolLM2-135M-Instruct out of its GGUF file into plain Llama weights.

transformers can read GGUF itself, but marks the result as quantised and then refuses to save
it; the file also stores query and key rows in another order (rotary halves interleaved).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader, dequantize
from torch import Tensor
from transformers import LlamaConfig

_PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def smollm2_config() -> LlamaConfig:
    """Return the architecture of SmolLM2-135M (model card, HuggingFaceTB)."""
    return LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=8192,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )


def read_weights(path: Path, config: LlamaConfig) -> dict[str, Tensor]:
    """Return fp32 weights under the names of `LlamaModel` (no head: it is tied)."""
    weights = {}
    for tensor in GGUFReader(str(path)).tensors:
        array = np.array(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        array = array.reshape([int(n) for n in reversed(tensor.shape)])
        weights[_name(tensor.name)] = torch.from_numpy(_reordered(tensor.name, array, config))
    return weights


def _name(name: str) -> str:
    if name == "token_embd.weight":
        return "embed_tokens.weight"
    if name == "output_norm.weight":
        return "norm.weight"
    _, layer, part, _ = name.split(".")
    return f"layers.{layer}.{_PARTS[part]}.weight"


def _reordered(name: str, array: np.ndarray, config: LlamaConfig) -> np.ndarray:
    """Undo llama.cpp's interleaving of rotary halves in query and key rows."""
    heads = {
        "attn_q": config.num_attention_heads,
        "attn_k": config.num_key_value_heads,
    }.get(name.split(".")[2] if name.count(".") == 3 else "")
    if heads is None:
        return np.ascontiguousarray(array)
    rows, columns = array.shape
    halves = array.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2)
    return np.ascontiguousarray(halves.reshape(rows, columns))
