"""Chunks on a Dask cluster: the same work as local processes do, wherever its workers are."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

CONNECT_S = 10.0
"""How long to wait for the scheduler."""


def completed(address: str, work: Callable[[int], T], numbers: list[int], name: str) -> Iterator[tuple[int, T]]:
    """Yield (number, work(number)) as workers of the scheduler at `address` finish them.

    Dask gives the numbers of a worker that dies to others. `name` begins the tasks' keys. An exception of `work` is
    raised here; ValueError where no scheduler answers, OSError where a chunk kills worker after worker.
    """
    distributed = _distributed()
    with client_of(address) as client:
        futures = {client.submit(work, n, key=f"bitfront-{name[:16]}-{n}", pure=False): n for n in numbers}
        try:
            for future, part in distributed.as_completed(list(futures), loop=client.loop, with_results=True):
                yield futures.pop(future), part
                future.release()
        except distributed.KilledWorker as error:
            raise OSError(f"a chunk killed Dask worker after worker: {str(error).splitlines()[0]}") from None
        finally:
            client.cancel(list(futures))


def client_of(address: str) -> Any:
    """A connection to the scheduler, to be closed; ValueError where none answers."""
    distributed = _distributed()
    try:
        # of an address that it cannot read a client is left half made, and waits in vain for 20 s when it is dropped
        distributed.comm.addressing.get_address_host_port(address)
        return distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ValueError(f"no Dask scheduler at {address!r}: {str(error).splitlines()[0]}") from None


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise ImportError("--cluster needs Dask: pip install 'bitfront[cluster]'") from None
    return distributed
