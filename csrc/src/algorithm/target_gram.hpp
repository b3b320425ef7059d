// The Gram of one target, G + V'V: a matrix that all targets share, and a few rows V of the target's own.
//
// It stands between the parts of the algorithm and the team's kind of Gram, and answers to the same functions: an entry is
// G_jk + v_j . v_k with v_j the numbers of source j in those rows, a product G x + V'(V x). So m rows cost m numbers for
// every one that is read of G. Where there are none, all goes to G as it is.
#pragma once

#include "covlasso/problem.hpp"
#include "team/panels.hpp"
#include "team/team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

template <class Team>
class TargetGram {
    using Shared = typename Team::Gram;

public:
    COVLASSO_FN explicit TargetGram(const Shared& shared) : shared_(shared) {}

    COVLASSO_FN const Shared& shared() const { return shared_; }
    COVLASSO_FN Index rows() const { return rows_; }
    COVLASSO_FN const Panels& own() const { return own_; }  ///< V, one row below the other

    /// Takes the rows of target t over.
    COVLASSO_STEP void load(const Team& team, const OwnRows& all, Index t) {
        rows_ = all.empty() ? 0 : all.end(t) - all.begin(t);
        if (rows_ == 0) return;
        const Index p = all.rows.cols, begin = all.begin(t);
        own_.reserve_rows(team, rows_);
        own_.reserve_columns(team, p);
        along_.reserve(team, rows_);
        added_.reserve(team, padded(p));
        const MatrixView<double>& from = all.rows;
        team.for_tiles(panel_count(p), rows_, [&](Index q, Index m, Index c) {
            const Index j = q * panel_width + c;
            own_.at(m, j) = j < p ? from(begin + m, j) : 0.0;
        });
        team.sync();
    }

    /// v_j . v_k
    COVLASSO_FN double own_entry(Index j, Index k) const {
        const double *a = own_.column(j), *b = own_.column(k);
        double sum = 0.0;
        for (Index m = 0; m < rows_; ++m) sum += a[m * panel_width] * b[m * panel_width];
        return sum;
    }

    /// V'(V x), padded, in memory that the next call takes again.
    COVLASSO_STEP const double* own_product(const Team& team, SparseVector x) const {
        const Panels& own = own_;
        double *along = along_.data(), *added = added_.data();
        team.sync();
        team.for_each(rows_, [&](Index m) {
            double sum = 0.0;
            for (Index r = 0; r < x.count; ++r) sum += x.value[r] * own.at(m, x.index[r]);
            along[m] = sum;
        });
        team.sync();
        own_.product(team, rows_, own_width(team), along, added);
        return added;
    }

    /// finish(j, (V'u)_j) for all sources and the padding behind them; u has a number for every row.
    template <class Finish>
    COVLASSO_FN void combine(const Team& team, const double* u, Finish finish) const {
        team.combine(own_, panel_count(own_width(team)), rows_, u, finish);
        team.sync();
    }

private:
    COVLASSO_FN Index own_width(const Team& team) const { return size(team, shared_); }

    const Shared& shared_;
    Index rows_ = 0;
    Panels own_;
    mutable Buffer<double> along_, added_;  // scratch of a product: V x and V'(V x)
};

template <class Team>
COVLASSO_FN Index size(const Team& team, const TargetGram<Team>& gram) {
    return size(team, gram.shared());
}

template <class Team>
COVLASSO_FN void gather(const Team& team, const TargetGram<Team>& gram, Id row, const Id* columns,
                        Index count, double* out) {
    gather(team, gram.shared(), row, columns, count, out);
    if (gram.rows() > 0) team.for_each(count, [&](Index t) { out[t] += gram.own_entry(row, columns[t]); });
}

template <class Team>
COVLASSO_FN void gather_rows(const Team& team, const TargetGram<Team>& gram, const Id* row, Index rows,
                             const Id* columns, Index first, Index end, Panels& to, Index first_row) {
    gather_rows(team, gram.shared(), row, rows, columns, first, end, to, first_row);
    if (gram.rows() == 0) return;
    team.sync();
    for (Index r = 0; r < rows; ++r)
        team.for_each(end - first, [&](Index t) {
            to.at(first_row + r, first + t) += gram.own_entry(row[r], columns[first + t]);
        });
}

template <class Team, class Finish>
COVLASSO_FN void multiply(const Team& team, const TargetGram<Team>& gram, SparseVector x, double* scratch,
                          Finish finish) {
    if (gram.rows() == 0) return multiply(team, gram.shared(), x, scratch, finish);
    const double* added = gram.own_product(team, x);
    multiply(team, gram.shared(), x, scratch,
             [=](Index j, double product) { finish(j, product + added[j]); });
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
