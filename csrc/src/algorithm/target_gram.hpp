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
    COVLASSO_FN Index rows() const { return own_.rows; }
    COVLASSO_FN const double* row(Index m) const { return own_.row(m); }

    /// Takes the rows of target t, where they lie.
    COVLASSO_FN void open(const Team& team, const OwnRows& all, Index t) {
        own_ = {};
        if (all.empty()) return;
        own_ = {all.rows.row(all.first_row(t)), all.count(t), all.rows.cols, all.rows.stride};
        along_.reserve(team, own_.rows);
        if (own_.rows > 1) added_.reserve(team, own_.cols);
    }

    /// add(j, part) for j < n, with parts that sum up to sum_m factor(m) (row m)[column(j)]; four rows at a time, so that
    /// what they are added to is read and written once for all of them.
    template <class Factor, class Column, class Add>
    COVLASSO_FN void for_rows(const Team& team, Index n, Factor factor, Column column, Add add) const {
        Index m = 0;
        for (; m + 4 <= own_.rows; m += 4) {
            const double *v0 = own_.row(m), *v1 = own_.row(m + 1), *v2 = own_.row(m + 2),
                         *v3 = own_.row(m + 3);
            const double x0 = factor(m), x1 = factor(m + 1), x2 = factor(m + 2), x3 = factor(m + 3);
            team.for_each(n, [=](Index j) {
                const Index k = column(j);
                add(j, (x0 * v0[k] + x1 * v1[k]) + (x2 * v2[k] + x3 * v3[k]));
            });
        }
        for (; m < own_.rows; ++m) {
            const double* v = own_.row(m);
            const double x = factor(m);
            team.for_each(n, [=](Index j) { add(j, x * v[column(j)]); });
        }
    }

    /// out[j] += v_j . v_j for all sources.
    COVLASSO_FN void add_squares(const Team& team, double* out) const {
        Index m = 0;
        for (; m + 4 <= own_.rows; m += 4) {
            const double *v0 = own_.row(m), *v1 = own_.row(m + 1), *v2 = own_.row(m + 2),
                         *v3 = own_.row(m + 3);
            team.for_each(own_.cols, [=](Index j) {
                out[j] += (v0[j] * v0[j] + v1[j] * v1[j]) + (v2[j] * v2[j] + v3[j] * v3[j]);
            });
        }
        for (; m < own_.rows; ++m) {
            const double* v = own_.row(m);
            team.for_each(own_.cols, [=](Index j) { out[j] += v[j] * v[j]; });
        }
    }

    /// V x, in memory that the next call takes again.
    COVLASSO_STEP const double* along(const Team& team, SparseVector x) const {
        double* along = along_.data();
        team.sync();
        for (Index m = 0; m < own_.rows; ++m) {
            const double* v = own_.row(m);
            const double sum = team.sum(x.count, [=](Index r) { return x.value[r] * v[x.index[r]]; });
            team.one([&] { along[m] = sum; });
        }
        team.sync();
        return along;
    }

    /// V't of t = V x for all sources, likewise.
    COVLASSO_STEP const double* across(const Team& team, const double* t) const {
        double* added = added_.data();
        team.for_each(own_.cols, [=](Index j) { added[j] = 0.0; });
        for_rows(
            team, own_.cols, [=](Index m) { return t[m]; }, [](Index j) { return j; },
            [=](Index j, double part) { added[j] += part; });
        return added;
    }

private:
    const Shared& shared_;
    MatrixView<double> own_;                // V
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
    gram.for_rows(
        team, count, [&](Index m) { return gram.row(m)[row]; }, [=](Index t) { return columns[t]; },
        [=](Index t, double part) { out[t] += part; });
}

template <class Team, class Finish>
COVLASSO_FN void multiply(const Team& team, const TargetGram<Team>& gram, SparseVector x, double* scratch,
                          Finish finish) {
    if (gram.rows() == 0) return multiply(team, gram.shared(), x, scratch, finish);
    const double* along = gram.along(team, x);
    if (gram.rows() == 1) {
        const double t = along[0], *v = gram.row(0);
        return multiply(team, gram.shared(), x, scratch,
                        [=](Index j, double product) { finish(j, product + t * v[j]); });
    }
    const double* added = gram.across(team, along);
    multiply(team, gram.shared(), x, scratch,
             [=](Index j, double product) { finish(j, product + added[j]); });
}

/// Likewise within a radius <= tolerance, which is returned: times sqrt(G_jj) of the shared G, as the target's rows are exact.
template <class Team, class Finish>
double multiply_within(const Team& team, const TargetGram<Team>& gram, double tolerance, SparseVector x,
                       double* scratch, Finish finish) {
    if (gram.rows() == 0) return multiply_within(team, gram.shared(), tolerance, x, scratch, finish);
    const double* along = gram.along(team, x);
    if (gram.rows() == 1) {
        const double t = along[0], *v = gram.row(0);
        return multiply_within(team, gram.shared(), tolerance, x, scratch,
                               [=](Index j, double product) { finish(j, product + t * v[j]); });
    }
    const double* added = gram.across(team, along);
    return multiply_within(team, gram.shared(), tolerance, x, scratch,
                           [=](Index j, double product) { finish(j, product + added[j]); });
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
