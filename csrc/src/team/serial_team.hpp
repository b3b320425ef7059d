// The team of a processor: one lane, whose loops vectorise, with memory from the heap; and how it reaches any Gram.
#pragma once

#include <algorithm>
#include <atomic>

#include "team/heap.hpp"
#include "team/team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

struct SerialTeam {
    using Gram = covlasso::Gram;
    static constexpr bool approximates = true;  ///< some Grams give products within a radius

    Heap* heap;
    const std::atomic<bool>* stop = nullptr;

    void sync() const {}

    bool stopped() const { return stop != nullptr && stop->load(std::memory_order_relaxed); }

    void* take(std::size_t bytes) const { return heap->take(bytes); }
    void give_back(void* memory) const { heap->give_back(memory); }

    template <class F>
    void one(F f) const {
        f();
    }

    template <class F>
    Index from_one(F f) const {
        return f();
    }

    template <class F>
    void for_each(Index n, F f) const {
#pragma omp simd
        for (Index j = 0; j < n; ++j) f(j);
    }

    template <class F>
    void for_tiles(Index count, Index rows, F f) const {
        for (Index q = 0; q < count; ++q)
            for (Index r = 0; r < rows; ++r)
#pragma omp simd
                for (Index t = 0; t < panel_width; ++t) f(q, r, t);
    }

    template <class F>
    double sum(Index n, F f) const {
        double total = 0.0;
#pragma omp simd reduction(+ : total)
        for (Index j = 0; j < n; ++j) total += f(j);
        return total;
    }

    template <class F>
    double max(Index n, F f) const {
        double largest = 0.0;
        Index start = 0;
        if (n >= panel_width) {
            alignas(64) double lane[panel_width] = {};
            for (; start + panel_width <= n; start += panel_width)
#pragma omp simd
                for (Index t = 0; t < panel_width; ++t) {
                    const double value = f(start + t);
                    lane[t] = value > lane[t] ? value : lane[t];
                }
            for (const double value : lane) largest = value > largest ? value : largest;
        }
        for (; start < n; ++start) largest = f(start) > largest ? f(start) : largest;
        return largest;
    }

    /// Its place is looked for when it is known: two passes without a branch are faster than one that keeps places.
    template <class F>
    Best largest(Index n, F f) const {
        const double value = max(n, f);
        if (!(value > 0.0)) return {0.0, -1};
        Index j = 0;
        for (; j + panel_width <= n; j += panel_width) {
            std::int64_t hits = 0;
#pragma omp simd reduction(+ : hits)
            for (Index t = 0; t < panel_width; ++t) hits += f(j + t) == value ? 1 : 0;
            if (hits != 0) break;
        }
        while (f(j) != value) ++j;
        return {value, j};
    }

    template <class Test>
    bool any_of(Index n, Test test) const {
        Index start = 0;
        for (; start + panel_width <= n; start += panel_width)
            if (any(start, test)) return true;
        for (; start < n; ++start)
            if (test(start)) return true;
        return false;
    }

    /// Fractions are compared by cross products, so that only the winners of the lanes are divided.
    template <class Numerator, class Denominator>
    Best largest_fraction(Index n, double bound, Numerator numerator, Denominator denominator) const {
        alignas(64) double top[lanes], bottom[lanes], place[lanes];
        for (Index t = 0; t < lanes; ++t) top[t] = bound, bottom[t] = 1.0, place[t] = -1.0;
        for (Index start = 0; start < n; start += lanes) {
            const double first = static_cast<double>(start);
#pragma omp simd
            for (Index t = 0; t < lanes; ++t) {
                const double a = numerator(start + t), b = denominator(start + t);
                const bool wins = (a > 0.0) & (a * bottom[t] > top[t] * b);
                top[t] = wins ? a : top[t];
                bottom[t] = wins ? b : bottom[t];
                place[t] = wins ? first : place[t];
            }
        }
        Best best{bound, -1};
        for (Index t = 0; t < lanes; ++t) {
            if (place[t] < 0.0) continue;
            const double value = top[t] / bottom[t];
            const Index j = static_cast<Index>(place[t]) + t;
            if (value > best.value || (value == best.value && j < best.index)) best = {value, j};
        }
        return best;
    }

    template <class Keep>
    Index select(Index n, Keep keep, Id* out) const {
        Index count = 0;
        Index start = 0;
        alignas(64) std::int64_t flag[panel_width];
        for (; start + panel_width <= n; start += panel_width) {
            std::int64_t hits = 0;
#pragma omp simd reduction(+ : hits)
            for (Index t = 0; t < panel_width; ++t) hits += flag[t] = keep(start + t) ? 1 : 0;
            if (hits == 0) continue;
            for (Index t = 0; t < panel_width; ++t) {
                out[count] = static_cast<Id>(start + t);
                count += flag[t];
            }
        }
        for (Index j = start; j < n; ++j)
            if (keep(j)) out[count++] = static_cast<Id>(j);
        return count;
    }

    template <class Finish>
    void combine(const Panels& panels, Index count, Index rows, const double* coefficient,
                 Finish finish) const {
        for (Index q = 0; q < count; ++q) {
            alignas(64) double total[panel_width] = {};
            const double* row = panels.panel(q);
            for (Index r = 0; r < rows; ++r, row += panel_width) {
                const double x = coefficient[r];
#pragma omp simd
                for (Index t = 0; t < panel_width; ++t) total[t] += x * row[t];
            }
#pragma omp simd
            for (Index t = 0; t < panel_width; ++t) finish(q * panel_width + t, total[t]);
        }
    }

private:
    static constexpr Index lanes = 8;

    /// Whether test(j) holds somewhere in the panel. The flags are doubles so that they share the data's lanes.
    template <class Test>
    bool any(Index start, Test test) const {
        double hits = 0.0;
#pragma omp simd reduction(+ : hits)
        for (Index t = 0; t < panel_width; ++t) hits += test(start + t) ? 1.0 : 0.0;
        return hits != 0.0;
    }
};

inline Index size(const SerialTeam&, const Gram& gram) { return gram.size(); }

inline double entry(const SerialTeam&, const Gram& gram, Id i, Id j) {
    double value;
    gram.gather(i, &j, 1, &value);
    return value;
}

inline void gather(const SerialTeam&, const Gram& gram, Id row, const Id* columns, Index count, double* out) {
    gram.gather(row, columns, count, out);
}

/// In pieces that end with a panel, as each panel has memory of its own.
inline void gather_rows(const SerialTeam&, const Gram& gram, const Id* row, Index rows, const Id* columns,
                        Index first, Index end, Panels& to, Index first_row) {
    for (Index r = 0; r < rows; ++r)
        for (Index j = first; j < end; j += panel_width - j % panel_width) {
            const Index count = std::min(panel_width - j % panel_width, end - j);
            gram.gather(row[r], columns + j, count, &to.at(first_row + r, j));
        }
}

template <class Finish>
void multiply(const SerialTeam& team, const Gram& gram, SparseVector x, double* scratch, Finish finish) {
    gram.multiply(x, scratch);
    team.for_each(gram.size(), [=](Index j) { finish(j, scratch[j]); });
}

inline bool approximates(const SerialTeam&, const Gram& gram) { return gram.approximates(); }

template <class Finish>
double multiply_within(const SerialTeam& team, const Gram& gram, double tolerance, SparseVector x,
                       double* scratch, Finish finish) {
    const double radius = gram.multiply_within(tolerance, x, scratch);
    team.for_each(gram.size(), [=](Index j) { finish(j, scratch[j]); });
    return radius;
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
