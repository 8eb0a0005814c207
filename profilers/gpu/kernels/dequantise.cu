// Packed weights to bf16 in memory, for products of many rows that a library then multiplies.
extern "C" __global__ void dequantise(const unsigned* words, const float* scales, unsigned short* out, long long rows,
                                      int k, int group, int width, int exponent_bits, int mantissa_bits, int bias,
                                      int special) {
    WeightFormat f = {width, exponent_bits, mantissa_bits, bias, special};
    long long stride = (long long)gridDim.x * blockDim.x, groups = (k + group - 1) / group;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < rows * k; i += stride) {
        float scale = scales[i / k * groups + i % k / group];
        out[i] = bf16_of_float(weight_of_code(code_at(words, i, f.width), f) * scale);
    }
}
