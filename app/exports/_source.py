"""What a plan does not hold and some exports need: the model's weights and calibration inputs."""

from dataclasses import dataclass
from typing import Any

from costmodel.workload import Workload


@dataclass(frozen=True, eq=False)
class Source:
    """A model, by its spelling or as a torch module, and data that calibrate it; both may be absent."""

    model: Any = None
    data: Any = None

    def workload(self, needs: str) -> Workload:
        """The model's workload; ValueError says what needs it where there is none."""
        from costmodel import models

        if not isinstance(self.model, str) or ":" not in self.model:
            raise ValueError(f"{needs} needs the model as it is spelled: zoo:NAME, torch:module:callable, onnx:FILE")
        return models.load(self.model)
