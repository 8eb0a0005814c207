"""A cycle-by-cycle simulation of a dataflow, as an oracle: units that stream words through bounded queues.

Nothing here reads the formulas: padding units write a word of channels a cycle, zeros around those that come, window
units read as much and write the taps of a window once they have come, matrix units take a word of inputs a cycle in
their first pass and hold them for the further rows, poolings and sums are the same with less. A word that is written is
there in the next cycle.
"""

from dataclasses import dataclass, field
from itertools import count

MOST_CYCLES = 10**6


class DeadlockError(Exception):
    """Nothing moved in a cycle, and the last output is not there."""


@dataclass
class Queue:
    capacity: float
    held: float = 0
    coming: float = 0

    def has(self, elements):
        return self.held >= elements

    def room(self, elements):
        return self.held + self.coming + elements <= max(self.capacity, elements)

    def take(self, elements):
        self.held -= elements

    def put(self, elements):
        self.coming += elements


@dataclass
class Unit:
    outs: list[Queue] = field(default_factory=list)

    def can_put(self, elements):
        return all(queue.room(elements) for queue in self.outs)

    def put(self, elements):
        for queue in self.outs:
            queue.put(elements)


@dataclass
class Source(Unit):
    """The network's input: `rate` elements a cycle, image after image."""

    left: float = 0
    rate: float = 1

    def step(self):
        now = min(self.rate, self.left)
        if now and self.can_put(now):
            self.put(now)
            self.left -= now
            return True
        return False


@dataclass
class Padding(Unit):
    """Passes `fold` words of each pixel on, and zeros where the image has none: a word a cycle."""

    into: Queue = None
    size: tuple = ()
    around: tuple = ()
    fold: int = 1
    lanes: int = 1
    at: int = 0

    def __post_init__(self):
        (height, width), (top, left, bottom, right) = self.size, self.around
        rows, columns = range(top + height + bottom), range(left + width + right)
        inside = [[top <= y < top + height and left <= x < left + width for x in columns] for y in rows]
        self.inside = [pixel for row in inside for pixel in row for _ in range(self.fold)]

    def step(self):
        comes = self.inside[self.at]
        if (comes and not self.into.has(self.lanes)) or not self.can_put(self.lanes):
            return False
        if comes:
            self.into.take(self.lanes)
        self.put(self.lanes)
        self.at = (self.at + 1) % len(self.inside)
        return True


@dataclass
class Windows(Unit):
    """Reads `lanes` channels a cycle; writes each window's taps in turn, or whole windows, once they have come."""

    into: Queue = None
    size: tuple = ()
    kernel: tuple = ()
    stride: tuple = ()
    channels: int = 1
    lanes: int = 1
    whole: bool = False
    come: int = 0
    at: int = 0
    tap: int = 0

    def __post_init__(self):
        (h, w), (kh, kw), (sh, sw) = self.size, self.kernel, self.stride
        self.fold = -(-self.channels // self.lanes)
        self.words = h * w * self.fold
        self.windows = []
        for y in range(0, h - kh + 1, sh):
            for x in range(0, w - kw + 1, sw):
                pixels = [(y + i) * w + x + j for i in range(kh) for j in range(kw)]
                taps = [pixel * self.fold + f + 1 for pixel in pixels for f in range(self.fold)]
                self.windows.append([max(taps)] if self.whole else taps)

    def step(self):
        moved = False
        if self.come < self.words and self.into.has(self.lanes):
            self.into.take(self.lanes)
            self.come += 1
            moved = True
        taps = self.windows[self.at]
        elements = self.lanes if not self.whole else self.channels * self.kernel[0] * self.kernel[1]
        if self.come >= taps[self.tap] and self.can_put(elements):
            self.put(elements)
            moved = True
            self.tap += 1
            if self.tap == len(taps):
                self.tap, self.at = 0, self.at + 1
                if self.at == len(self.windows):
                    self.at = self.come = 0
        return moved


@dataclass
class Matrix(Unit):
    """`rows` / pe passes over an output's inputs, which the first pass takes; `pe` outputs after each.

    Where it has `masks`, it begins each image, of so many `steps`, with a mask of as many elements as it has rows.
    """

    into: Queue = None
    pe: int = 1
    word: int = 1
    rows: int = 1
    words: int = 1
    takes_always: bool = False
    masks: Queue = None
    steps: int = 1
    step_of_image: int = 0
    row: int = 0
    at: int = 0

    def step(self):
        takes, last = self.row == 0 or self.takes_always, self.at == self.words - 1
        begins, mask = self.masks is not None and self.step_of_image == 0, self.rows * self.pe
        if (takes and not self.into.has(self.word)) or (last and not self.can_put(self.pe)):
            return False
        if begins and not self.masks.has(mask):
            return False
        if begins:
            self.masks.take(mask)
        if takes:
            self.into.take(self.word)
        self.step_of_image = (self.step_of_image + 1) % self.steps
        self.at += 1
        if last:
            self.put(self.pe)
            self.at, self.row = 0, (self.row + 1) % self.rows
        return True


@dataclass
class Sum(Unit):
    first: Queue = None
    second: Queue = None
    pe: int = 1

    def step(self):
        if self.first.has(self.pe) and self.second.has(self.pe) and self.can_put(self.pe):
            self.first.take(self.pe)
            self.second.take(self.pe)
            self.put(self.pe)
            return True
        return False


def run(units, queues, sink, elements, images):
    """The cycle in which each image's last output is there."""
    done = []
    for cycle in count(1):
        moved = [unit.step() for unit in units]
        for queue in queues:
            queue.held, queue.coming = queue.held + queue.coming, 0
        while len(done) < images and sink.held >= elements * (len(done) + 1):
            done.append(cycle)
        if len(done) == images:
            return done
        if not any(moved) or cycle > MOST_CYCLES:
            raise DeadlockError(f"after {cycle} cycles {len(done)} of {images} images are done")
    return done


def simulate(workload, folding, *, images=1, queue=32.0, skips=None):
    """The cycles in which the last output of each image is there, of convolutions, linear layers, poolings and sums.

    `queue` words before every unit, `skips` elements more before a sum's inputs by op name (without any, whole images).
    A convolution's second input is a mask of its filters, for which `skips` of its first wait, and which fits whole.
    """
    queues, units, writers = [], [], {}
    for i, op in enumerate(workload.ops):
        reads = [name for name in op.inputs if name in writers] or ([workload.ops[i - 1].name] if i else [None])
        pe, simd = int(folding.pe[i]), int(folding.simd[i])
        lanes = word_of(op, pe, simd)
        if op.kind == "elementwise":
            room = queue * pe + (op.output_elements if skips is None else skips[op.name])
        else:
            room = queue * lanes + (0 if len(reads) == 1 else op.input_elements if skips is None else skips[op.name])
        into = [Queue(room) for _ in reads]
        made, inner = units_of(op, into, pe, simd)
        if op.kind == "conv" and len(reads) > 1:
            made[-1].masks, made[-1].steps = into[1], op.m * made[-1].rows * made[-1].words
            into[1].capacity = op.n
        queues += into + inner
        units += made
        for name, each in zip(reads, into, strict=True):
            if name is None:
                units.append(Source([each], op.input_elements * images, lanes))
            else:
                writers[name].outs.append(each)
        writers[op.name] = made[-1]
    sink = Queue(float("inf"))
    queues.append(sink)
    writers[workload.ops[-1].name].outs.append(sink)
    return run(units[::-1], queues, sink, workload.ops[-1].output_elements, images)


def word_of(op, pe, simd):
    """Elements that an op's unit reads a cycle."""
    if op.kind in ("pooling", "elementwise") or op.b > 1:
        return pe
    return simd if op.kind == "linear" else int(min(simd, channels_of(op)))


def channels_of(op):
    return op.input_elements / (op.window.input_height * op.window.input_width)


def units_of(op, into, pe, simd):
    """The units that an op becomes, the last one its output's, and the queues between them."""
    w, depthwise, inner = op.window, op.b > 1, int(op.k) // simd
    kernel, stride = (w.kernel_height, w.kernel_width), (w.stride_height, w.stride_width)
    if op.kind == "elementwise":
        return [Sum(first=into[0], second=into[1], pe=pe)], []
    if op.kind == "linear" or (op.kind == "conv" and kernel == (1, 1) and stride == (1, 1)):
        return [Matrix(into=into[0], pe=pe, word=simd, rows=int(op.n) // pe, words=inner)], []
    channels, lanes = int(channels_of(op)), word_of(op, pe, simd)
    whole = op.kind == "conv" and not depthwise and simd > channels
    between, whole_pixel = Queue(2 * max(op.k, 2 * simd, 2 * lanes)), channels if whole else lanes
    around = (w.padding_top, w.padding_left, w.padding_bottom, w.padding_right)
    reads, before = into[0], []
    if any(around):
        reads, fold = Queue(2 * whole_pixel), -(-channels // whole_pixel)
        before = [Padding([reads], into[0], (w.input_height, w.input_width), around, fold, whole_pixel)]
    size = (w.padded_height, w.padded_width)
    windows = Windows([between], reads, size, kernel, stride, channels, whole_pixel, whole)
    if op.kind == "pooling":
        last = Matrix(into=between, pe=pe, word=pe, rows=channels // pe, words=kernel[0] * kernel[1])
    else:
        last = Matrix(into=between, pe=pe, word=pe * simd if depthwise else simd, rows=int(op.b * op.n) // pe,
                      words=inner)  # fmt: skip
    last.takes_always = op.kind == "pooling" or depthwise
    return [*before, windows, last], [between, *(unit.outs[0] for unit in before)]
