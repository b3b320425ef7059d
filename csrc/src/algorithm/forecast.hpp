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
    /// Of a rough target a product costs as much as some hundred candidates, and not as little as the rows of a few: its stages
    /// are long, and more of them are run again.
    COVLASSO_FN Forecast(Index sources, bool is_rough)
        : is_rough_(is_rough),
          fewest_(4 + sources / (is_rough ? 500 : 2000)),
          most_((is_rough ? 3 : 6) * fewest_),
          caution_(is_rough ? boldest : caution) {}

    /// The most events of a stage that begins with k active sources: for so long do gradients run about straight. Of the first
    /// one nothing is known.
    COVLASSO_FN Index most_events(bool is_first, Index k) const {
        if (is_rough_) return is_first ? 6 : 64;
        return is_first ? 1 : std::min<Index>(16, 6 + k / 2);
    }

    /// Where a stage that begins at lambda ends at the latest: before those come in that were not chosen.
    COVLASSO_FN double end_of_stage(double lambda) const {
        return larger(reach_ + caution_ * (1.0 - reach_), 0.0) * lambda;
    }

    /// What a stage has shown: how many sources came in that were not chosen. Of a rough target the next one is as long as it
    /// pays.
    COVLASSO_FN void learn(Index violators) {
        if (!is_rough_) return;
        if (violators == 0) caution_ = larger(boldest, caution_ - 0.1);
        if (violators > few) caution_ = caution_ + 0.5 < caution ? caution_ + 0.5 : caution;
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

    // The part of the way back from the reach that a stage keeps clear, and by how much of it a stage may go beyond.
    static constexpr double caution = 0.25, boldest = -1.0;
    static constexpr Index few = 4;

    bool is_rough_;
    Index fewest_;
    Index most_;
    double caution_;
    double reach_ = 0.9;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
