"""Additive codebooks: each group of weights is a sum of vectors, one from each codebook of its layer.

Egiazarian et al., Extreme Compression of Large Language Models via Additive Quantization (AQLM), arXiv 2401.06118, and
Malinovskii et al., PV-Tuning, arXiv 2405.14852, which tunes the same representation. Bits a weight as the authors'
code counts them (Vahe1994/AQLM, src/aq.py, estimate_nbits_per_parameter): K B / g for the codes, K 2^B g values of 16
bits for the codebooks of a matrix, and a 16-bit scale for each of its outputs.
"""

from dataclasses import dataclass, replace

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._before import HEADS_AND_ROUTERS, before, multiplies
from costmodel.strategies._layers import require_matches, require_uncoded
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload

SCALE_BITS = CODEBOOK_BITS = 16
"""Bits of an output's scale and of a codebook's value."""


@dataclass(frozen=True)
class AdditiveCodebooks(Shown):
    """Code the layers that a glob of `layers` matches, `keep` excepted, by `codebooks` of 2^`code_bits` vectors.

    Codebooks, in the wide format, and the additions of their vectors are an op of their own before the layer,
    `NAME.codebooks`, which runs in its kernel; scales are the layer's, one an output. The codes themselves are the
    layer's weights: estimate at a format of `codebooks * code_bits / group` bits (int2 for 1x16 and 2x8 in groups of
    8), others are refused. Looking vectors up costs nothing here, though a codebook larger than a processor's own
    memory, as 1x16's megabyte, is read through L2 for every group. Layers whose k is no multiple of the group stay.
    ValueError for counts below 1.
    """

    codebooks: int
    code_bits: int
    group: int = 8
    layers: tuple[str, ...] = ("*",)
    keep: tuple[str, ...] = HEADS_AND_ROUTERS

    def __post_init__(self) -> None:
        if self.codebooks < 1 or self.group < 1 or not 1 <= self.code_bits <= 16:
            raise ValueError(
                "codebooks and group must be at least 1 and code_bits within 1..16, got "
                f"codebooks={self.codebooks}, code_bits={self.code_bits}, group={self.group}"
            )

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with its layers coded."""
        require_matches(workload, self.layers)
        require_matches(workload, self.keep if self.keep != HEADS_AND_ROUTERS else ())
        require_uncoded(workload, self.touches)
        return before(workload, self.touches, self.code)

    def touches(self, op: Op) -> bool:
        """Whether an op's weights are coded."""
        return bool(op.k % self.group == 0) and multiplies(op, self.layers, self.keep)

    def code(self, op: Op) -> tuple[Op, Op]:
        """What decodes the weights that an op reads, and the op."""
        matrices = op.weight_elements / (op.k * op.n)
        books = Op(
            f"{op.name}.codebooks",
            "dequantisation",
            op.inputs,
            count=op.count,
            vector_elements=matrices * self.codebooks * 2**self.code_bits * self.group,
            weight_reads=op.weight_reads,
            vector_flops=(self.codebooks - 1) * op.weight_elements * op.weight_reads,
            launches=0.0,
        )
        scaled = replace(
            op,
            vector_elements=op.vector_elements + matrices * op.n,
            vector_flops=op.vector_flops + op.output_elements,
            code_bits=self.codebooks * self.code_bits / self.group,
        )
        return books, scaled

    def bits_per_weight(self, op: Op) -> float:
        """Stored bits a weight of an op: codes, codebooks and scales."""
        return float(self._stored_bits(op) / op.weight_elements)

    def checkpoint_bytes(self, workload: Workload) -> float:
        """Bytes of a model's file: coded layers, and everything else at 16 bits."""
        coded = sum(self._stored_bits(op) for op in workload.ops if self.touches(op))
        rest = sum(op.params for op in workload.ops if not self.touches(op))
        beside = sum(op.vector_elements for op in workload.ops if self.touches(op))
        return float(coded + 16 * (rest + beside)) / 8

    def _stored_bits(self, op: Op) -> float:
        matrices = op.weight_elements / (op.k * op.n)
        codes = op.weight_elements / self.group * self.codebooks * self.code_bits
        books = self.codebooks * 2**self.code_bits * self.group * CODEBOOK_BITS
        return float(codes + matrices * (books + op.n * SCALE_BITS))


_README = "github.com/Vahe1994/AQLM, README.md, model size"


def _size(
    model: str, scheme: str, published: float, *, kept: AdditiveCodebooks, decimals: int = 1, gap: str = ""
) -> Claim:
    """A checkpoint's size in 1e9 bytes, to 2 % or half of the last digit that the source prints."""
    allowed = max(0.02, 0.5 * 10.0**-decimals / published)
    return Claim("AQLM and PV-Tuning", f"size-{model}-{scheme}", f"{model} as {scheme}, 1e9 bytes", _README, "analytic",
                 published, lambda: kept.checkpoint_bytes(zoo.build(model, phase="decode")) / 1e9, allowed,
                 gap)  # fmt: skip


_1X16G8, _2X8G8, _1X8G8 = AdditiveCodebooks(1, 16, 8), AdditiveCodebooks(2, 8, 8), AdditiveCodebooks(1, 8, 8)
_1X16G16, _8X8G32 = AdditiveCodebooks(1, 16, 16), AdditiveCodebooks(8, 8, 32)
_G16 = "the files of 1x16g16 are {} than codes, codebooks, scales and 16-bit rest: their parts are not documented"


def _kernel(scheme: str, where: str, published: float) -> Claim:
    return Claim("AQLM and PV-Tuning", f"kernel-{scheme}", f"speed-up of the {scheme} kernel on a {where}, up to",
                 "github.com/Vahe1994/AQLM, README.md, inference kernels", "hardware", published)  # fmt: skip


CLAIMS = (
    _kernel("1x16", "GPU", 1.3),
    _kernel("2x8", "GPU", 3.0),
    _kernel("Kx8", "CPU", 4.0),
    _size("llama-2-7b", "1x16g8", 2.4, kept=_1X16G8),
    _size("llama-2-7b", "2x8g8", 2.2, kept=_2X8G8,
          gap="the file is 2.4 % larger than codes, codebooks, scales and 16-bit rest, more than its rounding allows; "
              "what else it holds is not documented"),
    _size("llama-2-7b", "1x8g8", 1.34, kept=_1X8G8, decimals=2),
    _size("llama-2-7b", "1x16g16", 1.7, kept=_1X16G16, gap=_G16.format("smaller")),
    _size("llama-2-7b", "8x8g32", 2.2, kept=_8X8G32),
    _size("llama-2-13b", "1x16g8", 4.1, kept=_1X16G8),
    _size("llama-2-13b", "2x8g8", 3.8, kept=_2X8G8),
    _size("llama-2-70b", "1x16g8", 18.8, kept=_1X16G8),
    _size("llama-2-70b", "2x8g8", 18.2, kept=_2X8G8),
    _size("llama-3-8b", "1x16g8", 4.1, kept=_1X16G8),
    _size("llama-3-8b", "1x16g16", 3.9, kept=_1X16G16, gap=_G16.format("larger")),
    _size("llama-3-70b", "1x16g8", 21.9, kept=_1X16G8),
    _size("llama-3-70b", "1x16g16", 13, kept=_1X16G16, decimals=0, gap=_G16.format("smaller")),
    _size("mistral-7b", "1x16g8", 2.51, kept=_1X16G8, decimals=2),
    _size("mistral-7b", "2x8g8", 2.5, kept=_2X8G8,
          gap="the README gives 2x8 the size of 1x16, though its codebooks are 1/128 of theirs"),
)  # fmt: skip

EXAMPLES = (_1X16G8, _2X8G8)
IDENTITIES = (AdditiveCodebooks(1, 16, 8, layers=()),)
