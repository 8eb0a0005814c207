"""Link: what joins GPUs, as a rate, and the latencies of the protocols that send over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from costmodel.catalog import only, read_toml, require, require_keys, toml_files
from costmodel.hardware.gpu import Gpu
from costmodel.hardware.load import check_number, user_folder
from costmodel.record import Real

L = TypeVar("L")


@dataclass(frozen=True)
class Protocol:
    """One way to send: seconds to start a collective and a hop, and the share of the link's rate that it gets."""

    name: str
    start_s: Real
    hop_s: Real
    share: Real


@dataclass(frozen=True)
class Link:
    """A link: `bytes_per_s` of one GPU in one direction, of which software gets the `achievable` share."""

    name: str
    bytes_per_s: Real
    achievable: Real
    protocols: tuple[Protocol, ...]
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


def names() -> list[str]:
    """The known links."""
    return sorted(_files())


def link(name: str) -> Link:
    """The link of that name or TOML path; ValueError names the file and the value that is missing or wrong."""
    files = _files()
    return _read(Path(name) if name.endswith(".toml") else only(files[require("link", name, files)]))


def link_of(gpu: Gpu) -> Link:
    """The link that a GPU's data sheet gives it, at that sheet's rate; ValueError where it has none to other GPUs."""
    if not gpu.link:
        raise ValueError(f"{gpu.name} has no link to other GPUs; its TOML may name one, as link = {names()[0]!r}")
    found = link(gpu.link)
    return replace(found, bytes_per_s=gpu.link_bytes_per_s / 2) if gpu.link_bytes_per_s > 0 else found


def beyond(gpu: Gpu) -> Link:
    """What brings weights from outside a GPU's memory: storage whose rate it names, else its link to the host.

    ValueError where it has neither.
    """
    if gpu.storage_bytes_per_s > 0:
        return Link("storage", gpu.storage_bytes_per_s, 1.0, (Protocol("read", 0.0, 0.0, 1.0),))
    if not gpu.link:
        raise ValueError(
            f"{gpu.name} has no host whose memory holds weights, and storage of a rate that is not known; its TOML may "
            "name what yours reads, as storage_bytes_per_s = 1e9"
        )
    return link_of(gpu)


def joined(device: object) -> bool:
    """Whether a link joins a device, or each of a batch, to others."""
    return isinstance(device, Gpu) and all(np.ravel(device.link).tolist())


def brings(device: object) -> bool:
    """Whether a device, or each of a batch, has a link or storage to bring weights from."""
    return isinstance(device, Gpu) and (joined(device) or bool(np.all(np.asarray(device.storage_bytes_per_s) > 0)))


def _files() -> dict[str, list[Path]]:
    return toml_files(Path(__file__).parent / "links", user_folder() / "links")


def _read(path: Path) -> Link:
    if not path.is_file():
        raise ValueError(f"no link file {str(path)!r}")
    data = read_toml(path)
    protocols = data.pop("protocols", [])
    if not isinstance(protocols, list) or not protocols:
        raise ValueError(f"{path}: a link needs at least one [[protocols]] table")
    made = tuple(_checked(path, table, Protocol) for table in protocols)
    return _checked(path, {"name": path.stem, **data, "protocols": made}, Link)


def _checked(path: Path, data: Any, cls: type[L]) -> L:
    known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
    if not isinstance(data, Mapping):
        raise ValueError(f"{path}: expected a table, got {data!r}")
    for key, value in data.items():
        require(f"key in {path}", key, known)
        if key not in ("name", "protocols", "sources"):
            check_number(str(path), key, value)
    require_keys(path, sorted(known - {"sources"}), data)
    return cls(**data)
