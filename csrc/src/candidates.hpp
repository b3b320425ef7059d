// The candidates S of one target: the sources that may enter before the next check of all others.
//
// For candidate j the gradient 2 (c - G b)_j is, on a piece of the path, level_j + lambda * tilt_j. It touches its
// bound lambda * w_j further down at
//     lambda_j = |level_j| / (w_j - sign(level_j) tilt_j),
// on the side of the sign of its level: a gradient inside the bounds that tends to level_j at lambda = 0 cannot cross
// the other side. So a source that has just left, whose gradient moves inward, has a level of the other sign, and no
// rounding brings it straight back.
#pragma once

#include <cmath>
#include <limits>

#include "active_set.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// A gradient that runs along its bound within this relative slope never meets it: the crossing is 0 / 0.
inline constexpr double parallel = 1e-12;

class Candidates {
public:
    /// Room for `rows` active sources.
    void reserve(Index rows) {
        rows_.set_rows(rows);
        size_ = 0;
    }

    void clear() { size_ = 0; }
    Index size() const { return size_; }
    Index padded_size() const { return padded(size_); }
    Id source(Index j) const { return source_[j]; }
    const Id* sources() const { return source_.data(); }
    double cross(Index j) const { return cross_[j]; }
    double penalty(Index j) const { return penalty_[j]; }
    int sign(Index j) const { return level_[j] < 0.0 ? -1 : 1; }
    /// G(A_r, S_j)
    double entry(Index r, Index j) const { return rows_.at(r, j); }
    double gradient(Index j, double lambda) const { return level_[j] + lambda * tilt_[j]; }

    /// Appends sources, whose c_j and w_j are in the arrays over all sources; fills their columns of G(A, S).
    template <class Team>
    void admit(Team team, const Gram& gram, const ActiveSet& active, const Id* source, Index count,
               const double* cross, const double* penalty) {
        const Index before = size_;
        grow(before + count);
        for (Index t = 0; t < count; ++t) {
            source_[before + t] = source[t];
            cross_[before + t] = cross[source[t]];
            penalty_[before + t] = bound_[before + t] = penalty[source[t]];
            level_[before + t] = tilt_[before + t] = 0.0;
        }
        size_ = before + count;
        for (Index j = size_; j < padded_size(); ++j) {
            bound_[j] = infinity;
            level_[j] = tilt_[j] = 0.0;
            source_[j] = 0;
        }
        team.sync();
        for (Index r = 0; r < active.size(); ++r) {
            gram.gather(active.source(r), source_.data() + before, count, row_.data());
            store_row(team, r, before, count);
        }
    }

    /// Fills row r of G(A, S) with that of the candidate at `place`, l2 added on the diagonal; returns it.
    template <class Team>
    const double* fetch_row(Team team, const Gram& gram, Index r, Index place, double l2) {
        gram.gather(source_[place], source_.data(), size_, row_.data());
        row_[place] += l2;
        for (Index j = size_; j < padded_size(); ++j) row_[j] = 0.0;
        store_row(team, r, 0, padded_size());
        return row_.data();
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
        double *level = level_.data(), *tilt = tilt_.data();
        for (Index q = 0; q < panel_count(size_); ++q) {
            double* w = work_.data() + q * panel_width;
            team.combine(rows_.panel(q), rows, direction, w);
            double *l = level + q * panel_width, *a = tilt + q * panel_width;
            team.for_each(panel_width, [=](Index t) {
                l[t] -= 2.0 * change.base * w[t];
                a[t] += 2.0 * change.slope * w[t];
            });
        }
        team.sync();
    }

    /// The candidate that touches its bound first on the way down from lambda, if it does so above `lowest`.
    template <class Team>
    Best next(Team team, bool positive, double lowest) const {
        const double *level = level_.data(), *tilt = tilt_.data(), *bound = bound_.data();
        const auto room = [=](Index j) { return bound[j] - (level[j] < 0.0 ? -tilt[j] : tilt[j]); };
        const auto beats = [=](Index j, double lambda) {
            return (!positive || level[j] > 0.0) & (room(j) > parallel * bound[j]) &
                   (std::fabs(level[j]) > lambda * room(j));
        };
        return team.best(padded_size(), lowest, beats, [=](Index j) { return std::fabs(level[j]) / room(j); });
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
        for (Buffer<double>* vector : {&cross_, &penalty_, &bound_, &level_, &tilt_, &work_, &row_})
            vector->reserve(padded(count), padded_size());
        source_.reserve(padded(count), padded_size());
    }

    /// Row r of G(A, S), columns first .. first + count - 1, from row_buffer().
    template <class Team>
    void store_row(Team team, Index r, Index first, Index count) {
        const double* row = row_.data();
        for (Index j = first; j < first + count;) {
            const Index q = j / panel_width, t = j % panel_width;
            const Index some = panel_width - t < first + count - j ? panel_width - t : first + count - j;
            double* out = rows_.panel(q) + r * panel_width + t;
            const double* from = row + (j - first);
            team.for_each(some, [=](Index i) { out[i] = from[i]; });
            if (first > 0)  // the padding of the last panel
                for (Index i = t + some; i < panel_width; ++i) rows_.panel(q)[r * panel_width + i] = 0.0;
            j += some;
        }
        team.sync();
    }

    Index size_ = 0;
    Panels rows_;          // G(A, S), one row per active source
    Buffer<Id> source_;
    Buffer<double> cross_;    // c_j
    Buffer<double> penalty_;  // w_j
    Buffer<double> bound_;    // w_j, or infinity for those that are active or set aside
    Buffer<double> level_, tilt_;
    Buffer<double> work_, row_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
