"""What a layer does to each token alone: the shapes of its MLP or experts, as records."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mlp:
    """Two linear layers around an activation, or three where a gate multiplies it; `function` as in ops.activation.

    `fused` computes the gate's and the value's projection in one; `inner_norm` is what the RMS norm before the last
    layer is called, where there is one (BitNet).
    """

    d_ff: int
    function: str = "silu"
    gated: bool = True
    fused: bool = False
    bias: bool = False
    inner_norm: str = ""


@dataclass(frozen=True)
class Moe:
    """A router and `experts` gated MLPs of width `d_ff`, of which each token takes `experts_per_token`.

    `shared_d_ff` is the width of the MLP that every token takes, all shared experts together, `shared_gate` a factor of
    it for each token (Qwen2), `shared_bias` that its projections add one each; `router_correction` says that the router
    stores a score offset an expert (DeepSeek-V3), `bias` that it and the experts' projections add one each (gpt-oss).
    `router` is its name in a layer, `module` that of all of it, and `shared` that of what every token takes within it,
    by default as DeepSeek's or Qwen's.
    """

    experts: int
    experts_per_token: int
    d_ff: int
    function: str = "silu"
    shared_d_ff: int = 0
    shared_gate: bool = False
    shared_bias: bool = False
    router_correction: bool = False
    bias: bool = False
    router: str = "mlp.gate"
    module: str = "mlp"
    shared: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.experts_per_token <= self.experts:
            raise ValueError(
                f"experts_per_token must be within 1..experts, got {self.experts_per_token} of {self.experts}"
            )
