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
#include <limits>

#include "active_set.hpp"
#include "target.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// A gradient that runs along its bound within this relative slope never meets it: the crossing is 0 / 0.
inline constexpr double parallel = 1e-12;

class Candidates {
public:
    /// None yet, with room for `rows` active sources; l2 is added to the diagonal of G.
    void begin(Index rows, double l2) {
        rows_.set_rows(rows);
        ridge_ = l2;
        size_ = 0;
    }

    Index size() const { return size_; }
    Index padded_size() const { return padded(size_); }
    Id source(Index j) const { return source_[j]; }
    const Id* sources() const { return source_.data(); }
    const double* penalties() const { return penalty_.data(); }
    const double* crosses() const { return cross_.data(); }
    double cross(Index j) const { return cross_[j]; }
    double penalty(Index j) const { return penalty_[j]; }
    int sign(Index j) const { return level_[j] < 0.0 ? -1 : 1; }
    const Panels& rows() const { return rows_; }  ///< G(A, S), ridge term included
    const double* levels() const { return level_.data(); }
    const double* tilts() const { return tilt_.data(); }

    /// Appends sources, whose c_j and w_j are in the arrays over all sources; fills their columns of G(A, S).
    template <class Team>
    void admit(Team team, const Gram& gram, const ActiveSet& active, const Id* source, Index count,
               const Target& target) {
        const Index before = size_;
        grow(before + count);
        for (Index t = 0; t < count; ++t) {
            source_[before + t] = source[t];
            cross_[before + t] = target.cross[source[t]];
            penalty_[before + t] = bound_[before + t] = target.penalty[source[t]];
            root_[before + t] = target.root[source[t]];
            level_[before + t] = tilt_[before + t] = 0.0;
        }
        size_ = before + count;
        for (Index j = size_; j < padded_size(); ++j) {  // padding never takes part
            source_[j] = 0;
            bound_[j] = penalty_[j] = infinity;
            level_[j] = tilt_[j] = root_[j] = 0.0;
        }
        team.sync();
        for (Index r = 0; r < active.size(); ++r) gather_row(team, gram, active.source(r), r, before);
        team.sync();
    }

    /// Fills row r of G(A, S) with that of the candidate at `place`, the ridge term added on the diagonal.
    template <class Team>
    void fetch_row(Team team, const Gram& gram, Index r, Index place) {
        gather_row(team, gram, source_[place], r, 0);
        rows_.at(r, place) += ridge_;
        team.sync();
    }

    template <class Team>
    void drop_row(Team team, Index r, Index last) {
        if (r != last) rows_.copy_row(team, last, r, size_);
    }

    /// level and tilt from the gradient at lambda: tilt = 2 G(S, A) slope, level = gradient - lambda * tilt.
    template <class Team>
    void reset(Team team, const ActiveSet& active, const double* gradient, double lambda) {
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
    void move(Team team, Index rows, const double* direction, Change change) {
        const double base = 2.0 * change.base, slope = 2.0 * change.slope;
        double *level = level_.data(), *tilt = tilt_.data();
        for (Index q = 0; q < panel_count(size_); ++q) {
            double *l = level + q * panel_width, *a = tilt + q * panel_width;
            team.combine(rows_.panel(q), rows, direction, [=](Index t, double w) {
                l[t] -= base * w;
                a[t] += slope * w;
            });
        }
        team.sync();
    }

    /// The candidate that touches its bound first on the way down from lambda, if it does so above `lowest`.
    ///
    /// A level of at most noise * sqrt(G_jj) is rounding: that gradient tends to zero with lambda.
    template <class Team>
    Best next(Team team, bool positive, double lowest, double noise) const {
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
    void hold(Index j) { bound_[j] = infinity; }

    /// All but the active ones take part in next().
    template <class Team>
    void hold_only(Team team, const ActiveSet& active) {
        double *bound = bound_.data(), *penalty = penalty_.data();
        team.for_each(size_, [=](Index j) { bound[j] = penalty[j]; });
        team.sync();
        for (Index r = 0; r < active.size(); ++r) hold(active.place(r));
        team.sync();
    }

private:
    void grow(Index count) {
        rows_.grow(count, size_);
        for (Buffer<double>* vector : {&cross_, &penalty_, &bound_, &root_, &level_, &tilt_})
            vector->reserve(padded(count), padded_size());
        source_.reserve(padded(count), padded_size());
    }

    /// Row r of G(A, S) from column `first` on; the padding of the last panel becomes zero.
    template <class Team>
    void gather_row(Team team, const Gram& gram, Id source, Index r, Index first) {
        for (Index j = first; j < size_; j += panel_width - j % panel_width) {
            const Index count = std::min(panel_width - j % panel_width, size_ - j);
            gram.gather(source, source_.data() + j, count, rows_.column(j) + r * panel_width);
        }
        double* last = rows_.panel(panel_count(size_) - 1) + r * panel_width;
        const Index used = size_ - (panel_count(size_) - 1) * panel_width;
        team.for_each(panel_width - used, [=](Index t) { last[used + t] = 0.0; });
    }

    Index size_ = 0;
    Panels rows_;  // G(A, S), one row per active source
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
