// Stored codes to numbers. Needs no header, and is C as well as CUDA: tests compile it for the CPU and compare every code.
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define FUNCTION static __device__ __forceinline__
#else
#define FUNCTION static inline
#endif

FUNCTION float float_of_bits(unsigned bits) {
    union { unsigned bits; float value; } word;
    word.bits = bits;
    return word.value;
}

FUNCTION unsigned bits_of_float(float value) {
    union { unsigned bits; float value; } word;
    word.value = value;
    return word.bits;
}

FUNCTION float float_of_bf16(unsigned short stored) { return float_of_bits((unsigned)stored << 16); }

// Round to nearest, ties to even; nan stays nan.
FUNCTION unsigned short bf16_of_float(float value) {
    unsigned bits = bits_of_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (unsigned short)((bits >> 16) | 0x40u);
    return (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// The code at `index` of a stream of `width`-bit codes packed from the lowest bit of little-endian words.
FUNCTION unsigned code_at(const unsigned* words, long long index, int width) {
    long long bit = index * width;
    int shift = (int)(bit & 31);
    unsigned low = words[bit >> 5] >> shift;
    if (shift + width > 32) low |= words[(bit >> 5) + 1] << (32 - shift);
    return low & ((1u << width) - 1u);
}

FUNCTION float integer_of_code(unsigned code, int width) {
    unsigned sign = 1u << (width - 1);
    return (float)((int)(code ^ sign) - (int)sign);
}

// special: 0 every code is finite, 1 infinities and nan (IEEE), 2 nan alone (fn), 3 nan at negative zero (fnuz).
FUNCTION float minifloat_of_code(unsigned code, int exponent_bits, int mantissa_bits, int bias, int special) {
    unsigned magnitude = code & ((1u << (exponent_bits + mantissa_bits)) - 1u);
    unsigned sign = (code >> (exponent_bits + mantissa_bits)) & 1u;
    unsigned exponent = magnitude >> mantissa_bits;
    unsigned mantissa = magnitude & ((1u << mantissa_bits) - 1u);
    unsigned all_exponent = (1u << exponent_bits) - 1u;
    unsigned nan = 0x7fc00000u;
    float value;
    if (special == 1 && exponent == all_exponent) return float_of_bits(mantissa ? nan : (sign << 31) | 0x7f800000u);
    if (special == 2 && magnitude == ((1u << (exponent_bits + mantissa_bits)) - 1u)) return float_of_bits(nan);
    if (special == 3 && sign && magnitude == 0u) return float_of_bits(nan);
    if (exponent == 0u) {
        value = (float)mantissa * float_of_bits((unsigned)(1 - bias - mantissa_bits + 127) << 23);
    } else {
        value = float_of_bits((unsigned)((int)exponent - bias + 127) << 23 | mantissa << (23 - mantissa_bits));
    }
    return sign ? -value : value;
}

// A weight format: width in bits; exponent_bits 0 for a two's-complement integer.
typedef struct {
    int width, exponent_bits, mantissa_bits, bias, special;
} WeightFormat;

FUNCTION float weight_of_code(unsigned code, WeightFormat f) {
    if (f.exponent_bits == 0) return integer_of_code(code, f.width);
    return minifloat_of_code(code, f.exponent_bits, f.mantissa_bits, f.bias, f.special);
}

#define ROWS 8

// What one of `lanes` lanes adds to the dot products of up to ROWS bf16 rows of x and a packed row of weights that
// starts at code `first`, each weight read and decoded once; `group` weights along k share a scale.
FUNCTION void partial_dots(float* sums, int rows, const unsigned short* x, const unsigned* words, long long first,
                           const float* scales, int k, int group, WeightFormat f, int lane, int lanes) {
    for (int r = 0; r < ROWS; r++) sums[r] = 0.0f;
    for (int i = lane; i < k; i += lanes) {
        float weight = weight_of_code(code_at(words, first + i, f.width), f) * scales[i / group];
        for (int r = 0; r < ROWS; r++)
            if (r < rows) sums[r] += float_of_bf16(x[(long long)r * k + i]) * weight;
    }
}
