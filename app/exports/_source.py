"""What a plan does not hold and some exports need: the model's weights and calibration inputs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

SPELLED = "a torch model, spelled torch:module:callable"


@dataclass(frozen=True, eq=False)
class Network:
    """A torch module, and its calibration inputs: a tensor, or a tuple of one an argument."""

    module: "torch.nn.Module"
    inputs: Any

    @property
    def example(self) -> tuple[Any, ...]:
        """The first calibration example, as the module's arguments."""
        return tuple(part[:1] for part in self.inputs)


@dataclass(frozen=True, eq=False)
class Source:
    """A model, by its spelling or as a torch module, and data that calibrate it; both may be absent."""

    model: Any = None
    data: Any = None

    def require(self, tool: str) -> None:
        """ValueError where the model is none that a tool could read."""
        from costmodel import models

        spelled = hasattr(self.model, "named_modules") or (self.model and models.split(str(self.model))[0] == "torch")
        if not spelled:
            raise ValueError(f"{tool} needs {SPELLED}, to have its weights, got {self.model or 'none'}")

    def network(self, tool: str) -> Network:
        """The torch module and its calibration inputs; ValueError that says what the tool lacks."""
        self.require(tool)
        module, own = self._module()
        given = self._data() if self.data is not None else own
        if given is None:
            raise ValueError(f"{tool} needs calibration data: --data module:callable, or data that the model returns")
        from app.data import split
        from dse.sensitivity.calls import as_tuple
        from dse.sensitivity.examples import gathered
        from dse.sensitivity.prepared import prepared

        return Network(prepared(module), as_tuple(gathered(split(given)[0]).inputs))

    def _module(self) -> "tuple[torch.nn.Module, Any]":
        if hasattr(self.model, "named_modules"):
            return self.model, None
        from costmodel import models
        from costmodel.importers import torch_export

        loaded = torch_export.load(models.split(str(self.model))[1])
        return loaded.module, loaded.data

    def _data(self) -> Any:
        if not isinstance(self.data, str):
            return self.data
        from app import data

        return data.load(self.data)


class NeededError(Exception):
    """A model would be read now."""


class Unread(Source):
    """A model that is not read: whoever asks for its weights gets NeededError, or that it can have none."""

    def network(self, tool: str) -> Network:
        """NeededError; ValueError that says what the tool lacks."""
        self.require(tool)
        raise NeededError
