// What happened in one stage: its events, and b and the gradient of the candidates at each of its knots.
//
// From these the stage proves that sources outside the candidates stayed inside their bounds between its ends. Write
// chord(lambda) for the linear interpolation between the ends. The gradient of source j differs from its chord by
//     |2 x_j' X (b - b_chord)| <= 2 sqrt(G_jj) D,   D^2 = max (b - b_chord)' G (b - b_chord),
// attained at a knot. The chord itself keeps at least the smaller of the two distances to the bound at the ends.
#pragma once

#include "candidates.hpp"
#include "target.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

class Stage {
public:
    /// A stage that begins at lambda, with the candidates' arrays of the given (padded) size.
    void open(double lambda, Index width) {
        start_ = lambda;
        width_ = width;
        knots_ = 0;
        events_.clear();
        touched_.reserve(width);
        std::memset(touched_.data(), 0, static_cast<std::size_t>(width) * sizeof(touched_[0]));
    }

    double start() const { return start_; }
    Index knots() const { return knots_; }
    const EventList& events() const { return events_; }
    void add_event(double lambda, Id source, int sign) { events_.push({lambda, source, sign}); }

    /// Notes b and the candidates' gradient at lambda.
    template <class Team>
    void add_knot(Team team, const ActiveSet& active, const Candidates& candidates, double lambda) {
        lambda_.reserve(knots_ + 1, knots_);
        beta_.reserve((knots_ + 1) * width_, knots_ * width_);
        gradient_.reserve((knots_ + 1) * width_, knots_ * width_);
        double *beta = beta_.data() + knots_ * width_, *gradient = gradient_.data() + knots_ * width_;
        team.for_each(width_, [=, &candidates](Index j) {
            beta[j] = 0.0;
            gradient[j] = candidates.gradient(j, lambda);
        });
        team.sync();
        for (Index r = 0; r < active.size(); ++r) {
            beta[active.place(r)] = active.coefficient(r, lambda);
            touched_[active.place(r)] = 1;
        }
        lambda_[knots_++] = lambda;
        team.sync();
    }

    /// D of the header: the largest distance of b from its chord, in the norm of G.
    ///
    /// G (b - b_chord) is half the negative deviation of the gradient, which is zero where a source was active throughout.
    template <class Team>
    double deviation(Team team, Index candidates) const {
        const Index last = knots_ - 1;
        const double *b0 = beta_.data(), *b1 = b0 + last * width_;
        const double *g0 = gradient_.data(), *g1 = g0 + last * width_;
        double largest = 0.0;
        for (Index m = 1; m < last; ++m) {
            const double t = (lambda_[m] - lambda_[last]) / (lambda_[0] - lambda_[last]);
            const double *b = b0 + m * width_, *g = g0 + m * width_;
            const double square = team.sum(candidates, [=](Index j) {
                return (t * b0[j] + (1.0 - t) * b1[j] - b[j]) * (g[j] - t * g0[j] - (1.0 - t) * g1[j]);
            });
            largest = square > largest ? square : largest;
        }
        return std::sqrt(0.5 * largest);
    }

    /// Lists the candidates that had a coefficient at some knot, for leaves_bound().
    template <class Team>
    void gather_support(Team team, const Candidates& candidates) {
        place_.reserve(candidates.size());
        source_.reserve(candidates.size());
        row_.reserve(candidates.size());
        const char* touched = touched_.data();
        support_ = team.select(candidates.size(), [=](Index j) { return touched[j] != 0; }, place_.data());
        for (Index s = 0; s < support_; ++s) source_[s] = candidates.source(place_[s]);
        team.sync();
    }

    /// Whether the gradient 2 (c - (G b)_j) of a source outside exceeds lambda * w at an inner knot.
    template <class Team>
    bool leaves_bound(Team team, const Gram& gram, Id j, double c, double w, bool positive) {
        gram.gather(j, source_.data(), support_, row_.data());
        const double* row = row_.data();
        const Id* place = place_.data();
        for (Index m = 1; m < knots_ - 1; ++m) {
            const double* beta = beta_.data() + m * width_;
            const double g = 2.0 * (c - team.sum(support_, [=](Index s) { return row[s] * beta[place[s]]; }));
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
    Buffer<char> touched_;
    Index support_ = 0;
    Buffer<Id> place_, source_;
    Buffer<double> row_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
