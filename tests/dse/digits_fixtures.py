"""A network trained on digits, once a session, for the tests that need real sensitivities."""

import pytest
import torch

from app.demo.network import digits, train


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Small tensors gain nothing from threads, and threads that wait for a busy core lose much."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def data():
    return digits()


@pytest.fixture(scope="session")
def trained(data):
    return train(data["train"], epochs=6)
