// The candidates S of one target: the sources that may enter before the next check of all others.
//
// For candidate j the gradient 2 (c - G b)_j is, on a piece of the path, level_j + lambda * tilt_j. It touches its
// bound lambda * w_j further down at
//     lambda_j = |level_j| / (w_j - sign(level_j) tilt_j),
// on the side of the sign of its level: a gradient inside the bounds that tends to level_j at lambda = 0 cannot cross
// the other side. So a source that has just left, whose gradient moves inward, has a level of the other sign, and no
// rounding brings it straight back.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithm/active_set.hpp"
#include "algorithm/target.hpp"
#include "team/team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// A gradient that runs along its bound within this relative slope never meets it: the crossing is 0 / 0.
inline constexpr double parallel = 1e-15;

class Candidates {
public:
    /// Room for `rows` active sources, of which there are `used`.
    template <class Team>
    COVLASSO_FN void reserve(const Team& team, Index rows, Index used) {
        grow(team, size_ > first_columns ? size_ : first_columns);
        rows_.reserve_rows(team, rows, used);
        rows_.reserve_columns(team, first_columns);
    }

    /// None yet; l2 is added to the diagonal of G.
    COVLASSO_FN void begin(double l2) {
        ridge_ = l2;
        size_ = 0;
    }

    COVLASSO_FN Index size() const { return size_; }
    COVLASSO_FN Index padded_size() const { return padded(size_); }
    COVLASSO_FN Id source(Index j) const { return source_[j]; }
    COVLASSO_FN const Id* sources() const { return source_.data(); }
    COVLASSO_FN const double* penalties() const { return penalty_.data(); }
    COVLASSO_FN const double* crosses() const { return cross_.data(); }
    COVLASSO_FN double cross(Index j) const { return cross_[j]; }
    COVLASSO_FN double penalty(Index j) const { return penalty_[j]; }
    COVLASSO_FN int sign(Index j) const { return level_[j] < 0.0 ? -1 : 1; }
    /// Whether rounding of size `noise` times sqrt(G_jj) moves the lambda at which j meets its bound by less than `share`.
    COVLASSO_FN bool is_certain(Index j, double lambda, double noise, double share) const {
        const double room = penalty_[j] - sign(j) * tilt_[j];
        return noise * root_[j] <= share * room * lambda;
    }
    COVLASSO_FN const Panels& rows() const { return rows_; }  ///< G(A, S), ridge term included
    COVLASSO_FN const double* levels() const { return level_.data(); }
    COVLASSO_FN const double* tilts() const { return tilt_.data(); }

    /// Appends sources, whose c_j and w_j are in the arrays over all sources; fills their columns of G(A, S).
    template <class Team, class Gram>
    COVLASSO_STEP void admit(const Team& team, const Gram& gram, const ActiveSet& active, const Id* source,
                             Index count, const Target& target) {
        if (count == 0) return;
        const Index before = size_;
        grow(team, before + count);
        rows_.reserve_columns(team, before + count);
        team.for_each(count, [&](Index t) {
            const Index j = before + t;
            source_[j] = source[t];
            cross_[j] = target.cross[source[t]];
            penalty_[j] = bound_[j] = target.penalty[source[t]];
            root_[j] = target.root[source[t]];
            level_[j] = tilt_[j] = 0.0;
        });
        size_ = before + count;
        team.for_each(padded_size() - size_, [&](Index t) {  // padding never takes part
            const Index j = size_ + t;
            source_[j] = 0;
            bound_[j] = penalty_[j] = infinity;
            cross_[j] = level_[j] = tilt_[j] = root_[j] = 0.0;
        });
        team.sync();
        take_own_columns(team, gram, before);
        fill_rows(team, gram.shared(), active.sources(), active.size(), before, 0);
        for (Index r = 0; r < active.size(); ++r) add_own(team, active.place(r), before, r);
        team.sync();
    }

    /// Fills row r of G(A, S) with that of the candidate at `place`, the ridge term added on the diagonal.
    template <class Team, class Gram>
    COVLASSO_FN void fetch_row(const Team& team, const Gram& gram, Index r, Index place) {
        fill_rows(team, gram.shared(), source_.data() + place, 1, 0, r);
        add_own(team, place, 0, r);
        team.sync();
        team.one([&] { rows_.at(r, place) += ridge_; });
        team.sync();
    }

    template <class Team>
    COVLASSO_FN void drop_row(const Team& team, Index r, Index last) {
        if (r != last) rows_.copy_row(team, last, r, size_);
    }

    /// level and tilt from the gradient at lambda: tilt = 2 G(S, A) slope, level = gradient - lambda * tilt.
    template <class Team>
    COVLASSO_STEP void reset(const Team& team, const ActiveSet& active, const double* gradient,
                             double lambda) {
        double *level = level_.data(), *tilt = tilt_.data();
        const Id* source = source_.data();
        rows_.product(team, active.size(), size_, active.slope(), tilt);
        team.for_each(padded_size(), [=](Index j) {
            tilt[j] *= 2.0;
            level[j] = gradient[source[j]] - lambda * tilt[j];
        });
        team.sync();
        hold_only(team, active);
    }

    /// Follows b_A along `direction`: level -= 2 base w and tilt += 2 slope w, where w = G(S, A) direction.
    template <class Team>
    COVLASSO_FN void move(const Team& team, Index rows, const double* direction, Change change) {
        const double base = 2.0 * change.base, slope = 2.0 * change.slope;
        double *level = level_.data(), *tilt = tilt_.data();
        team.combine(rows_, panel_count(size_), rows, direction, [=](Index j, double w) {
            level[j] -= base * w;
            tilt[j] += slope * w;
        });
        team.sync();
    }

    /// The candidate that touches its bound first on the way down from lambda, if it does so above `lowest`.
    ///
    /// A level of at most noise * sqrt(G_jj) is rounding: that gradient tends to zero with lambda.
    template <class Team>
    COVLASSO_FN Best next(const Team& team, bool positive, double lowest, double noise) const {
        const double *level = level_.data(), *tilt = tilt_.data(), *bound = bound_.data(),
                     *root = root_.data();
        const double above = positive ? 0.0 : -infinity;  // the levels that count
        const auto room = [=](Index j) { return bound[j] - std::copysign(1.0, level[j]) * tilt[j]; };
        const auto size = [=](Index j) {
            const double height = std::fabs(level[j]);
            return (level[j] > above) & (room(j) > parallel * bound[j]) & (height > noise * root[j]) ? height
                                                                                                     : 0.0;
        };
        return team.largest_fraction(padded_size(), lowest, size, room);
    }

    /// Candidate j takes no part in next().
    template <class Team>
    COVLASSO_FN void hold(const Team& team, Index j) {
        team.one([&] { bound_[j] = infinity; });
        team.sync();
    }

    /// All but the active ones take part in next().
    template <class Team>
    COVLASSO_FN void hold_only(const Team& team, const ActiveSet& active) {
        double *bound = bound_.data(), *penalty = penalty_.data();
        team.for_each(size_, [=](Index j) { bound[j] = penalty[j]; });
        team.sync();
        team.for_each(active.size(), [&](Index r) { bound[active.place(r)] = infinity; });
        team.sync();
    }

private:
    template <class Team>
    COVLASSO_FN void grow(const Team& team, Index count) {
        for (Buffer<double>* vector : {&cross_, &penalty_, &bound_, &root_, &level_, &tilt_})
            vector->reserve(team, padded(count), padded_size());
        source_.reserve(team, padded(count), padded_size());
    }

    /// Rows r0 .. of G(A, S) from column `first` on, for `count` sources; the padding of the last panel becomes zero.
    template <class Team, class Gram>
    COVLASSO_STEP void fill_rows(const Team& team, const Gram& gram, const Id* source, Index count,
                                 Index first, Index r0) {
        gather_rows(team, gram, source, count, source_.data(), first, size_, rows_, r0);
        double* last = rows_.panel(panel_count(size_) - 1);
        const Index used = size_ - (panel_count(size_) - 1) * panel_width;
        team.for_tiles(1, count, [=](Index, Index r, Index t) {
            if (t >= used) last[(r0 + r) * panel_width + t] = 0.0;
        });
    }

    /// Columns `first` .. of V, where the target has rows of its own: products with these are what its Gram adds.
    template <class Team, class Gram>
    COVLASSO_FN void take_own_columns(const Team& team, const Gram& gram, Index first) {
        own_count_ = gram.rows();
        if (own_count_ == 0) return;
        own_.reserve_rows(team, own_count_, first > 0 ? own_count_ : 0);
        own_.reserve_columns(team, size_);
        for (Index m = 0; m < own_count_; ++m) {
            const double* v = gram.row(m);
            team.for_each(padded_size() - first, [&](Index t) {
                const Index j = first + t;
                own_.at(m, j) = j < size_ ? v[source_[j]] : 0.0;
            });
        }
        team.sync();
    }

    /// Adds V'V to row r of G(A, S), from column `first` on, for the candidate at `place`.
    template <class Team>
    COVLASSO_STEP void add_own(const Team& team, Index place, Index first, Index r) {
        if (own_count_ == 0) return;
        const double* column = own_.column(place);
        team.sync();
        for (Index q = first / panel_width; q < panel_count(size_); ++q) {
            const Index begin = first > q * panel_width ? first - q * panel_width : 0;
            double* row = rows_.panel(q) + r * panel_width + begin;
            const double* own = own_.panel(q) + begin;
            const Index count = panel_width - begin;
            Index m = 0;
            for (; m + 4 <= own_count_;
                 m += 4, own += 4 * panel_width) {  // the row is read and written once for four
                const double x0 = column[m * panel_width], x1 = column[(m + 1) * panel_width],
                             x2 = column[(m + 2) * panel_width], x3 = column[(m + 3) * panel_width];
                team.for_each(count, [=](Index t) {
                    row[t] += (x0 * own[t] + x1 * own[panel_width + t]) +
                              (x2 * own[2 * panel_width + t] + x3 * own[3 * panel_width + t]);
                });
            }
            for (; m < own_count_; ++m, own += panel_width) {
                const double x = column[m * panel_width];
                team.for_each(count, [=](Index t) { row[t] += x * own[t]; });
            }
        }
    }

    Index size_ = 0;
    Panels rows_;  // G(A, S), one row per active source
    Panels own_;   // V on S, one row per row of V
    Index own_count_ = 0;
    Buffer<Id> source_;
    Buffer<double> cross_;    // c_j
    Buffer<double> penalty_;  // w_j
    Buffer<double> bound_;    // w_j, or infinity for those that are active or set aside
    Buffer<double> root_;     // sqrt(G_jj)
    Buffer<double> level_, tilt_;
    double ridge_ = 0.0;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
