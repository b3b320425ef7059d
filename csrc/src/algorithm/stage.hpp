// What happened in one stage: its events, and b and the gradient of the candidates at each of its knots.
//
// From these the stage proves that sources outside the candidates stayed inside their bounds between its ends. Let
// d = b - b_chord, where b_chord interpolates b linearly between the ends. The gradient of source j differs from its
// own chord by 2 |x_j'X d|, and the chord keeps at least the smaller of its distances to the bound at the ends. With
// v = X b at the start of the stage and p_j = x_j'v, which the gradient there tells, d is split along v and across:
//     |x_j'X d| <= |p_j| along + sqrt(G_jj - p_j^2 / |v|^2) across,
//     along = max |v'X d| / |v|^2,   across = max |X d|,
// the maxima being attained at knots. `along` is zero as long as no source leaves, and the root is small where the
// categories have much in common.
#pragma once

#include "algorithm/candidates.hpp"
#include "algorithm/target.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// How far b strays from its chord; see above.
struct Deviation {
    double across;
    double along;
    double norm;  ///< |v|^2

    /// A bound on the change of the gradient of a source with G_jj = root^2 and x_j'v = p.
    COVLASSO_FN double reach(double root, double p) const {
        const double shared = norm > 0.0 ? p * p / norm : 0.0;
        return 2.0 * (along * std::fabs(p) + across * std::sqrt(larger(root * root - shared, 0.0)));
    }
};

class Stage {
public:
    /// A stage that begins at lambda, with the candidates' arrays of the given (padded) size.
    template <class Team>
    COVLASSO_FN void open(const Team& team, double lambda, Index width) {
        start_ = lambda;
        width_ = width;
        knots_ = 0;
        events_.clear();
        touched_.reserve(team, width);
        double* touched = touched_.data();
        team.for_each(width, [=](Index j) { touched[j] = 0.0; });
        team.sync();
    }

    COVLASSO_FN double start() const { return start_; }
    COVLASSO_FN const EventList& events() const { return events_; }
    template <class Team>
    COVLASSO_FN void add_event(const Team& team, double lambda, Id source, int sign) {
        events_.push(team, {lambda, source, sign});
    }

    /// Takes back all events but the first `count`.
    COVLASSO_FN void drop_events(Index count) { events_.truncate(count); }

    /// Notes b and the candidates' gradient at lambda.
    template <class Team>
    COVLASSO_STEP void add_knot(const Team& team, const ActiveSet& active, const Candidates& candidates,
                                double lambda) {
        lambda_.reserve(team, knots_ + 1, knots_);
        beta_.reserve(team, (knots_ + 1) * width_, knots_ * width_);
        gradient_.reserve(team, (knots_ + 1) * width_, knots_ * width_);
        double *beta = beta_.data() + knots_ * width_, *gradient = gradient_.data() + knots_ * width_;
        const double *level = candidates.levels(), *tilt = candidates.tilts();
        team.for_each(width_, [=](Index j) {
            beta[j] = 0.0;
            gradient[j] = level[j] + lambda * tilt[j];
        });
        team.sync();
        team.for_each(active.size(), [&](Index r) {
            beta[active.place(r)] = active.coefficient(r, lambda);
            touched_[active.place(r)] = 1.0;
        });
        team.one([&] { lambda_[knots_] = lambda; });
        ++knots_;
        team.sync();
    }

    /// How far b strays from its chord at inner knot m, as deviation() has found it, and where on the chord that is.
    struct Stray {
        double across, along, part;
    };

    /// Whether a source stays within its bounds at all inner knots, by its distances from them at the ends and by how far its
    /// gradient may be from its chord at each: G_jj = root^2, and x_j'v = p within `radius`. As Deviation, knot by knot.
    COVLASSO_FN bool stays_inside(double room0, double room1, double root, double p, double radius,
                                  double norm) const {
        const double least = larger(std::fabs(p) - radius, 0.0), most = std::fabs(p) + radius;
        const double shared = norm > 0.0 ? least * least / norm : 0.0;
        const double apart = std::sqrt(larger(root * root - shared, 0.0));
        bool is_inside = room0 >= 0.0 && room1 >= 0.0;
        for (Index m = 1; m < knots_ - 1; ++m) {
            const Stray& stray = stray_[m];
            const double room = stray.part * room0 + (1.0 - stray.part) * room1;
            is_inside &= 2.0 * (stray.along * most + stray.across * apart) <= room;
        }
        return is_inside;
    }

    /// How far b strays from its chord in this stage.
    ///
    /// G d is half the negative deviation of the gradient, which is zero where a source was active throughout.
    template <class Team>
    COVLASSO_FN Deviation deviation(const Team& team, const Candidates& candidates) {
        const Index last = knots_ - 1, count = candidates.size();
        const double *b0 = beta_.data(), *b1 = b0 + last * width_;
        const double *g0 = gradient_.data(), *g1 = g0 + last * width_, *c = candidates.crosses();
        const double norm = team.sum(count, [=](Index j) { return b0[j] * (c[j] - 0.5 * g0[j]); });
        if constexpr (Team::approximates) stray_.reserve(team, knots_);
        double across = 0.0, along = 0.0;
        for (Index m = 1; m < last; ++m) {
            const double t = (lambda_[m] - lambda_[last]) / (lambda_[0] - lambda_[last]);
            const double *b = b0 + m * width_, *g = g0 + m * width_;
            const double square = team.sum(count, [=](Index j) {
                return (t * b0[j] + (1.0 - t) * b1[j] - b[j]) * (g[j] - t * g0[j] - (1.0 - t) * g1[j]);
            });
            const double product =
                team.sum(count, [=](Index j) { return b0[j] * (g[j] - t * g0[j] - (1.0 - t) * g1[j]); });
            across = larger(across, square);
            along = larger(along, std::fabs(product));
            if constexpr (Team::approximates)
                stray_[m] = {std::sqrt(0.5 * larger(square, 0.0)),
                             norm > 0.0 ? 0.5 * std::fabs(product) / norm : 0.0, t};
        }
        return {std::sqrt(0.5 * across), norm > 0.0 ? 0.5 * along / norm : 0.0, norm};
    }

    /// Lists the candidates that had a coefficient at some knot, and packs b over them, for leaves_bound().
    template <class Team>
    COVLASSO_FN void gather_support(const Team& team, const Candidates& candidates) {
        place_.reserve(team, width_);
        source_.reserve(team, width_);
        row_.reserve(team, width_);
        packed_.reserve(team, knots_ * width_);
        const double* touched = touched_.data();
        const Index count = team.select(width_, [=](Index j) { return touched[j] != 0.0; }, place_.data());
        support_ = padded(count);
        team.for_each(support_, [&](Index s) { source_[s] = s < count ? candidates.source(place_[s]) : 0; });
        for (Index m = 0; m < knots_; ++m)
            team.for_each(support_, [&](Index s) {
                packed_[m * support_ + s] = s < count ? beta_[m * width_ + place_[s]] : 0.0;
            });
        team.sync();
    }

    /// Whether the gradient 2 (c - (G b)_j) of a source outside exceeds lambda * w at an inner knot.
    template <class Team, class Gram>
    COVLASSO_STEP bool leaves_bound(const Team& team, const Gram& gram, Id j, double c, double w,
                                    bool positive) {
        team.sync();
        gather(team, gram, j, source_.data(), support_, row_.data());
        team.sync();
        const double* row = row_.data();
        for (Index m = 1; m < knots_ - 1; ++m) {
            const double* b = packed_.data() + m * support_;
            const double g = 2.0 * (c - team.sum(support_, [=](Index s) { return row[s] * b[s]; }));
            if ((positive ? g : std::fabs(g)) > lambda_[m] * w) return true;
        }
        return false;
    }

private:
    double start_ = 0.0;
    Index width_ = 0;
    Index knots_ = 0;
    EventList events_;
    Buffer<double> lambda_;
    Buffer<double> beta_, gradient_;  // one row of width_ per knot
    Buffer<double> touched_;
    Buffer<Stray> stray_;
    Index support_ = 0;
    Buffer<Id> place_, source_;
    Buffer<double> row_, packed_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
