// What a team is given: the data of all targets and the rules of their paths; from these, one target and its limits.
#pragma once

#include <algorithm>

#include "algorithm/target.hpp"
#include "covlasso/problem.hpp"
#include "team/team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

/// Where paths end, and the model that all targets share.
struct Rules {
    Index max_terms;
    double min_lambda;
    const double* min_lambdas;  ///< one per target, or nullptr
    double relative_error;
    double l2;
    double noise;  ///< relative precision of the moments
    bool positive;
    Method method;

    COVLASSO_FN Limits limits(Index t, double energy) const {
        return {max_terms, min_lambdas ? min_lambdas[t] : min_lambda, relative_error * energy, l2, noise,
                positive};
    }
};

/// @param epsilon  of the Gram
inline Rules rules(const Problem& problem, const Options& options, double epsilon) {
    return {options.max_terms,   options.min_lambda,
            options.min_lambdas, options.relative_error,
            options.l2,          std::max(epsilon, problem.cross.f32.data ? 0x1p-24 : 0.0),
            options.positive,    options.method};
}

/// The penalty factors of target t over all sources; infinity: excluded.
template <class Team>
COVLASSO_FN void load_penalty(const Team& team, const Problem& problem, Index t, Target& target) {
    const double* weights = problem.weights ? problem.weights + t * problem.weights_stride : nullptr;
    double* penalty = target.penalty.data();
    team.for_each(target.sources, [=](Index j) { penalty[j] = weights ? weights[j] : 1.0; });
    team.sync();
    if (problem.exclude_self) team.one([&] { penalty[problem.target(t)] = infinity; });
    if (!problem.exclusions.empty()) {
        const Index begin = problem.exclusions.offset[t], count = problem.exclusions.offset[t + 1] - begin;
        const Id* excluded = problem.exclusions.index + begin;
        team.sync();
        team.for_each(count, [=](Index x) { penalty[excluded[x]] = infinity; });
    }
    team.sync();
    target.least_penalty = 1.0;
    if (weights == nullptr) return;
    const double most = team.max(target.sources, [=](Index j) {
        return penalty[j] > 0.0 && penalty[j] < infinity ? 1.0 / penalty[j] : 0.0;
    });
    if (most > 0.0) target.least_penalty = 1.0 / most;
}

/// Everything about target t, over all sources. `root`: sqrt(G_jj).
template <class Team>
COVLASSO_STEP void load(const Team& team, const Problem& problem, const typename Team::Gram& gram,
                        const double* root, Index t, Target& target) {
    const Id i = problem.target(t);
    double* cross = target.cross.data();
    target.root = root;
    if (problem.intra()) {
        const double one = 1.0;
        multiply(team, gram, {&i, &one, 1}, cross, [=](Index j, double entry) { cross[j] = entry; });
        target.energy = entry(team, gram, i, i);
    } else {
        const AnyMatrix& rows = problem.cross;
        team.for_each(target.sources, [=](Index j) { cross[j] = rows(i, j); });
        target.energy = problem.energy[i];
    }
    load_penalty(team, problem, t, target);
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
