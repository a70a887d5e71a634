"""Embedded vision towers as ordinary transformers models.

A tower turns pictures into standardised patch features that a LLaVA projector reads:
`pixel_values` (B, 3, H, W) in ImageNet normalisation -> `hidden_states[-1]` (B, T, D).
Importing this module registers the towers, so `from_pretrained` finds them by model type.

MobileNetV2 follows Sandler et al. 2018 (arXiv 1801.04381) in torchvision's layout, so that its
ImageNet weights load strictly. Its features join the middle stage (colour and layout, which
flags need) with the last stage (object identity); nearest-neighbour tests on an unseen drawing
style favour the pair over either alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

GRID = 3
TOKENS = GRID * GRID
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class MobileNetTowerConfig(PreTrainedConfig):
    """Shape of the MobileNetV2 tower: T = 9 tokens of D = 9 x 32 + 1280 + 9 features."""

    model_type = "mlan_mobilenetv2"

    image_size: int = 96
    mid_channels: int = 32
    last_channels: int = 1280
    last_weight: float = 0.25
    hidden_size: int = TOKENS * 32 + 1280 + TOKENS


class ToyTowerConfig(PreTrainedConfig):
    """Shape of the random toy tower: T = 9 tokens of D features."""

    model_type = "mlan_toy_tower"

    image_size: int = 32
    hidden_size: int = 24


class _Tower(PreTrainedModel):
    """A frozen tower whose features are standardised channel by channel.

    `feature_mean` and `feature_std` (D,) are buffers set once from the stage-1 pictures, so
    that they are saved, moved and loaded with the model.
    """

    main_input_name = "pixel_values"
    input_modalities = "image"
    feature_mean: Tensor
    feature_std: Tensor
    # A convolutional tower has no attention: whatever the language model uses is fine.
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def _init_weights(self, module: nn.Module) -> None:
        """Weights come from files or a seeded generator, never from an initialiser here."""

    def _register_statistics(self, size: int) -> None:
        self.register_buffer("feature_mean", torch.zeros(size))
        self.register_buffer("feature_std", torch.ones(size))

    def raw_features(self, pixel_values: Tensor) -> Tensor:
        """Return features before standardisation, (B, T, D)."""
        raise NotImplementedError

    def standardise(self, raw: Tensor) -> Tensor:
        """Return (raw - mean) / std with the tower's statistics, (B, T, D)."""
        return (raw - self.feature_mean) / self.feature_std

    def measure(self, raw: Tensor) -> None:
        """Set the statistics from raw features (N, T, D); constant channels keep std 1."""
        mean, std = raw.mean((0, 1)), raw.std((0, 1))
        self.feature_mean.copy_(mean)
        self.feature_std.copy_(torch.where(std > 1e-6, std, torch.ones_like(std)))

    def noise(self, features: Tensor, std: float, generator: torch.Generator) -> Tensor:
        """Return features plus Gaussian noise of the given standard deviation, (B, T, D)."""
        return features + std * torch.randn(features.shape, generator=generator).to(features)

    def forward(self, pixel_values: Tensor, **_: object) -> BaseModelOutputWithPooling:
        """Return the standardised features as the only hidden state."""
        features = self.standardise(self.raw_features(pixel_values))
        return BaseModelOutputWithPooling(last_hidden_state=features, hidden_states=(features,))


class _ConvNormAct(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU6(),
        )


class _InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        expand = [_ConvNormAct(inputs, hidden, 1, 1, 1)] if expansion != 1 else []
        self.conv = nn.Sequential(
            *expand,
            _ConvNormAct(hidden, hidden, 3, stride, hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.residual else y


# (expansion, channels, repeats, first stride), table 2 of the paper.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_MID = 7  # features[:7] ends with the 32-channel stage


class MobileNetTower(_Tower):
    """ImageNet MobileNetV2 cut before its classifier."""

    config_class = MobileNetTowerConfig

    def __init__(self, config: MobileNetTowerConfig) -> None:
        super().__init__(config)
        layers: list[nn.Module] = [_ConvNormAct(3, 32, 3, 2, 1)]
        channels = 32
        for expansion, outputs, repeats, stride in _STAGES:
            for repeat in range(repeats):
                layers.append(
                    _InvertedResidual(channels, outputs, stride if repeat == 0 else 1, expansion)
                )
                channels = outputs
        layers.append(_ConvNormAct(channels, config.last_channels, 1, 1, 1))
        self.features = nn.Sequential(*layers)
        self._register_statistics(config.hidden_size)
        self.post_init()  # type: ignore[no-untyped-call]

    @property
    def _split(self) -> tuple[int, int]:
        mid = TOKENS * self.config.mid_channels
        return mid, mid + self.config.last_channels

    def raw_features(self, pixel_values: Tensor) -> Tensor:
        """Every token: the whole middle map (288), its own last-stage vector, its position."""
        mid = self.features[:_MID](pixel_values)
        last = F.adaptive_avg_pool2d(self.features[_MID:](mid), GRID)
        mid = F.adaptive_avg_pool2d(mid, GRID).flatten(2).transpose(1, 2)  # (B, T, 32)
        last = last.flatten(2).transpose(1, 2)  # (B, T, 1280)
        batch = mid.shape[0]
        whole = mid.reshape(batch, 1, -1).expand(batch, TOKENS, -1)
        position = torch.eye(TOKENS, dtype=mid.dtype, device=mid.device).expand(batch, -1, -1)
        return torch.cat([whole, last, position], dim=-1)

    def measure(self, raw: Tensor) -> None:
        """Per channel over pictures and tokens; the middle map's places share a channel's."""
        mid, last = self._split
        channels = raw[:, 0, :mid].reshape(-1, self.config.mid_channels)
        self.feature_mean[:mid] = channels.mean(0).repeat(TOKENS)
        self.feature_std[:mid] = (channels.std(0) + 1e-4).repeat(TOKENS)
        self.feature_mean[mid:last] = raw[..., mid:last].mean((0, 1))
        # Down-weighted: on an unseen style the last stage is the noisier of the two.
        spread = raw[..., mid:last].std((0, 1)) + 1e-2
        self.feature_std[mid:last] = spread / self.config.last_weight

    def noise(self, features: Tensor, std: float, generator: torch.Generator) -> Tensor:
        """Noise of `std` on each standardised channel; the shared middle map gets one draw."""
        mid, last = self._split
        batch, tokens, _ = features.shape
        whole = torch.randn((batch, 1, mid), generator=generator)
        own = torch.randn((batch, tokens, last - mid), generator=generator)
        noisy = features.clone()
        noisy[..., :mid] += std * whole.to(features)
        noisy[..., mid:last] += std * self.config.last_weight * own.to(features)
        return noisy


class ToyTower(_Tower):
    """A random projection of patch means, for tests of the plumbing."""

    config_class = ToyTowerConfig

    def __init__(self, config: ToyTowerConfig) -> None:
        super().__init__(config)
        self.patch = nn.Linear(3 * 4, config.hidden_size)
        self._register_statistics(config.hidden_size)
        self.post_init()  # type: ignore[no-untyped-call]

    def raw_features(self, pixel_values: Tensor) -> Tensor:
        """Project each of 3 x 3 patches, pooled to 2 x 2 colours, (B, 9, D)."""
        pooled = F.adaptive_avg_pool2d(pixel_values, 2 * GRID)
        patches = F.unfold(pooled, kernel_size=2, stride=2).transpose(1, 2)  # (B, 9, 12)
        features: Tensor = self.patch(patches)
        return features


def normalise(
    pictures: Tensor,
    mean: Sequence[float] = IMAGENET_MEAN,
    deviation: Sequence[float] = IMAGENET_STD,
) -> Tensor:
    """Turn uint8 pictures (B, H, W, 3) into normalised floats (B, 3, H, W), by default ImageNet's.

    `mean` and `deviation` are the three colours' in [0, 1].
    """
    centre = torch.tensor(mean, device=pictures.device)[:, None, None]
    scale = torch.tensor(deviation, device=pictures.device)[:, None, None]
    return (pictures.permute(0, 3, 1, 2).float() / 255 - centre) / scale


AutoConfig.register(MobileNetTowerConfig.model_type, MobileNetTowerConfig)
AutoConfig.register(ToyTowerConfig.model_type, ToyTowerConfig)
AutoModel.register(MobileNetTowerConfig, MobileNetTower)
AutoModel.register(ToyTowerConfig, ToyTower)
