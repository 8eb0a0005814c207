"""A language model's shape from its Hugging Face config.json.

The file is read as plain JSON: no transformers, no network, and code that it names (`auto_map`) is never run. Model
types are the files of `hf_types`.
"""

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from costmodel import catalog
from costmodel.files import require_file
from costmodel.importers import hf_types, quantization_config
from costmodel.importers.config_fields import ConfigFields, shortened
from costmodel.importers.hf_types import _heads
from costmodel.workload.language_model import LanguageModel

MAX_BYTES = 4_000_000
VISION = {"image_size", "num_channels"}
SEVERAL_INPUTS = {"text_config", "vision_config", "audio_config"}
MAX_DIGITS = 4000


def read(path: str | Path) -> LanguageModel:
    """Return the model that a config.json describes; keys that may cost something unknown are its `uncounted`.

    ValueError, one line, names the file, the key, its value and what was expected, as a model_type that a file of
    `hf_types` reads.
    """
    path = Path(path)
    fields = ConfigFields(str(path), _json_object(path))
    types = catalog.modules(hf_types)
    model_type = fields.text("model_type")
    file = model_type.replace("-", "_")
    if file not in types:
        _refuse(path, model_type, fields, types)
    family = types[file]
    try:
        plain: LanguageModel = family.language_model(
            fields, path.stem if path.stem != "config" else path.resolve().parent.name or "config"
        )
        model = _heads.headed(plain, fields, family)
        checkpoint, left = quantization_config.read(fields)
    except ValueError as error:
        message = str(error)
        raise ValueError(message if message.startswith(f"{path}: ") else f"{path}: {message}") from None
    return replace(model, checkpoint=checkpoint, uncounted=model.uncounted + left + fields.not_understood())


def _refuse(path: Path, model_type: str, fields: ConfigFields, types: Collection[str]) -> NoReturn:
    kinds = {"a vision network": VISION, "a model of several kinds of input": SEVERAL_INPUTS}
    found = next((kind for kind, keys in kinds.items() if keys & set(fields.values)), None)
    if found:
        raise ValueError(f"{path}: model_type {model_type!r} is of {found}; take it from zoo:, torch: or onnx:")
    known = ", ".join(sorted(types))
    raise ValueError(
        f"{path}: unknown model_type {model_type!r}; transformers' own module can be given as torch:module:callable; "
        f"known: {known}"
    )


def _json_object(path: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a JSON number")

    try:
        require_file(path)
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if len(text) > MAX_BYTES:
        raise ValueError(f"{path}: a config.json must have at most {MAX_BYTES} bytes")
    try:
        values = json.loads(text, parse_constant=refuse, parse_int=_integer)
    except RecursionError:
        raise ValueError(f"{path}: not a config.json: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: a config.json must be an object, got {shortened(values)}")
    return values


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits, expected at most {MAX_DIGITS}")
    return int(digits)
