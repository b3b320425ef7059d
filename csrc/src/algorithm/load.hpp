// What a team is given: the data of all targets and the rules of their paths; from these, one target and its limits.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithm/target.hpp"
#include "algorithm/target_gram.hpp"
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
    double noise;  ///< relative precision of the moments that all targets share
    bool positive;
    Method method;

    /// Of target t, with rows of its own, each of which adds a rounding to the entries of its Gram.
    COVLASSO_FN Limits limits(Index t, double energy, Index own_rows) const {
        return {max_terms, min_lambdas ? min_lambdas[t] : min_lambda,       relative_error * energy,
                l2,        noise + 0x1p-53 * static_cast<double>(own_rows), positive};
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
    target.weighted = weights != nullptr;
    if (!target.weighted) return;
    const double most = team.max(target.sources, [=](Index j) {
        return penalty[j] > 0.0 && penalty[j] < infinity ? 1.0 / penalty[j] : 0.0;
    });
    if (most > 0.0) target.least_penalty = 1.0 / most;
}

/// Adds V'u to c, u'u to e, and the squares of V to the diagonal that `root` is of.
template <class Team>
COVLASSO_STEP void load_own(const Team& team, const Problem& problem, const TargetGram<Team>& gram,
                            const double* root, Index t, Target& target) {
    const Index p = target.sources;
    const Id i = problem.target(t);
    const double* response = problem.intra() ? nullptr : problem.own.response + problem.own.begin(t);
    const auto u = [&](Index m) { return response ? response[m] : gram.row(m)[i]; };
    target.own_root.reserve(team, p);
    double *cross = target.cross.data(), *own_root = target.own_root.data();
    target.energy += team.sum(gram.rows(), [&](Index m) { return u(m) * u(m); });
    if (!target.is_rough)  // whose cross moments have it already
        gram.for_rows(team, p, u, [](Index j) { return j; }, [=](Index j, double part) { cross[j] += part; });
    team.for_each(p, [=](Index j) { own_root[j] = root[j] * root[j]; });
    gram.add_squares(team, own_root);
    team.for_each(p, [=](Index j) { own_root[j] = std::sqrt(own_root[j]); });
    team.sync();
    const double energy = target.energy;
    target.is_sound = !team.any_of(p, [=](Index j) { return !(own_root[j] <= OwnRows::largest); }) &&
                      energy <= OwnRows::largest * OwnRows::largest;
    target.root = own_root;
}

/// c of the target itself, exact, where it was rough.
template <class Team>
COVLASSO_STEP void make_exact(const Team& team, const TargetGram<Team>& gram, Target& target) {
    const double one = 1.0;
    double* cross = target.cross.data();
    target.is_rough = false;
    multiply(team, gram, {&target.self, &one, 1}, cross, [=](Index j, double entry) { cross[j] = entry; });
    team.sync();
}

/// How much of a target is read before it is worked on.
enum class Cross {
    exact,  ///< c in double
    rough,  ///< c within a radius, where the Gram approximates
    later   ///< where it does, c of those sources only that become candidates
};

/// Everything about target t, over all sources, and the rows of its Gram. `root`: sqrt(G_jj) of the shared one.
template <class Team>
COVLASSO_STEP void load(const Team& team, const Problem& problem, const double* root, Index t, Cross wanted,
                        TargetGram<Team>& gram, Target& target) {
    const Id i = problem.target(t);
    double* cross = target.cross.data();
    target.root = root;
    target.is_sound = true;
    gram.open(team, problem.own, t);
    target.is_rough = false;
    if constexpr (Team::approximates)
        target.is_rough = wanted != Cross::exact && problem.intra() && problem.weights == nullptr &&
                          approximates(team, gram.shared());
    if (target.is_rough) {
        target.self = i;
        target.energy = entry(team, gram.shared(), i, i);
        if constexpr (Team::approximates)
            if (wanted == Cross::rough) {
                const double one = 1.0;
                target.cross_radius = multiply_within(team, gram, infinity, {&i, &one, 1}, cross,
                                                      [=](Index j, double entry) { cross[j] = entry; });
            }
    } else if (problem.intra()) {
        const double one = 1.0;
        multiply(team, gram.shared(), {&i, &one, 1}, cross, [=](Index j, double entry) { cross[j] = entry; });
        target.energy = entry(team, gram.shared(), i, i);
    } else {
        const AnyMatrix& rows = problem.cross;
        team.for_each(target.sources, [=](Index j) { cross[j] = rows(i, j); });
        target.energy = problem.energy[i];
    }
    if (gram.rows() > 0) load_own(team, problem, gram, root, t, target);
    load_penalty(team, problem, t, target);
}

}  // namespace COVLASSO_ISA
}  // namespace covlasso
