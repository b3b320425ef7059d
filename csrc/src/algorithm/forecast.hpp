// Which sources will enter next, and so how long a stage may be.
//
// A forecast decides only how fast the path is found, never what it is: a source that was not foreseen is a violator
// when the stage is verified. The figures below are the fastest of those tried (docs/performance.md).
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithm/target.hpp"
#include "team/team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

class Forecast {
public:
    COVLASSO_FN explicit Forecast(Index sources) : fewest_(4 + sources / 2000), most_(6 * fewest_) {}

    /// The most events of a stage that begins with k active sources: for so long do gradients run about straight.
    COVLASSO_FN Index most_events(Index k) const { return std::min<Index>(16, 6 + k / 2); }

    /// Where a stage that begins at lambda ends at the latest: before those come in that were not chosen.
    COVLASSO_FN double end_of_stage(double lambda) const {
        return (reach_ + caution * (1.0 - reach_)) * lambda;
    }

    /// Lists in target.chosen the sources outside that are expected to meet their bound above reach * lambda; the
    /// reach is moved so that they are neither too many nor too few. Returns how many.
    template <class Team>
    COVLASSO_FN Index choose(const Team& team, Target& target, double lambda, double last_lambda,
                             double both) {
        for (int wider = 0, tries = 0;; ++tries) {
            const Index count = expected(team, target, lambda, last_lambda, both);
            if (count > most_ && reach_ < 0.99) {
                reach_ = 0.5 * (1.0 + reach_);
                wider = -1;
            } else if (count < fewest_ && wider >= 0 && tries < 16) {
                reach_ *= 0.75;
                wider = 1;
            } else {
                return count;
            }
        }
    }

private:
    /// Those whose gradient, if it goes on as since last_lambda, meets its bound above reach * lambda; where there is
    /// no last stage (last_lambda = 0), those whose gradient is above it now.
    template <class Team>
    COVLASSO_FN Index expected(const Team& team, Target& target, double lambda, double last_lambda,
                               double both) const {
        const double *g = target.gradient.data(), *before = target.next_gradient.data(),
                     *w = target.outside.data();
        const double lowest = reach_ * lambda;
        Id* list = target.chosen.data();
        if (last_lambda == 0.0)
            return team.select(
                target.sources, [=](Index j) { return larger(g[j], -both * g[j]) >= lowest * w[j]; }, list);
        const double per_lambda = 1.0 / (last_lambda - lambda);
        return team.select(
            target.sources,
            [=](Index j) {
                const double tilt = (before[j] - g[j]) * per_lambda;
                const double level = g[j] - lambda * tilt;
                return larger(level, -both * level) >= lowest * (w[j] - std::copysign(1.0, level) * tilt);
            },
            list);
    }

    static constexpr double caution =
        0.25;  // the part of the way back from the reach that a stage keeps clear

    Index fewest_;
    Index most_;
    double reach_ = 0.9;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
