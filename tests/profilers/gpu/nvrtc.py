"""Compile CUDA source with NVRTC alone: no GPU, driver or toolkit."""

import ctypes
from pathlib import Path

import nvidia.cu13


def compile_to_ptx(source: str, name: str, architecture: str) -> str:
    """The PTX of a source; AssertionError with the compiler's log where it does not compile."""
    folder = Path(next(iter(nvidia.cu13.__path__))) / "lib"
    library = ctypes.CDLL(str(next(folder.glob("libnvrtc.so*"))))
    program = ctypes.c_void_p()
    made = library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), name.encode(), 0, None, None)
    assert made == 0
    options = (ctypes.c_char_p * 1)(f"--gpu-architecture={architecture}".encode())
    failed = library.nvrtcCompileProgram(program, 1, options)
    assert failed == 0, _text(library, program, "ProgramLog")
    return _text(library, program, "PTX")


def _text(library: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> str:
    size = ctypes.c_size_t()
    getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    getattr(library, f"nvrtcGet{what}")(program, buffer)
    return buffer.value.decode()
