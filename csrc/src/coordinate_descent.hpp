// Coordinate descent on an active set: it finishes where the homotopy cannot, as it needs no inverse.
//
// Friedman, Hastie, Tibshirani, J. Stat. Softw. 33 (2010), covariance updates; here on G and c directly.
#pragma once

#include <cmath>

#include "target.hpp"
#include "team.hpp"

namespace covlasso {
namespace COVLASSO_ISA {

template <class Team>
class CoordinateDescent {
public:
    CoordinateDescent(Team team, const Gram& gram) : team_(team), gram_(gram) {}

    void clear() { size_ = 0; }
    Index size() const { return size_; }
    Id source(Index s) const { return source_[s]; }
    double value(Index s) const { return value_[s]; }

    /// Takes a source with a first value into the working set.
    void admit(Id source, double value) {
        source_.reserve(size_ + 1, size_);
        value_.reserve(size_ + 1, size_);
        source_[size_] = source;
        value_[size_++] = value;
    }

    /// Minimises   b'Gb - 2c'b + l2 |b|^2 + lambda sum_j w_j |b_j|   over the working set, which grows by the sources
    /// that violate the KKT conditions, until the largest violation (residual()) is within `tolerance`.
    void solve(Target& target, double lambda, double l2, bool positive, double tolerance) {
        double before = infinity_;
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
    void solve_positive(Target& target, double l2, double tolerance) {
        sweeps_left_ = most_sweeps;
        load(target, l2);
        descend(target, 0.0, true, tolerance);
    }

private:
    /// G on the working set and half the gradient, c - (G + l2) b.
    void load(const Target& target, double l2) {
        gram_block_.reserve(size_ * size_);
        half_gradient_.reserve(size_);
        for (Index s = 0; s < size_; ++s) {
            double* row = gram_block_.data() + s * size_;
            gram_.gather(source_[s], source_.data(), size_, row);
            row[s] += l2;
        }
        const double *block = gram_block_.data(), *value = value_.data();
        for (Index s = 0; s < size_; ++s) {
            const double* row = block + s * size_;
            half_gradient_[s] =
                target.cross[source_[s]] - team_.sum(size_, [=](Index i) { return row[i] * value[i]; });
        }
        team_.sync();
    }

    void descend(const Target& target, double lambda, bool positive, double tolerance) {
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
    double update(Index s, double threshold, bool positive) {
        const double* row = gram_block_.data() + s * size_;
        const double diagonal = row[s], old = value_[s];
        if (!(diagonal > 0.0)) return 0.0;
        const double z = half_gradient_[s] + diagonal * old;
        double value = std::fabs(z) > threshold ? (z > 0.0 ? z - threshold : z + threshold) / diagonal : 0.0;
        if (positive && value < 0.0) value = 0.0;
        const double step = value - old;
        if (step == 0.0) return 0.0;
        value_[s] = value;
        double* half = half_gradient_.data();
        team_.for_each(size_, [=](Index i) { half[i] -= step * row[i]; });
        team_.sync();
        return 2.0 * diagonal * std::fabs(step);
    }

    void compute_gradient(Target& target, double l2) {
        double* gradient = target.next_gradient.data();
        const double* cross = target.cross.data();
        gram_.multiply({source_.data(), value_.data(), size_, 1}, gradient, target.sources);
        team_.for_each(target.sources, [=](Index j) { gradient[j] = 2.0 * (cross[j] - gradient[j]); });
        team_.sync();
        for (Index s = 0; s < size_; ++s) gradient[source_[s]] -= 2.0 * l2 * value_[s];
        team_.sync();
    }

    void admit_violators(Target& target, double lambda, bool positive, double tolerance) {
        const double *g = target.next_gradient.data(), *w = target.penalty.data();
        const auto excess = [=](Index j) {
            return w[j] < infinity_ ? (positive ? g[j] : std::fabs(g[j])) - lambda * w[j] : 0.0;
        };
        residual_ = team_.max(target.sources, excess);
        double* free = target.outside.data();  // 0 marks the working set
        team_.for_each(target.sources, [=](Index j) { free[j] = 1.0; });
        team_.sync();
        for (Index s = 0; s < size_; ++s) {
            const Id j = source_[s];
            free[j] = 0.0;
            if (value_[s] == 0.0) continue;
            const double violation = std::fabs(g[j] - std::copysign(lambda * w[j], value_[s]));
            residual_ = violation > residual_ ? violation : residual_;
        }
        team_.sync();
        const double bar = std::fmax(tolerance, 0.1 * residual_);
        const Index count = team_.select(
            target.sources, [=](Index j) { return excess(j) > bar && free[j] != 0.0; }, target.chosen.data());
        added_ = count;
        for (Index t = 0; t < count; ++t) admit(target.chosen[t], 0.0);
        team_.sync();
    }

    static constexpr double infinity_ = std::numeric_limits<double>::infinity();
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
