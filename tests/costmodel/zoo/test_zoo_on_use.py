"""Families of the zoo are imported when asked for, and a family's name is its function however it was imported."""

import subprocess
import sys

import pytest

from costmodel import zoo


def loaded(code: str) -> set[str]:
    """The families that are loaded after some lines of Python."""
    families = "[m.rpartition('.')[2] for m in sys.modules if m.startswith('costmodel.zoo.') and '._' not in m]"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*{families})"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_b0", "llama-3.1-8b"])
def test_a_network_loads_its_family_alone(name: str) -> None:
    family = next(f for f in ("resnet", "efficientnet", "llama") if name.startswith(f))
    assert family in loaded(f"from costmodel import zoo; zoo.build({name!r})")
    assert len(loaded(f"from costmodel import zoo; zoo.build({name!r})")) <= 2
    assert not loaded("import costmodel")


def test_a_family_s_name_is_its_function_however_its_module_was_imported() -> None:
    import costmodel.zoo.llama
    from costmodel.zoo.resnet import MODELS

    assert callable(costmodel.zoo.llama)
    assert zoo.resnet(next(iter(MODELS)), batch=1).layers
    with pytest.raises(AttributeError, match="no family 'lama' in the zoo; it has bert"):
        zoo.lama  # noqa: B018


def test_every_network_is_of_one_family() -> None:
    names = zoo.names()
    assert len(names) == len(set(names))
