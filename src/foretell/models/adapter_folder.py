"""A folder's network, loaded by transformers, after checking what can be checked before its weights are read."""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from foretell.errors import UserError
from foretell.models.adapter_windows import misfit, read_windows
from foretell.models.weights.checkpoint import DamagedFileError, finite
from foretell.models.weights.config_keys import remarks
from foretell.models.weights.safetensors_folder import read_config, transformers_config
from foretell.models.weights.unused_tensors import unused_tensors


def check_class(kind: Any, config: Any) -> None:
    """UserError where models of this class cannot be given a token tree. config: of the text model."""
    if getattr(config, "is_encoder_decoder", False):
        raise misfit(kind.__name__, "encoder-decoder models are not causal language models")
    read_windows(kind, config)
    if "position_ids" not in inspect.signature(kind.forward).parameters:
        raise misfit(kind.__name__, "its forward takes no position_ids, so it cannot verify token trees")


def network_of(folder: Path, dtype: torch.dtype | None) -> Any:
    """The causal language model of `folder`, as transformers loads it. UserError, before weights are read where possible."""
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    values, config = read_config(folder), transformers_config(folder)
    try:
        kind: Any = AutoModelForCausalLM._model_mapping[type(config)]
    except KeyError as error:
        raise UserError(f"{folder}: transformers has no causal language model for model_type={values['model_type']!r}") from error
    kind = kind[0] if isinstance(kind, tuple) else kind
    check_class(kind, config.get_text_config())
    for remark in remarks(values, _words(type(config), kind)):
        warnings.warn(f"{folder / 'config.json'}: {remark}", stacklevel=2)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, output_loading_info=True, local_files_only=True, trust_remote_code=False
        )
    except (SafetensorError, EOFError) as error:
        raise DamagedFileError(folder, f"weights cannot be read, a file is probably cut short ({error})") from error
    except (FileNotFoundError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # other libraries that are missing, files that do not fit the configuration
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{folder}: transformers cannot load {kind.__name__} ({type(error).__name__}: {reason})") from error
    network, report = loaded
    if values.get("quantization_config") and getattr(network, "hf_quantizer", None) is None:
        raise UserError(f"{folder}: transformers does not read quantization_config={str(values['quantization_config'])[:80]}")
    missing = sorted(report["missing_keys"])
    if missing:  # transformers would go on with random values
        raise DamagedFileError(folder, f"the tensor {missing[0]!r} is missing ({len(missing)} in all)")
    for name, parameter in network.named_parameters():
        if parameter.is_floating_point() and parameter.element_size() > 1:
            finite(parameter.detach(), name, folder)
    for remark in unused_tensors(sorted(report["unexpected_keys"])):
        warnings.warn(f"{folder}: {remark}", stacklevel=2)
    return network


def _words(*classes: Any) -> set[str]:
    """All names that the source files of these classes, and of what they inherit, mention: a setting among them may be read."""
    files = {sys.modules[base.__module__] for kind in classes for base in kind.__mro__ if base.__module__.startswith("transformers")}
    return {word for module in files for word in re.findall(r"\w+", inspect.getsource(module))}
