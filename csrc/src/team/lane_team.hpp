// A team of several lanes that share memory: a thread block on the GPU; threads in the tests. Its Gram is a dense matrix in
// memory that all lanes see.
//
// The loops deal out their elements in turn: element j belongs to lane j mod lanes. A reduction over few elements is made
// by every warp for itself, which needs no barrier; over many, each warp reduces its own and all add up the results of
// the warps. So the order of a sum depends on the number of lanes and on nothing else.
#pragma once

#include "team/arena.hpp"
#include "team/team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// What a lane keeps for itself: its copy of the arena, and which half of the scratch comes next.
struct LaneState {
    Arena arena;
    int half = 0;
};

/// Lanes provides, for the lane that asks:
///   lane(), lanes()                   its number, and how many there are; a multiple of warp_width
///   warp_width                        lanes that exchange numbers without a barrier
///   few                               a reduction over at most so many elements is made by every warp
///   sync()                            the barrier of all lanes
///   reduce(x, f)                      f over the x of the lanes of a warp, the same on all of them; f is symmetric
///   before(flag)                      how many lanes of the warp before this one have the flag
///   scratch()                         shared: 2 * lanes / warp_width places of type Slot
///   stop_asked()                      whether the caller wants the work to end
///   give_up()                         ends the work of all lanes; every lane calls it
template <class Lanes>
class LaneTeam {
public:
    using Gram = AnyMatrix;
    static constexpr bool approximates = false;

    COVLASSO_FN LaneTeam(Lanes lanes, LaneState* state) : lanes_(lanes), state_(state) {}

    COVLASSO_FN void sync() const { lanes_.sync(); }

    COVLASSO_FN bool stopped() const {
        return from_one([&]() -> Index { return lanes_.stop_asked() ? 1 : 0; }) != 0;
    }

    /// Memory of the arena; where it has run dry, the work ends.
    COVLASSO_STEP void* take(std::size_t bytes) const {
        void* memory = state_->arena.take(bytes);
        if (memory == nullptr) lanes_.give_up();
        return memory;
    }
    COVLASSO_FN void give_back(void*) const {}

    template <class F>
    COVLASSO_FN void one(F f) const {
        if (lanes_.lane() == 0) f();
    }

    template <class F>
    COVLASSO_FN Index from_one(F f) const {
        Slot* slot = next_scratch();
        sync();
        if (lanes_.lane() == 0) slot->index = f();
        sync();
        return slot->index;
    }

    template <class F>
    COVLASSO_FN void for_each(Index n, F f) const {
        for (Index j = lanes_.lane(); j < n; j += lanes_.lanes()) f(j);
    }

    template <class F>
    COVLASSO_FN void for_tiles(Index count, Index rows, F f) const {
        for (Index q = 0; q < count; ++q)
            for_each(rows * panel_width, [=](Index x) { f(q, x / panel_width, x % panel_width); });
    }

    template <class Finish>
    COVLASSO_FN void combine(const Panels& panels, Index count, Index rows, const double* coefficient,
                             Finish finish) const {
        for_each(count * panel_width, [&](Index j) {
            const double* column = panels.column(j);
            double total = 0.0;
            for (Index r = 0; r < rows; ++r) total += coefficient[r] * column[r * panel_width];
            finish(j, total);
        });
    }

    template <class F>
    COVLASSO_FN double sum(Index n, F f) const {
        return reduce(n, 0.0, f, [](double a, double b) { return a + b; });
    }

    template <class F>
    COVLASSO_FN double max(Index n, F f) const {
        return reduce(n, 0.0, f, [](double a, double b) { return larger(b, a); });
    }

    template <class F>
    COVLASSO_FN Best largest(Index n, F f) const {
        const auto positive = [&](Index j) -> Best {
            const double value = f(j);
            return value > 0.0 ? Best{value, j} : Best{0.0, -1};
        };
        return reduce(n, Best{0.0, -1}, positive, [](Best a, Best b) { return better(a, b) ? a : b; });
    }

    template <class Test>
    COVLASSO_FN bool any_of(Index n, Test test) const {
        return max(n, [&](Index j) { return test(j) ? 1.0 : 0.0; }) > 0.0;
    }

    template <class Numerator, class Denominator>
    COVLASSO_FN Best largest_fraction(Index n, double bound, Numerator numerator,
                                      Denominator denominator) const {
        const auto fraction = [&](Index j) -> Best {
            const double a = numerator(j), b = denominator(j);
            return (a > 0.0) & (a > bound * b) ? Best{a / b, j} : Best{bound, -1};
        };
        return reduce(n, Best{bound, -1}, fraction, [](Best a, Best b) { return better(a, b) ? a : b; });
    }

    template <class Keep>
    COVLASSO_FN Index select(Index n, Keep keep, Id* out) const {
        const Index warps = lanes_.lanes() / Lanes::warp_width, warp = lanes_.lane() / Lanes::warp_width;
        const Index width = Lanes::warp_width, share = (n + warps * width - 1) / (warps * width) * width;
        const Index begin = warp * share, end = begin + share < n ? begin + share : n;
        Slot* counts = next_scratch();
        sync();
        const Index mine = count_kept(begin, end, keep);
        if (lanes_.lane() % width == 0) counts[warp].index = mine;
        sync();
        Index before = 0, all = 0;
        for (Index w = 0; w < warps; ++w) {
            before += w < warp ? counts[w].index : 0;
            all += counts[w].index;
        }
        if (mine > 0) write_kept(begin, end, keep, out + before);
        sync();
        return all;
    }

private:
    /// A place for what lanes tell each other.
    using Slot = typename Lanes::Slot;

    /// One half after the other: who is late to read one half meets a barrier before it is written again.
    COVLASSO_FN Slot* next_scratch() const {
        state_->half = 1 - state_->half;
        return lanes_.scratch() + state_->half * (lanes_.lanes() / Lanes::warp_width);
    }

    /// `join` over f(j) for j < n and `start`.
    template <class T, class F, class Join>
    COVLASSO_FN T reduce(Index n, T start, F f, Join join) const {
        const Index width = Lanes::warp_width, lane = lanes_.lane();
        T result = start;
        if (n <= lanes_.few) {
            for (Index j = lane % width; j < n; j += width) result = join(result, f(j));
            return lanes_.reduce(result, join);
        }
        for (Index j = lane; j < n; j += lanes_.lanes()) result = join(result, f(j));
        result = lanes_.reduce(result, join);
        Slot* parts = next_scratch();
        if (lane % width == 0) parts[lane / width].put(result);
        sync();
        parts[0].get(result);
        for (Index w = 1; w < lanes_.lanes() / width; ++w) {
            T part;
            parts[w].get(part);
            result = join(result, part);
        }
        return result;
    }

    /// The larger value, at equal values the smaller place; any place is better than none.
    COVLASSO_FN static bool better(Best a, Best b) {
        if (a.index < 0 || b.index < 0) return a.index >= 0;
        return a.value > b.value || (a.value == b.value && a.index < b.index);
    }

    /// How many of begin .. end - 1 the warp keeps.
    template <class Keep>
    COVLASSO_FN Index count_kept(Index begin, Index end, Keep keep) const {
        const Index width = Lanes::warp_width;
        Index count = 0;
        for (Index j = begin + lanes_.lane() % width; j < end; j += width) count += keep(j) ? 1 : 0;
        return lanes_.reduce(count, [](Index a, Index b) { return a + b; });
    }

    template <class Keep>
    COVLASSO_FN void write_kept(Index begin, Index end, Keep keep, Id* out) const {
        const Index width = Lanes::warp_width, place = lanes_.lane() % width;
        for (Index start = begin; start < end; start += width) {
            const Index j = start + place;
            const bool kept = j < end && keep(j);
            const Index before = lanes_.before(kept);
            if (kept) out[before] = static_cast<Id>(j);
            out += lanes_.reduce(static_cast<Index>(kept ? 1 : 0), [](Index a, Index b) { return a + b; });
        }
    }

    Lanes lanes_;
    LaneState* state_;
};

template <class Lanes>
COVLASSO_FN Index size(const LaneTeam<Lanes>&, const AnyMatrix& gram) {
    return gram.rows();
}

template <class Lanes>
COVLASSO_FN double entry(const LaneTeam<Lanes>&, const AnyMatrix& gram, Id i, Id j) {
    return gram(i, j);
}

template <class Lanes>
COVLASSO_FN void gather(const LaneTeam<Lanes>& team, const AnyMatrix& gram, Id row, const Id* columns,
                        Index count, double* out) {
    team.for_each(count, [=](Index t) { out[t] = gram(row, columns[t]); });
}

template <class Lanes>
COVLASSO_FN void gather_rows(const LaneTeam<Lanes>& team, const AnyMatrix& gram, const Id* row, Index rows,
                             const Id* columns, Index first, Index end, Panels& to, Index first_row) {
    const Index width = end - first;
    team.for_each(rows * width, [&](Index x) {
        const Index r = x / width, j = first + x % width;
        to.at(first_row + r, j) = gram(row[r], columns[j]);
    });
}

/// finish(j, (G x)_j) by rows: neighbouring lanes read neighbouring numbers. Four rows at a time, so that a lane has that
/// many readings under way.
template <class Lanes, class T, class Finish>
COVLASSO_FN void add_rows(const LaneTeam<Lanes>& team, const MatrixView<T>& g, SparseVector x,
                          Finish finish) {
    team.for_each(g.cols, [=](Index j) {
        const T* column = g.data + j;
        double total[4] = {};
        Index r = 0;
        for (; r + 4 <= x.count; r += 4)
            for (int i = 0; i < 4; ++i)
                total[i] += x.value[r + i] * static_cast<double>(column[x.index[r + i] * g.stride]);
        for (; r < x.count; ++r) total[0] += x.value[r] * static_cast<double>(column[x.index[r] * g.stride]);
        finish(j, (total[0] + total[1]) + (total[2] + total[3]));
    });
}

/// Needs no scratch.
template <class Lanes, class Finish>
COVLASSO_FN void multiply(const LaneTeam<Lanes>& team, const AnyMatrix& gram, SparseVector x, double*,
                          Finish finish) {
    if (gram.f64.data)
        add_rows(team, gram.f64, x, finish);
    else
        add_rows(team, gram.f32, x, finish);
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
