"""The published FPGA formulas once more, one layer at a time with plain numbers and branches.

FINN-R (Blott et al., doi 10.1145/3242897) and the estimation functions of FINN's MVAU and ConvolutionInputGenerator: a
layer of MH x MW weights, of which PE rows and SIMD columns work at once.
"""

from math import ceil, floor, log2


def shape(op):
    return int(op.b * op.n), int(op.k), op.b > 1


def channels(op):
    return int(op.b * op.k) // int(op.window.kernel_height * op.window.kernel_width)


def padded(w):
    return w.input_height + w.padding_top + w.padding_bottom, w.input_width + w.padding_left + w.padding_right


def has_window(op):
    w = op.window
    ones = w.kernel_height == w.kernel_width == w.stride_height == w.stride_width == 1
    return op.kind == "conv" and not (ones and padded(w) == (w.input_height, w.input_width))


def lanes(op, pe, simd):
    return min(pe if op.b > 1 else simd, channels(op))


def is_parallel(op, simd):
    return simd > 1 if op.b > 1 else simd > channels(op)


def cycles(op, pe, simd):
    mh, mw, _ = shape(op)
    matrix = int(op.count * op.m) * (mh // pe) * (mw // simd)
    if not has_window(op):
        return matrix, 0
    w = op.window
    fold = ceil(channels(op) / lanes(op, pe, simd))
    images = round(op.input_elements / (channels(op) * w.input_height * w.input_width))
    height, width = padded(w)
    if is_parallel(op, simd):
        return matrix, images * height * width * fold + 2
    down = (height - w.kernel_height) // w.stride_height + 1
    across = (width - w.kernel_width) // w.stride_width + 1
    block = max(across * w.kernel_height * w.kernel_width * fold, w.stride_height * width * fold)
    found = ((w.kernel_height - 1) * width + w.kernel_width) * fold
    if op.b > 1:
        block += across * (w.stride_width - 1) * (fold - 1)
        found += (w.stride_height - 1) * width * fold
    return matrix, images * (found + down * block)


def accumulator(op, weight, activation):
    _, mw, _ = shape(op)
    alpha = log2(mw) + weight.bits + activation.bits - weight.signed - activation.signed
    return ceil(alpha + log2(1 + 2**-alpha) + 1)


def product_luts(a, b):
    return (2 * ceil((a + b) / 6) - 1) * (a + b)


def uses_dsp(weight, activation, allowed):
    return bool(allowed) and max(weight.bits, activation.bits) > 4


def requantisation(op, weight, activation, pe, allowed):
    """LUTs a PE, and whether a scale multiplies."""
    mh, _, _ = shape(op)
    acc, rows = accumulator(op, weight, activation), ceil(mh / pe / 64)
    by_thresholds = (2**activation.bits - 1) * acc * (1 + rows)
    rest = acc + (acc + 25) * rows
    scale = product_luts(acc, 25)
    if scale + rest >= by_thresholds:
        return by_thresholds, False
    return rest + (0 if uses_dsp(weight, activation, allowed) else scale), True


def buffer(op, pe, simd):
    """How many line buffers, their words and bits a word; none for a layer without a window."""
    if not has_window(op):
        return 0, 0, 0
    w = op.window
    fold = ceil(channels(op) / lanes(op, pe, simd))
    if is_parallel(op, simd):
        return w.kernel_height - 1, max(padded(w)[1] - w.kernel_width, 0) * fold, lanes(op, pe, simd)
    taps = w.kernel_height * w.kernel_width
    width = padded(w)[1]
    words = (w.kernel_height - 1) * width + w.kernel_width
    words += max(w.stride_width - 1 - taps, 0) + max((w.stride_height - 1) * width - taps, 0)
    return 1, words * fold, lanes(op, pe, simd)


def lut(op, weight, activation, pe, simd, allowed):
    mh, mw, _ = shape(op)
    both = weight.bits + activation.bits
    row = both * (2 * simd - 1) + accumulator(op, weight, activation)
    if not uses_dsp(weight, activation, allowed):
        row += simd * product_luts(weight.bits, activation.bits)
    row += requantisation(op, weight, activation, pe, allowed)[0]
    total = 300 + 1.1 * pe * row
    depth = mh * mw / (pe * simd)
    if depth <= 128:
        total += pe * simd * weight.bits * ceil(depth / 64)
    total = floor(total)
    if has_window(op):
        number, words, width = buffer(op, pe, simd)
        total += 300
        if words <= 128:
            total += number * width * activation.bits * ceil(words / 38)
    return total


def dsp(op, weight, activation, pe, simd, allowed, kind):
    if not uses_dsp(weight, activation, allowed):
        return 0
    narrow = weight.bits <= 8 and activation.bits <= 8
    if kind == "IntelDSP":
        blocks = ceil(pe * simd / 2)
    elif kind == "DSP58" and narrow:
        blocks = pe * ceil(simd / 3)
    elif kind != "DSP58" and narrow and op.b == 1:
        blocks = ceil(pe / 2) * simd
    else:
        blocks = pe * simd * ceil((weight.bits + activation.bits) / 48)
    return blocks + (pe if requantisation(op, weight, activation, pe, allowed)[1] else 0)


def weight_blocks(depth, bits):
    for word, words in ((1, 16384), (2, 8192), (4, 4096), (9, 2048)):
        if bits <= word:
            return ceil(depth / words)
    if bits <= 18 or depth > 512:
        return ceil(depth / 1024) * ceil(bits / 18)
    return ceil(depth / 512) * ceil(bits / 36)


def line_blocks(words, bits):
    full = max(ceil(words / 16384), 1) - 1
    rest = words - full * 16384
    for deep, word in ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)):
        if rest <= deep:
            return full * bits + ceil(bits / word)
    raise AssertionError(rest)


def bram18(op, weight, activation, pe, simd, ultra):
    mh, mw, _ = shape(op)
    depth = mh * mw / (pe * simd)
    total = weight_blocks(depth, pe * simd * weight.bits) if depth > 128 and not ultra else 0
    number, words, width = buffer(op, pe, simd)
    return total + (number * line_blocks(words, width * activation.bits) if words > 128 else 0)


def uram(op, weight, pe, simd, ultra):
    mh, mw, _ = shape(op)
    depth = mh * mw // (pe * simd)
    return ceil(pe * simd * weight.bits / 72) * ceil(depth / 4096) if ultra and depth > 128 else 0
