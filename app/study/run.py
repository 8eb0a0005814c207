"""Run a study: accuracies (kept as they are found), costs, conclusion, page."""

from pathlib import Path
from typing import Any

from app.progress import bar
from app.study import accuracy, conclusion, costs, networks
from app.study.question import Question
from app.text import to_json
from costmodel.files import write_atomically

LIMITS = (
    "Accuracy is of post-training quantisation on small networks for 8 x 8 digits, a mean over few seeds; formats were "
    "picked on the same test images that it was measured on, which flatters every family alike.",
    "MiniLM is one network with its published weights; what is measured is whether it orders sentences of the standard "
    "library's documentation as the full network does. Its linear layers alone are quantised and counted: attention, "
    "norms and embeddings are neither.",
    "Weights are scaled to their largest magnitude a channel and inputs clipped for least squared error; training with "
    "quantisation would move the narrow formats most.",
    "Every layer has the same pair of formats; first and last layers are often kept wider.",
    "LUTs are those of our own Verilog under one open synthesis tool: its style confounds small differences. Minifloat "
    "products are exact and add up in fixed point (Kulisch); a unit that rounds after each addition is another design. "
    "No product is in a DSP block.",
)


def run(question: Question, out: Path) -> dict[str, Any]:
    """Write accuracies, study.json and study.html into a folder, made if needed; return what study.json holds."""
    from app.demo import network

    out.mkdir(parents=True, exist_ok=True)
    network.use_one_thread()
    with bar("Training and quantising") as tell:
        found = accuracy.measure(question, out, tell)
    answers = {}
    with bar("Costs") as tell:
        for i, (name, asked) in enumerate(question.networks, 1):
            rows = conclusion.points(found[name], costs.costs(question, name))
            base = conclusion.reference(found[name])
            answers[name] = {
                "network": asked,
                "quality": networks.quality(asked),
                "throughput_per_s": question.throughput_per_s(name),
                "examples": networks.examples(asked),
                "seeds": len(found[name]),
                "fp32_accuracy": base,
                "points": rows,
                "conclusion": conclusion.sentences(name, rows, base, question.points, networks.quality(asked))
                + conclusion.unfit(rows, question.device),
                "conversion": conclusion.conversion(rows),
            }
            tell(i, len(question.networks))
    result = {
        "device": question.device,
        "terms": question.terms,
        "seeds": list(question.seeds),
        "networks": answers,
        "limits": list(LIMITS),
    }
    write_atomically(out / "study.json", to_json(result))
    _page(result, out / "study.html")
    return result


def _page(result: dict[str, Any], path: Path) -> None:
    from app.report.study import render

    write_atomically(path, render(result))
