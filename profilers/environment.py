"""Which GPU this is among ours, and the software beside it."""

import re
from collections.abc import Mapping
from typing import Any

from costmodel import hardware

ALIASES = {
    "h100_80gb_hbm3": "h100_sxm", "h100_pcie": "h100_pcie", "h200": "h200_sxm", "a100_sxm4_80gb": "a100_sxm",
    "a100_80gb_pcie": "a100_pcie", "a100_sxm4_40gb": "a100_sxm_40gb", "tesla_v100_sxm2_16gb": "v100_sxm",
    "tesla_v100_sxm2_32gb": "v100_sxm", "tesla_t4": "t4", "b200": "b200_sxm", "geforce_rtx_4090": "rtx_4090",
    "rtx_pro_6000_blackwell_server_edition": "rtx_pro_6000_server", "orin": "jetson_orin",
}  # fmt: skip
"""Device names as drivers spell them, without "NVIDIA" and in lower case, that are not the name of our file."""


def device_name(driver_name: str) -> str:
    """The name of our file for a GPU as its driver calls it; ValueError says what to write where there is none."""
    plain = re.sub(r"[^a-z0-9]+", "_", driver_name.lower().replace("nvidia", "")).strip("_")
    known = hardware.names("gpu")
    for name in (ALIASES.get(plain, plain), plain):
        if name in known:
            return name
    raise ValueError(
        f"{driver_name!r} is none of {', '.join(known)}: describe it in a TOML file (as in costmodel/hardware/gpus)"
        f" named {plain}.toml, in your own gpus folder"
    )


def require_gpu() -> str:
    """The name of our file for the GPU here; RuntimeError in one line where a package, driver or device is missing."""
    try:
        import cupy
    except ImportError as error:
        raise RuntimeError(
            f"profiling a GPU needs CuPy ({error}): pip install 'bitfront[cuda]', or [cuda12] for CUDA 12"
        ) from None
    import torch

    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # cupy raises its own class, which differs between its versions
        raise RuntimeError(f"no GPU to profile: {str(error).splitlines()[0]}") from None
    if not count:
        raise RuntimeError("no GPU to profile: the driver found no device")
    if not torch.cuda.is_available():
        raise RuntimeError(f"PyTorch {torch.__version__} here has no CUDA: install a build that has")
    return device_name(str(torch.cuda.get_device_name(0)))


def describe() -> Mapping[str, Any]:
    """Versions and limits that every row of a session shares."""
    import cupy
    import torch

    from profilers.gpu import nvml

    return {
        "driver": nvml.driver(), "cuda": str(torch.version.cuda), "torch": str(torch.__version__),
        "cupy": str(cupy.__version__), "device_name": str(torch.cuda.get_device_name(0)), **nvml.read(),
    }  # fmt: skip
