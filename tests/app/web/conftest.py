"""The dashboard's app without a browser: requests as a client sends them."""

from pathlib import Path
from typing import Any

import pytest

from app.server import create
from app.web.settings import Settings


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return create(Settings(folder=tmp_path_factory.mktemp("app")))


@pytest.fixture
def client(app: Any) -> Any:
    return app.server.test_client()


@pytest.fixture
def app_with(tmp_path: Path) -> Any:
    return lambda **settings: create(Settings(folder=tmp_path, **settings))
