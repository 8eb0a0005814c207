// y[m, n] = x[m, k] . w[n, k] with packed weights, dequantised in registers on their way to the product: one warp a
// column of y, up to ROWS rows of x at a time, so that each weight is read and decoded once for all of them.
#define LANES 32

FUNCTION float warp_sum(float value) {
    for (int step = LANES / 2; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}

extern "C" __global__ void weight_only(const unsigned short* x, const unsigned* words, const float* scales,
                                       unsigned short* y, int m, int n, int k, int group, int width, int exponent_bits,
                                       int mantissa_bits, int bias, int special) {
    WeightFormat f = {width, exponent_bits, mantissa_bits, bias, special};
    int lane = threadIdx.x, column = blockIdx.x * blockDim.y + threadIdx.y, row = blockIdx.y * ROWS;
    if (column >= n) return;
    long long first = (long long)column * k;
    const float* own_scales = scales + (long long)column * ((k + group - 1) / group);
    float sums[ROWS];
    partial_dots(sums, m - row, x + (long long)row * k, words, first, own_scales, k, group, f, lane, LANES);
    for (int r = 0; r < ROWS; r++) {
        float total = warp_sum(sums[r]);
        if (lane == 0 && row + r < m) y[(long long)(row + r) * n + column] = bf16_of_float(total);
    }
}
