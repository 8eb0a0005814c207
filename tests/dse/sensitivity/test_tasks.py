"""What outputs are, told by outputs and targets, and the loss and score that suit: scikit-learn's and torch's."""

import box_operators
import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from torch import nn
from torch.nn import functional

from dse.sensitivity import methods, predictions
from dse.sensitivity.evaluate import evaluate
from dse.sensitivity.predictions import own
from dse.sensitivity.tasks import BINARY, CLASSES, VALUES, Task, decide, decided
from dse.sensitivity.trials import losses

G = torch.Generator().manual_seed(0)
X = torch.randn(40, 6, generator=G)
TOKENS = torch.randint(0, 7, (5, 3), generator=G)


def task(shape, targets, inputs=None) -> Task:
    found = torch.randn(shape, generator=G)
    return decided(found, (torch.zeros(shape[0], 2) if inputs is None else inputs, targets), shape[0])


@pytest.mark.parametrize(
    ("shape", "targets", "kind", "axis"),
    [
        ((5, 4), torch.tensor([0, 1, 2, 3, 3]), CLASSES, 1),
        ((5, 4), torch.tensor([[0], [1], [2], [3], [3]]), CLASSES, 1),
        ((5, 4), torch.tensor([0.0, 1, 2, 3, 3]), CLASSES, 1),
        ((5, 4), functional.one_hot(torch.arange(5) % 4, 4), CLASSES, 1),
        ((5, 4), torch.rand(5, 4, generator=G).softmax(1), CLASSES, 1),
        ((5, 3, 7), TOKENS, CLASSES, -1),
        ((5, 7, 3), TOKENS, CLASSES, 1),
        ((5, 4, 6, 6), torch.zeros(5, 6, 6).long(), CLASSES, 1),
        ((5, 1), torch.tensor([0.0, 1, 1, 0, 1]), BINARY, 1),
        ((5,), torch.tensor([True, False, True, True, True]), BINARY, 1),
        ((5, 4), torch.tensor([[1, 1, 0, 0]] * 5), BINARY, 1),
        ((5, 1), torch.tensor([3, 1, 4, 1, 5]), VALUES, 1),
        ((5, 2), torch.randn(5, 2, generator=G), VALUES, 1),
        ((5, 3, 8, 8), torch.randn(5, 3, 8, 8, generator=G), VALUES, 1),
        ((5, 4), None, CLASSES, 1),
        ((5, 1), None, VALUES, 1),
    ],
)
def test_outputs_are_told_by_targets(shape, targets, kind, axis) -> None:
    found = task(shape, targets)
    assert (found.kind, found.axis) == (kind, axis)


def test_of_two_axes_that_fit_token_inputs_have_classes_last() -> None:
    assert task((5, 3, 3), TOKENS % 3, inputs=TOKENS).axis == -1
    assert task((5, 3, 7), None, inputs=TOKENS).axis == -1


@pytest.mark.parametrize(
    ("shape", "targets", "told"),
    [
        ((5, 3, 3), TOKENS % 3, r"classes may be along either axis of outputs \(N, 3, 3\)"),
        ((5, 3, 7), None, r"whether outputs \(N, 3, 7\) are classes.*--sensitivity mse"),
        ((5, 4), torch.tensor([0, 1, 2, 3, 9]), "classes 0 to 3 of the network's 4, got 0 to 9"),
        ((5, 4), torch.tensor([-1, 1, 2, 3, 0]), "got -1 to 3"),
        ((5, 4), torch.full((5,), -100), "at least once"),
        ((5, 4), torch.tensor([0.5, 1, 2, 3, 3]), r"targets \(N\) do not fit outputs \(N, 4\)"),
        ((5, 4), torch.zeros(5, 3), r"targets \(N, 3\) do not fit outputs \(N, 4\)"),
    ],
)
def test_what_cannot_be_known_is_refused(shape, targets, told) -> None:
    with pytest.raises(ValueError, match=told):
        task(shape, targets)


def test_one_logit_has_the_bernoulli_divergence() -> None:
    module, changed = nn.Linear(6, 1).requires_grad_(False), nn.Linear(6, 1).requires_grad_(False)
    answers, found = own(module, (X, (X[:, :1] > 0).float()))
    p, q = (torch.stack([1 - s, s]) for s in (m(X).double().sigmoid() for m in (module, changed)))
    increase = found.loss(changed(X), answers[1]) - found.loss(module(X), answers[1])
    assert float(increase) == pytest.approx(float((p * (p.log() - q.log())).sum(0).mean()), rel=1e-9)


@pytest.mark.parametrize("outputs", [1, 2])
def test_values_have_the_r2_of_scikit_learn(outputs) -> None:
    module = nn.Linear(6, outputs)
    targets = 3 + X[:, :outputs] * torch.tensor([1.0, 100.0])[:outputs]
    score = evaluate(module, (X, targets), batch_size=7)
    expected = r2_score(targets.numpy(), module(X).detach().numpy())
    assert score.r2 == pytest.approx(expected, rel=1e-6)
    assert score.loss == pytest.approx(1 - expected, rel=1e-6)
    assert score.accuracy is None


def test_yes_or_no_is_right_by_the_sign_of_a_logit_or_half_a_probability() -> None:
    linear, targets = nn.Linear(6, 1), (X[:, :1] > 0).float()
    expected = float(((linear(X) > 0).float() == targets).double().mean())
    assert evaluate(linear, (X, targets)).accuracy == expected
    squashed = nn.Sequential(linear, nn.Sigmoid())
    found = evaluate(squashed, (X, targets[:, 0]), batch_size=9)
    assert found.accuracy == expected
    assert found.loss == pytest.approx(evaluate(linear, (X, targets)).loss, rel=1e-6)


def test_probabilities_lose_what_their_logits_lose() -> None:
    linear, classes = nn.Linear(6, 3), torch.arange(40) % 3
    assert evaluate(nn.Sequential(linear, nn.Softmax(1)), (X, classes)).loss == pytest.approx(
        evaluate(linear, (X, classes)).loss, rel=1e-6
    )


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.head = nn.Embedding(7, 8), nn.Linear(8, 7)

    def forward(self, input_ids, attention_mask=None):  # noqa: ARG002 hides positions from the loss alone
        return {"loss": None, "logits": self.head(self.embed(input_ids))}


def test_a_language_model_loses_over_its_vocabulary_where_positions_count() -> None:
    module, changed = Language().requires_grad_(False), Language().requires_grad_(False)
    changed.head.weight.data += 0.1
    p, q = (m(TOKENS)["logits"].double().log_softmax(-1) for m in (module, changed))
    each = (p.exp() * (p - q)).sum(-1)
    labels = torch.where(torch.arange(3) < 2, TOKENS, -100)
    mask = (torch.arange(3) > 0).long().expand(5, 3)
    for inputs, targets, counted in (
        (TOKENS, None, each),
        (TOKENS, labels, each[:, :2]),
        ({"input_ids": TOKENS, "attention_mask": mask}, None, each[:, 1:]),
    ):
        answers, found = own(module, (inputs, targets))
        increase = found.loss(changed(TOKENS), answers[1]) - found.loss(module(TOKENS), answers[1])
        assert float(increase) == pytest.approx(float(counted.mean()), rel=1e-9)
    score = evaluate(module, (TOKENS, labels), batch_size=2)
    assert score.loss == pytest.approx(float(functional.cross_entropy(p.transpose(1, 2), labels)), rel=1e-6)
    assert score.accuracy == float((p.argmax(-1) == labels)[:, :2].double().mean())


@pytest.mark.parametrize("method", ["kl", "loss", "mse", "fisher", "hessian"])
@pytest.mark.parametrize("kind", [BINARY, VALUES])
def test_every_way_sees_narrow_formats_of_one_output_lose(method, kind) -> None:
    from costmodel.importers import torch_export
    from costmodel.precision import precision

    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
    wanted = X[:, :1] + 0.1 * module(X).detach()
    data = X, (wanted > 0).float() if kind == BINARY else wanted
    options = [precision(name) for name in ("int2/int2", "int8/int8")]
    ops = [op for op in torch_export.read(module, (X[:1],)).ops if op.weight_elements]
    found = methods.sensitivity(module, data, options, ops, method=method)
    assert (np.abs(found.loss[:, 0]) > 2 * np.abs(found.loss[:, 1])).all()
    assert (
        method == "mse" or f"outputs taken as {'logits of yes or no' if kind == BINARY else 'values'}" in found.source
    )


def test_targets_are_needed_by_the_ways_that_read_them_alone() -> None:
    module = nn.Linear(6, 3)
    for method in ("loss", "hessian"):
        with pytest.raises(ValueError, match=f"{method} sensitivity needs targets; kl, mse, fisher and sqnr"):
            methods.sensitivity(module, (X, None), [], [], method=method)
    shares = predictions(module, X)
    assert losses(module, (X, shares), [{}], {})[0] == pytest.approx(evaluate(module, (X, shares)).loss)


def test_labels_of_a_causal_language_model_are_those_of_the_position_before():
    box_operators.declare()
    from transformers import GPT2Config, GPT2LMHeadModel

    module = GPT2LMHeadModel(GPT2Config(vocab_size=11, n_positions=8, n_embd=8, n_layer=1, n_head=2)).eval()
    tokens = torch.randint(0, 11, (4, 6), generator=G)
    labels = tokens.clone()
    labels[0, 4:] = -100
    found = decide(module, ({"input_ids": tokens}, labels))
    with torch.no_grad():
        answers = module(input_ids=tokens, labels=labels)
    assert found.told == "logits of 11 classes along the last axis of the next position"
    assert float(found.loss(answers, labels)) == pytest.approx(float(answers.loss), rel=1e-5)
    best = answers.logits.argmax(-1)[:, :-1]
    kept = labels[:, 1:] != -100
    assert found.right(answers, labels) == (int((best == labels[:, 1:])[kept].sum()), int(kept.sum()))
    assert not decide(module, (tokens, labels)).ahead
