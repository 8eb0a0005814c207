"""Read a torch module as a workload, through torch.export without decomposition: nothing is computed."""

import copy
import functools
import math
from dataclasses import replace
from typing import Any, NamedTuple

from costmodel.importers import _checkpoints, _data_attribute, _flex, _untraceable, _wrappers
from costmodel.importers._assembly import Assembly
from costmodel.importers._fx import Walk
from costmodel.importers._quiet import quiet
from costmodel.importers._value import Value, detached, union
from costmodel.importers.user_callable import call
from costmodel.workload import Workload


class Loaded(NamedTuple):
    """What a torch:module:callable gives: a module, its example inputs, and data where the callable has some."""

    module: Any
    inputs: Any
    data: Any = None


def load(target: str) -> Loaded:
    """Call `module:callable`, the current directory importable; it returns (module, example inputs[, data]).

    ValueError in one line where there is no such module or callable, it fails, or it returns something else.
    """
    import torch

    built = call(target)
    if not isinstance(built, tuple | list) or len(built) not in (2, 3) or not isinstance(built[0], torch.nn.Module):
        wanted = "(module, example inputs) or (module, example inputs, data)"
        raise ValueError(f"{target}() must return {wanted}, got {_kind(built)}")
    return Loaded(_wrappers.bare(built[0]), *built[1:])


def batched(example_inputs: Any, batch: int | None) -> Any:
    """Example inputs of another batch, their sequences repeated or left out; as they are for None.

    ValueError unless all tensors with dimensions have the same first one, which is taken for the batch.
    """
    import torch

    if batch is None:
        return example_inputs
    leaves, form = torch.utils._pytree.tree_flatten(example_inputs)
    sizes = {leaf.shape[0] for leaf in leaves if isinstance(leaf, torch.Tensor) and leaf.ndim}
    if len(sizes) != 1 or not (size := sizes.pop()):
        told = ", ".join(" x ".join(map(str, leaf.shape)) for leaf in leaves if isinstance(leaf, torch.Tensor))
        raise ValueError(
            f"a batch of {batch} needs example inputs of one first dimension, got {told or 'none'}: "
            "return example inputs of that batch instead"
        )
    picked = torch.arange(batch) % size
    of_batch = [
        leaf[picked.to(leaf.device)] if isinstance(leaf, torch.Tensor) and leaf.ndim else leaf for leaf in leaves
    ]
    return torch.utils._pytree.tree_unflatten(of_batch, form)


def read(module: Any, example_inputs: Any, *, name: str = "", strict: bool = False) -> Workload:
    """Return the forward pass of a module in evaluation mode, on inputs of the shapes of `example_inputs`.

    `example_inputs` is a tensor, a tuple of positional or a dict of keyword arguments. The module stays as it is: its
    weights are neither read, moved nor copied. An op is named after the module that owns its weight, or that is it, or
    after module.function. Of a condition the branch with more MACs is read, as `covers` says. `macs` counts every score
    of an attention, `mask_density` is what a fixed mask keeps. Parameters whose `requires_grad` is False are not to
    train; what torch.utils.checkpoint runs is recomputed then. Of what torch.compile or DataParallel wraps, layers have
    the names that they have without.
    ValueError where torch.export fails, for an empty batch, or with `strict` where something is not counted.
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise ValueError(f"module must be a torch.nn.Module, got {type(module).__name__}")
    module = _wrappers.inner(module)
    name = name or type(module).__name__
    _untraceable.require_traceable(module, name)
    args, kwargs = _on_device(module, example_inputs)
    first = next(iter(_input_shapes(args, kwargs)), (1,))
    if not first[0]:
        raise ValueError(f"{name} needs example inputs of a batch of at least 1, got {' x '.join(map(str, first))}")
    program, names = _export(module, args, kwargs, name)
    signature = program.graph_signature
    canonical = {fqn: names[fqn][0] for fqn in signature.inputs_to_parameters.values()}
    by_placeholder = {p: canonical[fqn] for p, fqn in signature.inputs_to_parameters.items()}
    sizes = {first: math.prod(program.state_dict[fqn].shape) for fqn, first in canonical.items()}
    inputs = [_placeholder(node, by_placeholder, signature.user_inputs) for node in _placeholders(program)]
    trains = {fqn: parameter.requires_grad for fqn, parameter in module.named_parameters(remove_duplicate=False)}
    assembly = Assembly(sizes, frozen=[first for fqn, first in canonical.items() if not trains[fqn]])
    walk = Walk(assembly, _leaves(module), {aliases[0]: aliases for aliases in names.values()})
    results = walk.graph(program.graph, inputs)
    given = [walk.assembly.result(value) for value in results if isinstance(value, Value)]
    outputs, cut = union(value.sources for value in given), detached(given)
    found = walk.assembly.workload(name, outputs=outputs, batch=_batch(args, kwargs), strict=strict, cut=cut)
    covers = _covers(args, kwargs) + _chosen(walk.assembly.chosen)
    return replace(_checkpoints.recomputed(found, walk.regions), covers=covers)


def _export(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str
) -> tuple[Any, dict[str, tuple[str, ...]]]:
    """Export a copy of the module that shares its tensors; return the program and each parameter's names."""
    import torch

    shared = {id(t): t for part in module.modules() for t in vars(part).values() if isinstance(t, torch.Tensor)}
    shared |= {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    by_tensor: dict[int, tuple[str, ...]] = {}
    for fqn, tensor in module.named_parameters(remove_duplicate=False):
        by_tensor[id(tensor)] = (*by_tensor.get(id(tensor), ()), fqn)
    names = {fqn: aliases for aliases in by_tensor.values() for fqn in aliases}
    try:
        twin = copy.deepcopy(module, shared).eval()
    except Exception as error:
        raise ValueError(_untraceable.uncopied(module, name, error)) from None
    try:
        forward = twin.forward

        @functools.wraps(forward)
        def tensors(*a: Any, **k: Any) -> list[Any]:
            leaves = torch.utils._pytree.tree_leaves(forward(*a, **k))
            return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]

        twin.forward = tensors
        return _program(twin, args, kwargs), names
    except Exception as error:
        raise ValueError(_untraceable.untraced(name, error)) from None


def _program(twin: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Export, again without gradients or with `.data` as `detach()` where the module needs that."""
    try:
        return _traced(twin, args, kwargs)
    except NotImplementedError as error:
        if _flex.UNTRAINED not in str(error):
            raise
        return _traced(twin, args, kwargs, gradients=False)
    except RuntimeError as error:
        if _data_attribute.UNTRACED not in str(error):
            raise
        with _data_attribute.as_detached():
            return _traced(twin, args, kwargs)


def _traced(twin: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, gradients: bool = True) -> Any:
    """Export, again with marks on what is checkpointed where something is."""
    import torch

    with quiet(), torch.set_grad_enabled(gradients), _checkpoints.marked() as regions:
        program = torch.export.export(twin, args, kwargs, strict=False)
        if regions.found:
            with torch.fx.traceback.preserve_node_meta():
                program = torch.export.export(twin, args, kwargs, strict=False)
        return program


def _on_device(module: Any, example_inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional and keyword arguments whose tensors lie where the module's do."""
    import torch

    tensor = next(iter((*module.parameters(), *module.buffers())), None)

    def moved(value: Any) -> Any:
        if tensor is None or not isinstance(value, torch.Tensor) or value.device == tensor.device:
            return value
        return torch.empty_like(value, device=tensor.device)

    if isinstance(example_inputs, dict):
        return (), {key: moved(value) for key, value in example_inputs.items()}
    values = example_inputs if isinstance(example_inputs, tuple | list) else (example_inputs,)
    return tuple(moved(value) for value in values), {}


def _placeholders(program: Any) -> list[Any]:
    return [node for node in program.graph.nodes if node.op == "placeholder"]


def _placeholder(node: Any, parameters: dict[str, str], user_inputs: Any) -> Value:
    shape = tuple(getattr(node.meta.get("val"), "shape", ()))
    if node.name in parameters:
        return Value(shape, parameters=(parameters[node.name],))
    return Value(shape, sources=(node.name,) if node.name in user_inputs else ())


def _leaves(module: Any) -> frozenset[str]:
    """Names of torch.nn's own modules without children: each is one op."""
    named = [(name, part) for name, part in module.named_modules() if name and not any(part.children())]
    return frozenset(name for name, part in named if type(part).__module__.startswith("torch.nn.modules."))


def _batch(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """The leading dimension of the first tensor with one."""
    return max(1, next((shape[0] for shape in _input_shapes(args, kwargs)), 1))


def _covers(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The inputs' shapes in words."""
    shapes = [" x ".join(map(str, shape)) for shape in _input_shapes(args, kwargs)]
    return f"one pass over inputs of {', '.join(shapes)}" if shapes else ""


def _chosen(conditions: list[str]) -> str:
    """The conditions of which one branch is counted, in words."""
    return f"; of {', '.join(conditions)} the branch with more MACs" if conditions else ""


def _input_shapes(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[int, ...]]:
    shapes = (tuple(getattr(value, "shape", ())) for value in (*args, *kwargs.values()))
    return [shape for shape in shapes if shape]


def _kind(built: Any) -> str:
    if isinstance(built, tuple | list):
        return f"({', '.join(type(part).__name__ for part in built)})"
    return type(built).__name__
