// Coordinate descent on an active set: it finishes where the homotopy cannot, as it needs no inverse.
//
// Friedman, Hastie, Tibshirani, J. Stat. Softw. 33 (2010), covariance updates; here on G and c directly.
#pragma once

#include <cmath>

#include "algorithm/target.hpp"
#include "algorithm/target_gram.hpp"
#include "team/team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

template <class Team>
class CoordinateDescent {
    using Gram = TargetGram<Team>;

public:
    COVLASSO_FN CoordinateDescent(Team team, const Gram& gram) : team_(team), gram_(gram) {}

    COVLASSO_FN void clear() {
        team_.sync();
        size_ = 0;
    }
    COVLASSO_FN Index size() const { return size_; }
    COVLASSO_FN Id source(Index s) const { return source_[s]; }
    COVLASSO_FN double value(Index s) const { return value_[s]; }

    /// Takes a source with a first value into the working set.
    COVLASSO_FN void admit(Id source, double value) {
        source_.reserve(team_, size_ + 1, size_);
        value_.reserve(team_, size_ + 1, size_);
        team_.one([&] {
            source_[size_] = source;
            value_[size_] = value;
        });
        ++size_;
    }

    /// Minimises   b'Gb - 2c'b + l2 |b|^2 + lambda sum_j w_j |b_j|   over the working set, which grows by the sources
    /// that violate the KKT conditions, until the largest violation (residual()) is within `tolerance`.
    COVLASSO_STEP void solve(Target& target, double lambda, double l2, bool positive, double tolerance) {
        double before = infinity;
        sweeps_left_ = most_sweeps;
        while (sweeps_left_ > 0 && !team_.stopped()) {
            load(target, l2);
            descend(target, lambda, positive, tolerance * inner);
            compute_gradient(target, l2);
            admit_violators(target, lambda, positive, tolerance);
            if (residual_ <= tolerance || (added_ == 0 && residual_ >= 0.5 * before)) return;
            before = residual_;
        }
    }

    /// Non-negative least squares (with the ridge term) on the working set alone.
    COVLASSO_STEP void solve_positive(Target& target, double l2, double tolerance) {
        sweeps_left_ = most_sweeps;
        load(target, l2);
        descend(target, 0.0, true, tolerance);
    }

private:
    /// G on the working set and half the gradient, c - (G + l2) b.
    COVLASSO_FN void load(const Target& target, double l2) {
        gram_block_.reserve(team_, size_ * size_);
        half_gradient_.reserve(team_, size_);
        team_.sync();
        for (Index s = 0; s < size_; ++s)
            gather(team_, gram_, source_[s], source_.data(), size_, gram_block_.data() + s * size_);
        team_.sync();
        team_.for_each(size_, [&](Index s) { gram_block_[s * size_ + s] += l2; });
        team_.sync();
        const double *block = gram_block_.data(), *value = value_.data();
        for (Index s = 0; s < size_; ++s) {
            const double* row = block + s * size_;
            const double product = team_.sum(size_, [=](Index i) { return row[i] * value[i]; });
            team_.one([&] { half_gradient_[s] = target.cross[source_[s]] - product; });
        }
        team_.sync();
    }

    COVLASSO_FN void descend(const Target& target, double lambda, bool positive, double tolerance) {
        for (; sweeps_left_ > 0 && !team_.stopped(); --sweeps_left_) {
            double largest = 0.0;  // change of a gradient, 2 G_jj |step|
            for (Index s = 0; s < size_; ++s) {
                const double moved = update(s, 0.5 * lambda * target.penalty[source_[s]], positive);
                largest = moved > largest ? moved : largest;
            }
            if (largest <= tolerance) return;
        }
    }

    /// b_j = soft(half gradient + G_jj b_j, threshold) / G_jj
    COVLASSO_FN double update(Index s, double threshold, bool positive) {
        const double* row = gram_block_.data() + s * size_;
        const double diagonal = row[s], old = value_[s];
        if (!(diagonal > 0.0)) return 0.0;
        const double z = half_gradient_[s] + diagonal * old;
        double value = std::fabs(z) > threshold ? (z > 0.0 ? z - threshold : z + threshold) / diagonal : 0.0;
        if (positive && value < 0.0) value = 0.0;
        const double step = value - old;
        if (step == 0.0) return 0.0;
        team_.sync();
        team_.one([&] { value_[s] = value; });
        double* half = half_gradient_.data();
        team_.for_each(size_, [=](Index i) { half[i] -= step * row[i]; });
        team_.sync();
        return 2.0 * diagonal * std::fabs(step);
    }

    COVLASSO_FN void compute_gradient(Target& target, double l2) {
        double* gradient = target.next_gradient.data();
        const double* cross = target.cross.data();
        multiply(team_, gram_, {source_.data(), value_.data(), size_}, gradient,
                 [=](Index j, double product) { gradient[j] = 2.0 * (cross[j] - product); });
        team_.sync();
        team_.for_each(size_, [&](Index s) { gradient[source_[s]] -= 2.0 * l2 * value_[s]; });
        team_.sync();
    }

    COVLASSO_FN void admit_violators(Target& target, double lambda, bool positive, double tolerance) {
        const double *g = target.next_gradient.data(), *w = target.penalty.data();
        const auto excess = [=](Index j) {
            return w[j] < infinity ? (positive ? g[j] : std::fabs(g[j])) - lambda * w[j] : 0.0;
        };
        const double outside = team_.max(target.sources, excess);
        double* free = target.outside.data();  // 0 marks the working set
        team_.for_each(target.sources, [=](Index j) { free[j] = 1.0; });
        team_.sync();
        team_.for_each(size_, [&](Index s) { free[source_[s]] = 0.0; });
        const double inside = team_.max(size_, [&](Index s) {
            const Id j = source_[s];
            return value_[s] == 0.0 ? 0.0 : std::fabs(g[j] - std::copysign(lambda * w[j], value_[s]));
        });
        residual_ = outside > inside ? outside : inside;
        team_.sync();
        const double bar = std::fmax(tolerance, 0.1 * residual_);
        const Index count = team_.select(
            target.sources, [=](Index j) { return excess(j) > bar && free[j] != 0.0; }, target.chosen.data());
        added_ = count;
        for (Index t = 0; t < count; ++t) admit(target.chosen[t], 0.0);
        team_.sync();
    }

    static constexpr double inner = 1e-2;  // the sweeps go this much further than the tolerance asks
    static constexpr int most_sweeps = 20000;

    Team team_;
    const Gram& gram_;
    Index size_ = 0;
    Index added_ = 0;
    int sweeps_left_ = 0;
    double residual_ = 0.0;
    Buffer<Id> source_;
    Buffer<double> value_, half_gradient_, gram_block_;
};

}  // namespace COVLASSO_ISA
}  // namespace covlasso
