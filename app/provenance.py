"""What is needed to run a result again: the command, the versions, the calibrations, the inputs and the seed."""

import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from app.cli import ARGUMENTS
from costmodel.hardware import Device
from dse.calibrations import calibrations, digest

PACKAGES = ("bitfront", "numpy", "scipy", "ortools", "torch")


def provenance(
    devices: Mapping[str, Device], models: Sequence[str] = (), *, module: Any = None, seed: int | None = None
) -> dict[str, Any]:
    """Return {"command", "versions", "calibrations", "inputs", "seed", "threads"} of a result being made.

    command       the arguments of the command line, None where Python code made the result
    calibrations  {file: hash} of every calibration that a prediction on the devices may read
    inputs        {what: hash} of models that are files, of the weights of `module` (the only model), of devices
    seed          of what is drawn at random; None where nothing is
    threads       that torch computed on, where it did: sums in another order differ in their last bits
    """
    found = {name: calibrations(device) for name, device in devices.items()}
    return {
        "command": command(),
        "versions": versions(),
        "calibrations": {name: code for of_device in found.values() for name, code in of_device.items()},
        "inputs": _files(models)
        | ({} if module is None else {f"weights of {', '.join(models)}": _weights(module)})
        | {name: digest(repr(device).encode()) for name, device in devices.items()},
        "seed": seed,
    } | ({} if module is None else {"threads": _threads()})


def command() -> list[str] | None:
    """The command line that is running, as it was typed; None in a program that is no command."""
    context = click.get_current_context(silent=True)
    arguments = context.meta.get(ARGUMENTS) if context else None
    return None if arguments is None else ["bitfront", *arguments]


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that numbers come from."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _files(models: Sequence[str]) -> dict[str, str]:
    """The hashes of the models that are files."""
    paths = {model: Path(model.partition(":")[2]) for model in models if model.startswith(("onnx:", "hf:"))}
    return {model: digest(path.read_bytes()) for model, path in paths.items() if path.is_file()}


def _weights(module: Any) -> str:
    state = module.state_dict()
    tensors = {name: value for name, value in state.items() if hasattr(value, "cpu")}
    return digest(*(part for name in sorted(tensors) for part in (name.encode(), _bytes(tensors[name]))))


def _bytes(tensor: Any) -> bytes:
    """The bytes of a tensor of any type: NumPy lacks some, as bf16."""
    import torch

    values: bytes = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return values


def _threads() -> int:
    import torch

    return int(torch.get_num_threads())
