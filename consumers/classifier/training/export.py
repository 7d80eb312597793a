"""The trained network to an OpenVINO IR in 8 bits.

Static quantisation: the scales of activations are fixed on training passages, so that what a passage gets can't depend
on its batch-mates. The heads stay in float32: they are tiny and their errors would be felt most (their nodes are
those outside of `__module.encoder`).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consumers.classifier.batches import padded

OUTPUTS = ("relevance", "topics", "stance", "embedding", "open")


def convert(network: Any) -> Any:
    """The network as an OpenVINO model in float32, dynamic in passages and tokens."""
    import openvino
    import torch

    ids = torch.ones(2, 8, dtype=torch.int64)
    network.eval()
    with torch.no_grad():
        model = openvino.convert_model(
            network,
            example_input={
                "input_ids": ids,
                "attention_mask": torch.ones_like(ids),
                "slots": network.described.clone(),
            },
            input=[
                ("input_ids", [-1, -1], np.int64),
                ("attention_mask", [-1, -1], np.int64),
                ("slots", [-1, network.described.shape[-1]], np.float32),
            ],
        )
    for output, name in zip(model.outputs, OUTPUTS, strict=True):
        output.get_tensor().set_names({name})
    return model


def quantise(model: Any, rows: Sequence[Sequence[int]], slots: Any) -> Any:
    """Quantise weights and activations to 8 bits, calibrated on `rows` of token ids, asked of `slots`."""
    os.environ["NNCF_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "1"
    import nncf

    return nncf.quantize(
        model,
        nncf.Dataset([_feed([row], slots) for row in rows]),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(rows),
        ignored_scope=nncf.IgnoredScope(patterns=[r"^aten::.*"]),
    )


def agreement(network: Any, model: Any, rows: Sequence[Sequence[int]]) -> float:
    """The largest difference of any output between the network and its float32 conversion, over `rows`."""
    import openvino
    import torch

    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    worst = 0.0
    for row in rows:
        feed = _feed([row], network.described.numpy())
        said = compiled(feed)
        with torch.no_grad():
            meant = network(*(torch.from_numpy(value) for value in feed.values()))
        gaps = [np.abs(part.numpy() - said[name]).max() for name, part in zip(OUTPUTS, meant, strict=True)]
        worst = max(worst, *map(float, gaps))
    return worst


def save(model: Any, folder: Path) -> None:
    """Write `model.xml` and `model.bin`; what is left in float32 is kept so."""
    import openvino

    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)


def _feed(rows: Sequence[Sequence[int]], slots: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[Any]]:
    ids, mask = padded(rows)
    return {"input_ids": ids, "attention_mask": mask, "slots": slots}
