// Products with the rows of a factor in 16-bit integers, which are exact, and what rounding to integers may have changed.
//
// A vector f of length |f| is kept as q = round(M f / |f|), so that M f / |f| = q + e with an error e that is known. With
// v = M u / |u| - d in the same way,
//     f'u = |f| |u| / M^2 (q'v + q'd + e'v + e'd),
// so that f'u is |f| |u| q'v / M^2 but for at most
//     |f| |u| (|d| (M + |e|) + |e| (M + |d|) + |e| |d|) / M^2.
// q'v is a sum of products of 16-bit integers: below (M + sqrt(r) / 2)^2 < 2^31 by the inequality of Cauchy and Schwarz, as is
// every part of it, and so exact in 32 bits. It costs half of a product in float32, and a fourth of the memory of F.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "cpu/rounded.hpp"

#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace covlasso {
namespace COVLASSO_ISA {

/// 32-bit sums for as many vectors as a register holds.
#if defined(__AVX512BW__)
struct Sums {
    static constexpr Index count = 16;
    static constexpr int rows = 12;
    __m512i x = _mm512_setzero_si512();

    static __m512i load(const std::int16_t* pairs) { return _mm512_loadu_si512(pairs); }
    static __m512i repeat(std::int32_t pair) { return _mm512_set1_epi32(pair); }
    void add(__m512i a, __m512i b) { x = _mm512_add_epi32(x, _mm512_madd_epi16(a, b)); }
    void store(std::int32_t* out) const { _mm512_storeu_si512(out, x); }
};
#elif defined(__AVX2__)
struct Sums {
    static constexpr Index count = 8;
    static constexpr int rows = 6;
    __m256i x = _mm256_setzero_si256();

    static __m256i load(const std::int16_t* pairs) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(pairs));
    }
    static __m256i repeat(std::int32_t pair) { return _mm256_set1_epi32(pair); }
    void add(__m256i a, __m256i b) { x = _mm256_add_epi32(x, _mm256_madd_epi16(a, b)); }
    void store(std::int32_t* out) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), x); }
};
#elif defined(__SSE2__) || defined(_M_X64)
struct Sums {
    static constexpr Index count = 4;
    static constexpr int rows = 2;
    __m128i x = _mm_setzero_si128();

    static __m128i load(const std::int16_t* pairs) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(pairs));
    }
    static __m128i repeat(std::int32_t pair) { return _mm_set1_epi32(pair); }
    void add(__m128i a, __m128i b) { x = _mm_add_epi32(x, _mm_madd_epi16(a, b)); }
    void store(std::int32_t* out) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(out), x); }
};
#else
struct Sums {
    struct Pairs {
        std::int16_t x[8];
    };
    static constexpr Index count = 4;
    static constexpr int rows = 2;
    std::int32_t x[count] = {};

    static Pairs load(const std::int16_t* pairs) {
        Pairs loaded;
        std::memcpy(loaded.x, pairs, sizeof loaded.x);
        return loaded;
    }
    static Pairs repeat(std::int32_t pair) {
        Pairs repeated;
        for (Index t = 0; t < count; ++t) std::memcpy(repeated.x + 2 * t, &pair, sizeof pair);
        return repeated;
    }
    void add(const Pairs& a, const Pairs& b) {
#pragma omp simd
        for (Index t = 0; t < count; ++t)
            x[t] += std::int32_t{a.x[2 * t]} * b.x[2 * t] + std::int32_t{a.x[2 * t + 1]} * b.x[2 * t + 1];
    }
    void store(std::int32_t* out) const { std::memcpy(out, x, sizeof x); }
};
#endif

/// q = round(M x / size), where size = |x| > 0, number k to out[place(k)]; returns |q - M x / size| / M.
template <class Place>
double round_vector(const double* x, Index length, double size, std::int16_t* out, Place place) {
    const double scale = rounded_unit / size;
    double square = 0.0;
#pragma omp simd reduction(+ : square)
    for (Index k = 0; k < length; ++k) {
        const double exact = scale * x[k];
        const double whole = std::nearbyint(exact);
        square += (exact - whole) * (exact - whole);
        out[place(k)] = static_cast<std::int16_t>(whole);
    }
    return std::sqrt(square) * ((1.0 + 1e-9) / rounded_unit);
}

/// As vector v of `pairs`: in groups of rounded_together vectors, with two numbers of each vector of a group in turn.
inline double pack_vector(const double* x, Index length, double size, std::int16_t* pairs, Index v) {
    const Index group = v / rounded_together, place = v % rounded_together;
    std::int16_t* out = pairs + group * rounded_together * rounded_length(length) + 2 * place;
    return round_vector(x, length, size, out, [](Index k) { return k / 2 * 2 * rounded_together + k % 2; });
}

/// Rows of F, rounded; a row of length zero stays zero. root: |f_j|. Returns the largest |e_j| / M.
inline double round_rows(const MatrixView<double>& f, const double* root, std::int16_t* out) {
    const Index length = rounded_length(f.cols);
    double most = 0.0;
    for (Index j = 0; j < f.rows; ++j) {
        std::int16_t* q = out + j * length;
        for (Index k = f.cols - f.cols % 2; k < length; ++k) q[k] = 0;
        if (root[j] > 0.0) {
            const double error = round_vector(f.row(j), f.cols, root[j], q, [](Index k) { return k; });
            most = error > most ? error : most;
        } else {
            for (Index k = 0; k < length; ++k) q[k] = 0;
        }
    }
    return most;
}

/// Asks for the memory at `address`, which may be anywhere.
inline void prefetch(const std::int16_t* address) {
#if defined(__SSE2__) || defined(_M_X64)
    _mm_prefetch(reinterpret_cast<const char*>(address), _MM_HINT_T0);
#elif defined(__GNUC__)
    __builtin_prefetch(address);
#else
    (void)address;
#endif
}

/// sums[i * rounded_together + v] = q_i'v_v for `rows` rows one after the other, while those at `ahead` are fetched; `pairs` has
/// two numbers of each vector in turn.
template <int rows>
void multiply_pairs(const std::int16_t* row, Index length, const std::int16_t* ahead,
                    const std::int16_t* pairs, std::int32_t* sums) {
    constexpr Index parts = rounded_together / Sums::count, line = 32;
    Sums sum[rows][parts];
    for (Index begin = 0; begin < length; begin += line) {
        for (int i = 0; i < rows; ++i) prefetch(ahead + i * length + begin);
        const Index end = begin + line < length ? begin + line : length;
        for (Index k = begin; k < end; k += 2, pairs += 2 * rounded_together) {
            decltype(Sums::load(pairs)) vector[parts];
            for (Index v = 0; v < parts; ++v) vector[v] = Sums::load(pairs + 2 * v * Sums::count);
            for (int i = 0; i < rows; ++i) {
                std::int32_t pair;
                std::memcpy(&pair, row + i * length + k, sizeof pair);
                const auto repeated = Sums::repeat(pair);
                for (Index v = 0; v < parts; ++v) sum[i][v].add(repeated, vector[v]);
            }
        }
    }
    for (int i = 0; i < rows; ++i)
        for (Index v = 0; v < parts; ++v) sum[i][v].store(sums + i * rounded_together + v * Sums::count);
}

/// out[v][j] = scale[v] root[j] q_j'v_v for all p rows and any number of vectors, packed in groups of rounded_together: the rows
/// are read from memory once, a block at a time.
inline void multiply_rounded(const std::int16_t* rounded, Index p, Index length, const double* root,
                             const std::int16_t* pairs, const double* scale, Index vectors,
                             double* const* out) {
    constexpr Index block = 60, ahead = 2 * Sums::rows;
    alignas(64) std::int32_t sums[block * rounded_together];
    for (Index begin = 0; begin < p; begin += block) {
        const Index count = begin + block < p ? block : p - begin;
        for (Index first = 0; first < vectors; first += rounded_together) {
            const std::int16_t *row = rounded + begin * length, *group = pairs + first * length;
            Index j = 0;
            for (; j + Sums::rows <= count; j += Sums::rows, row += Sums::rows * length)
                multiply_pairs<Sums::rows>(row, length, row + ahead * length, group,
                                           sums + j * rounded_together);
            for (; j < count; ++j, row += length)
                multiply_pairs<1>(row, length, row, group, sums + j * rounded_together);
            for (Index v = first; v < vectors && v < first + rounded_together; ++v) {
                double* to = out[v] + begin;
                const double *size = root + begin, factor = scale[v];
                const std::int32_t* sum = sums + (v - first);
#pragma omp simd
                for (Index t = 0; t < count; ++t)
                    to[t] = factor * size[t] * static_cast<double>(sum[t * rounded_together]);
            }
        }
    }
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
