// The Gram as a team of lanes reaches it: a dense matrix in memory that all lanes see.
#pragma once

#include "covlasso/gram.hpp"
#include "team/lane_team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// G row by row in float32 or float64 (exactly one of the two is set); arithmetic is in double.
struct LaneGram {
    MatrixView<float> f32;
    MatrixView<double> f64;

    COVLASSO_FN Index size() const { return f64.data ? f64.rows : f32.rows; }
    COVLASSO_FN double operator()(Index i, Index j) const {
        return f64.data ? f64(i, j) : static_cast<double>(f32(i, j));
    }
};

/// G(i, j)
COVLASSO_FN inline double entry(const LaneGram& gram, Id i, Id j) { return gram(i, j); }

/// out[t] = G(row, columns[t]) for t < count.
template <class Lanes>
COVLASSO_FN void gather(const LaneTeam<Lanes>& team, const LaneGram& gram, Id row, const Id* columns,
                        Index count, double* out) {
    team.for_each(count, [=](Index t) { out[t] = gram(row, columns[t]); });
}

/// (first_row + r, j) = G(row[r], columns[j]) for r < rows and first <= j < end; the panels have room for them.
template <class Lanes>
COVLASSO_FN void gather_rows(const LaneTeam<Lanes>& team, const LaneGram& gram, const Id* row, Index rows,
                             const Id* columns, Index first, Index end, Panels& to, Index first_row) {
    const Index width = end - first;
    team.for_each(rows * width, [&](Index x) {
        const Index r = x / width, j = first + x % width;
        to.at(first_row + r, j) = gram(row[r], columns[j]);
    });
}

/// finish(j, sum over r < count of value[r] * G(index[r], j)) for all j, by rows: neighbouring lanes read neighbouring
/// numbers. Four rows at a time, so that a lane has that many readings under way.
template <class Lanes, class T, class Finish>
COVLASSO_FN void add_rows(const LaneTeam<Lanes>& team, const MatrixView<T>& g, const Id* index,
                          const double* value, Index count, Finish finish) {
    team.for_each(g.cols, [=](Index j) {
        const T* column = g.data + j;
        double total[4] = {};
        Index r = 0;
        for (; r + 4 <= count; r += 4)
            for (int i = 0; i < 4; ++i)
                total[i] += value[r + i] * static_cast<double>(column[index[r + i] * g.stride]);
        for (; r < count; ++r) total[0] += value[r] * static_cast<double>(column[index[r] * g.stride]);
        finish(j, (total[0] + total[1]) + (total[2] + total[3]));
    });
}

/// finish(j, (G x)_j) for all j < size, where x has value[s] at index[s]; no scratch is needed.
template <class Lanes, class Finish>
COVLASSO_FN void multiply(const LaneTeam<Lanes>& team, const LaneGram& gram, const Id* index,
                          const double* value, Index count, Index, double*, Finish finish) {
    if (gram.f64.data)
        add_rows(team, gram.f64, index, value, count, finish);
    else
        add_rows(team, gram.f32, index, value, count, finish);
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
