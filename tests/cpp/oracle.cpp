#include "oracle.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace test {

using covlasso::Options;
using covlasso::Paths;
using covlasso::Solutions;
using covlasso::Status;

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

double largest_gradient(const Data& data, const Options& options, Index t) {
    double largest = 0;
    for (Index j = 0; j < data.size(); ++j) {
        if (data.is_excluded(t, j)) continue;
        const double c = data.c(t, j);
        largest = std::max(largest, 2 * (options.positive ? c : std::abs(c)));
    }
    return largest;
}

/// The tolerance of an error of the size of the target's energy, whose terms round separately.
double error_tolerance(const Data& data, Index t, const std::vector<double>& b) {
    double size = data.e(t);
    for (Index j = 0; j < data.size(); ++j) size += 2 * std::abs(data.c(t, j) * b[at(j)]);
    return 1e-12 * size;
}

void check_support(const Data& data, const Options& options, const Solutions& s, Index t) {
    for (auto r = s.offset[at(t)]; r < s.offset[at(t + 1)]; ++r) {
        const Id j = s.index[at(r)];
        REQUIRE(j >= 0);
        REQUIRE(j < data.size());
        CHECK_FALSE(data.is_excluded(t, j));
        CHECK(std::isfinite(s.value[at(r)]));
        if (options.positive && data.weight(t, j) > 0) CHECK(s.value[at(r)] >= 0);
        if (r > s.offset[at(t)]) CHECK(s.index[at(r - 1)] < j);
    }
}

}  // namespace

std::vector<double> coefficients(const Solutions& s, Index t, Index p) {
    std::vector<double> b(at(p));
    for (auto r = s.offset[at(t)]; r < s.offset[at(t + 1)]; ++r) b[at(s.index[at(r)])] = s.value[at(r)];
    return b;
}

Index terms_of(const Solutions& s, Index t) { return s.offset[at(t + 1)] - s.offset[at(t)]; }

double error_of(const Data& data, Index t, const std::vector<double>& b) {
    long double error = data.e(t);
    for (Index j = 0; j < data.size(); ++j) {
        if (b[at(j)] == 0) continue;
        long double gradient = -2.0L * data.c(t, j);
        for (Index k = 0; k < data.size(); ++k)
            gradient += static_cast<long double>(data.g(t, j, k)) * b[at(k)];
        error += gradient * b[at(j)];
    }
    return static_cast<double>(error);
}

double l1_norm(const std::vector<double>& b) {
    double sum = 0;
    for (const double x : b) sum += std::abs(x);
    return sum;
}

double kkt_residual(const Data& data, const Options& options, Index t, double lambda,
                    const std::vector<double>& b) {
    long double worst = 0;
    for (Index j = 0; j < data.size(); ++j) {
        if (data.is_excluded(t, j)) continue;
        long double r =
            static_cast<long double>(data.c(t, j)) - static_cast<long double>(options.l2) * b[at(j)];
        for (Index k = 0; k < data.size(); ++k) r -= static_cast<long double>(data.g(t, j, k)) * b[at(k)];
        r *= 2;
        const long double bound = static_cast<long double>(lambda) * data.weight(t, j);
        long double violation = 0;
        if (b[at(j)] != 0)
            violation = std::abs(r - (b[at(j)] > 0 ? bound : -bound));
        else
            violation = std::max(0.0L, (options.positive ? r : std::abs(r)) - bound);
        worst = std::max(worst, violation);
    }
    if (worst == 0) return 0;
    return static_cast<double>(worst / (lambda > 0 ? lambda : largest_gradient(data, options, t)));
}

void check_solutions(const Data& data, const Options& options, const Paths& paths, const Solutions& s) {
    const auto n = data.target_count();
    REQUIRE(s.offset.size() == at(n + 1));
    REQUIRE(s.lambda.size() == at(n));
    for (Index t = 0; t < n; ++t) {
        CAPTURE(t);
        CAPTURE(s.lambda[at(t)]);
        check_support(data, options, s, t);
        const auto b = coefficients(s, t, data.size());
        const double kkt = kkt_residual(data, options, t, s.lambda[at(t)], b), reported = s.kkt[at(t)];
        CAPTURE(kkt);
        CAPTURE(reported);
        CAPTURE(std::string(covlasso::to_string(s.status[at(t)])));
        CHECK(std::abs(s.error[at(t)] - error_of(data, t, b)) <= error_tolerance(data, t, b));
        CHECK(kkt <= covlasso::kkt_tolerance);
        CHECK(reported <= covlasso::kkt_tolerance);
        if (s.status[at(t)] == Status::certified) continue;
        CHECK(s.status[at(t)] == paths.status()[at(t)]);
        CHECK(s.lambda[at(t)] == paths.lambda_end()[at(t)]);
    }
}

void check_path(Data& data, const Options& options, int lambdas_per_target) {
    const auto problem = data.problem();
    const Paths paths(problem, options);
    const auto n = data.target_count();
    REQUIRE(paths.size() == n);
    for (Index t = 0; t < n; ++t) {
        CAPTURE(t);
        CAPTURE(std::string(covlasso::to_string(paths.status()[at(t)])));
        CHECK(paths.status()[at(t)] != Status::uncertified);
        CHECK(paths.status()[at(t)] != Status::interrupted);
        CHECK(paths.kkt()[at(t)] <= covlasso::kkt_tolerance);
        CHECK(paths.lambda_end()[at(t)] <= paths.lambda_max()[at(t)]);
    }
    // Geometric steps from 1.1 lambda_max to 0.9 lambda_end (to 1e-4 lambda_max where the path reaches 0).
    std::vector<double> lambda(at(n));
    for (int step = 0; step < lambdas_per_target; ++step) {
        const double part = static_cast<double>(step) / (lambdas_per_target - 1);
        for (Index t = 0; t < n; ++t) {
            const double top = 1.1 * paths.lambda_max()[at(t)];
            const double bottom = std::max(0.9 * paths.lambda_end()[at(t)], 1e-4 * top);
            lambda[at(t)] = top > 0 ? top * std::pow(bottom / top, part) : 0;
        }
        const auto solutions = paths.at_lambda(lambda.data());
        check_solutions(data, options, paths, solutions);
        for (Index t = 0; t < n; ++t) {
            CAPTURE(t);
            if (lambda[at(t)] >= paths.lambda_end()[at(t)]) {
                CHECK(solutions.status[at(t)] == Status::certified);
                CHECK(solutions.lambda[at(t)] == lambda[at(t)]);
            }
        }
    }
}

}  // namespace test
