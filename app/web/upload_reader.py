"""A process of its own that reads one uploaded file, within limits: an ONNX file's ops as JSON on stdout, or nothing.

python -P upload_reader.py KIND FILE BATCH MEMORY_BYTES SECONDS PARENT
"""

import contextlib
import sys


def limit(memory_bytes: int, seconds: int) -> None:
    """Hold this process, and those it starts, to so much memory and processor time, where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def read(kind: str, path: str, batch: int) -> str:
    """Return the ops of an ONNX file as JSON, "" for a config.json that describes a language model."""
    if kind == "json":
        from costmodel import models

        models.load(f"hf:{path}", batch=batch)
        return ""
    from costmodel.importers import onnx_graph
    from costmodel.workload import plain

    return plain.to_json(onnx_graph.read(path, batch=batch))


def main(kind: str, path: str, batch: str, memory_bytes: str, seconds: str, parent: str) -> int:
    """Serve one file to a process; what is wrong with it is one line on stderr and exit status 1."""
    from costmodel.processes import end_with

    end_with(int(parent))
    limit(int(memory_bytes), int(seconds))
    try:
        sys.stdout.write(read(kind, path, int(batch)))
    except MemoryError:
        sys.stderr.write("it needs more memory than an upload may take")
        return 1
    except Exception as error:
        told = " ".join(str(error).split()) or type(error).__name__
        sys.stderr.write(told.replace(f"{path}: ", "").replace(path, "the file"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
