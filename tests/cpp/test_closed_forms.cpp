// Solutions against formulas: lambda_max, orthogonal designs, least squares, the error along the path, bounds.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "oracle.hpp"

using namespace test;
using covlasso::Options;
using covlasso::Paths;
using covlasso::Status;

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Options whole_path() {
    Options options;
    options.max_terms = 1000000;
    return options;
}

}  // namespace

TEST_CASE("lambda_max is 2 max |c_ij|, and the solution is zero exactly from there on") {
    Data data(correlated(20, 50, 1));
    const Paths paths(data.problem(), {});
    std::vector<double> below, expected(20);
    for (Index t = 0; t < 20; ++t) {
        for (Index j = 0; j < 20; ++j)
            if (j != t) expected[at(t)] = std::max(expected[at(t)], 2 * std::abs(data.gram(t, j)));
        CHECK(paths.lambda_max()[at(t)] == expected[at(t)]);
        below.push_back(expected[at(t)] * (1 - 1e-9));
    }
    const auto zero = paths.at_lambda(expected.data());
    const auto one = paths.at_lambda(below.data());
    for (Index t = 0; t < 20; ++t) {
        CHECK(terms_of(zero, t) == 0);
        CHECK(zero.error[at(t)] == data.e(t));
        CHECK(zero.kkt[at(t)] == 0);
        CHECK(terms_of(one, t) == 1);
    }
}

TEST_CASE("orthogonal sources: soft thresholding of each coefficient") {
    const Index p = 12;
    Data data{Matrix(p, p)};
    data.cross = gaussian(3, p, 7);
    data.energy = {100, 100, 100};
    data.exclude_self = false;
    for (Index j = 0; j < p; ++j) data.gram(j, j) = 0.5 + static_cast<double>(j);
    const Paths paths(data.problem(), whole_path());
    for (const double part : {1.0, 0.7, 0.3, 0.1, 0.01, 0.0}) {
        std::vector<double> lambda;
        for (const double top : paths.lambda_max()) lambda.push_back(part * top);
        const auto s = paths.at_lambda(lambda.data());
        for (Index t = 0; t < 3; ++t) {
            const auto b = coefficients(s, t, p);
            for (Index j = 0; j < p; ++j) {
                const double c = data.cross(t, j);
                const double soft =
                    std::copysign(std::max(0.0, std::abs(c) - lambda[at(t)] / 2), c) / data.gram(j, j);
                CHECK(b[at(j)] == doctest::Approx(soft).epsilon(1e-12));
            }
        }
    }
}

TEST_CASE("the end of the whole path is least squares: err(0) = 1 / (C^-1)_ii") {
    Data data(correlated(15, 60, 2));
    const Paths paths(data.problem(), whole_path());
    const Matrix inverted = inverse(data.gram);
    const auto s = paths.at_lambda(std::vector<double>(15).data());
    double sum = 0, trace = 0;
    for (Index t = 0; t < 15; ++t) {
        CHECK(paths.status()[at(t)] == Status::exhausted);
        CHECK(paths.lambda_end()[at(t)] == 0);
        CHECK(s.status[at(t)] == Status::certified);
        CHECK(s.error[at(t)] == doctest::Approx(1 / inverted(t, t)).epsilon(1e-10));
        const auto b = coefficients(s, t, 15);
        for (Index j = 0; j < 15; ++j)
            if (j != t) CHECK(b[at(j)] == doctest::Approx(-inverted(t, j) / inverted(t, t)).epsilon(1e-8));
        sum += 1 / s.error[at(t)];
        trace += inverted(t, t);
    }
    CHECK(sum == doctest::Approx(trace).epsilon(1e-10));
}

TEST_CASE("within a piece: b_A = G_AA^-1 (c_A - lambda/2 s) and err = err_A + lambda^2/4 s'G_AA^-1 s") {
    Data data(correlated(18, 60, 3));
    const Paths paths(data.problem(), whole_path());
    const Index t = 4;
    const auto knots = paths.knots(t);
    REQUIRE(knots.event.size() > 10);
    for (std::size_t k = 1; k + 1 < knots.event.size(); ++k) {
        const double lambda = 0.5 * (knots.event[k].lambda + knots.event[k + 1].lambda);
        std::vector<double> lambdas(18, lambda);
        const auto s = paths.at_lambda(lambdas.data());
        const auto b = coefficients(s, t, 18);
        std::vector<Id> active;
        for (Id j = 0; j < 18; ++j)
            if (b[at(j)] != 0) active.push_back(j);
        const Matrix inverted = inverse(restricted(data.gram, active));
        double least_squares = data.e(t), slope = 0;
        for (Index u = 0; u < inverted.rows; ++u) {
            double value = 0;
            for (Index v = 0; v < inverted.rows; ++v) {
                const double cu = data.c(t, active[at(u)]), cv = data.c(t, active[at(v)]);
                const double su = std::copysign(1.0, b[at(active[at(u)])]),
                             sv = std::copysign(1.0, b[at(active[at(v)])]);
                least_squares -= cu * inverted(u, v) * cv;
                slope += su * inverted(u, v) * sv;
                value += inverted(u, v) * (cv - lambda / 2 * sv);
            }
            CHECK(b[at(active[at(u)])] == doctest::Approx(value).epsilon(1e-9));
        }
        const double expected = least_squares + lambda * lambda / 4 * slope;
        CHECK(s.error[at(t)] == doctest::Approx(expected).epsilon(1e-10));
        const auto profile = paths.profile(t, &lambda, 1);
        CHECK(profile.error[0] == doctest::Approx(expected).epsilon(1e-10));
        CHECK(profile.l1_norm[0] == doctest::Approx(l1_norm(b)).epsilon(1e-10));
    }
}

TEST_CASE("error falls with lambda, and its price of sparsity is bounded") {
    Data data(correlated(16, 60, 4));
    const Paths paths(data.problem(), whole_path());
    for (Index t = 0; t < 16; ++t) {
        std::vector<double> lambda;
        for (int k = 0; k <= 60; ++k) lambda.push_back(paths.lambda_max()[at(t)] * (60 - k) / 60);
        const auto profile = paths.profile(t, lambda.data(), 61);
        const double floor = profile.error[60], norm = profile.l1_norm[60];
        CHECK(profile.error[0] == doctest::Approx(data.e(t)).epsilon(1e-14));
        CHECK(profile.l1_norm[0] <= 1e-12);
        for (std::size_t k = 0; k <= 60; ++k) {
            if (k > 0) CHECK(profile.error[k] < profile.error[k - 1]);
            const double price = profile.error[k] - floor;
            CHECK(price >= -1e-13 * data.e(t));
            CHECK(price <= lambda[k] * (norm - profile.l1_norm[k]) + 1e-13 * data.e(t));
        }
    }
}

TEST_CASE("number of terms <= 4 sigma_max(G) err / lambda^2") {
    Data data(correlated(30, 40, 5));
    const Paths paths(data.problem(), whole_path());
    const double sigma = largest_eigenvalue(data.gram) * (1 + 1e-9);
    for (const double part : {0.9, 0.5, 0.3, 0.1, 0.03}) {
        std::vector<double> lambda;
        for (const double top : paths.lambda_max()) lambda.push_back(part * top);
        const auto s = paths.at_lambda(lambda.data());
        for (Index t = 0; t < 30; ++t)
            CHECK(static_cast<double>(terms_of(s, t)) <=
                  4 * sigma * s.error[at(t)] / (lambda[at(t)] * lambda[at(t)]));
    }
}

TEST_CASE("planted dependencies are found, and refit gives their coefficients") {
    Matrix f = gaussian(4000, 40, 6);
    const std::vector<std::vector<std::pair<Id, double>>> planted = {
        {{5, 0.6}, {6, -0.5}, {7, 0.4}}, {{8, 1.0}, {9, 0.7}}, {{10, -0.8}, {11, 0.3}, {12, 0.3}, {13, 0.5}}};
    const Matrix noise = gaussian(4000, 3, 66);
    for (Index r = 0; r < f.rows; ++r)
        for (Index t = 0; t < 3; ++t) {
            f(r, t) = 0.01 * noise(r, t);
            for (const auto& [j, value] : planted[at(t)]) f(r, t) += value * f(r, j);
        }
    Data data(moments(f));
    data.targets = {0, 1, 2};
    const Paths paths(data.problem(), {});
    const auto s = paths.at_relative_error(0.05, true);
    for (Index t = 0; t < 3; ++t) {
        const auto& support = planted[at(t)];
        REQUIRE(terms_of(s, t) == static_cast<Index>(support.size()));
        const auto b = coefficients(s, t, 40);
        for (const auto& [j, value] : support) CHECK(b[at(j)] == doctest::Approx(value).epsilon(0.01));
        CHECK(s.error[at(t)] < 2e-4);
        CHECK(s.error[at(t)] == doctest::Approx(error_of(data, t, b)).epsilon(1e-8));
    }
}
