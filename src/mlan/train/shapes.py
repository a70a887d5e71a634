"""What the operations of a model follow from, read off the model itself."""

from __future__ import annotations

from typing import Any

from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

from mlan.flops import DecoderShape, encoder_flops


def decoder_shape(model: LlavaForConditionalGeneration) -> DecoderShape:
    """Return the shape of the language model, adapters left out; before it is sharded."""
    text: Any = model.config.text_config
    layers = model.model.language_model.layers
    matrices = sum(
        p.numel() for n, p in layers.named_parameters() if p.dim() == 2 and "lora_" not in n
    )
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return DecoderShape(
        matrices=matrices,
        layers=len(layers),
        query_width=text.num_attention_heads * width,
        head=text.vocab_size * text.hidden_size,
    )


def picture_flops(model: LlavaForConditionalGeneration) -> float:
    """Return the operations of one picture in a transformer tower; 0 for another kind."""
    vision: Any = model.config.vision_config
    if not (hasattr(vision, "patch_size") and hasattr(vision, "num_hidden_layers")):
        return 0.0
    tower = model.model.vision_tower
    weights = sum(p.numel() for n, p in tower.named_parameters() if p.dim() == 2 and "layers" in n)
    patches = (vision.image_size // vision.patch_size) ** 2
    return encoder_flops(weights, vision.num_hidden_layers, vision.hidden_size, patches + 1)
