// What a certificate is of: the sources that take part, everything that was read, and the coefficients returned.
#include <cmath>

#include "doctest/doctest.h"
#include "problems.hpp"

using covlasso::InvalidArgument;
using covlasso::Options;
using covlasso::Paths;
using covlasso::Solutions;
using covlasso::Status;
using namespace test;

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// b'Gb - 2c'b + e in long double.
double error_of(const Data& data, const Solutions& found, Index t) {
    long double error = data.e(t);
    for (Index r = found.offset[at(t)]; r < found.offset[at(t) + 1]; ++r) {
        const long double b = found.value[at(r)];
        error -= 2 * b * data.c(t, found.index[at(r)]);
        for (Index s = found.offset[at(t)]; s < found.offset[at(t) + 1]; ++s)
            error += b * data.g(t, found.index[at(r)], found.index[at(s)]) * found.value[at(s)];
    }
    return static_cast<double>(error);
}

Matrix scaled(Matrix g, double by) {
    for (double& x : g.data) x *= by;
    return g;
}

Options of_terms(Index terms) {
    Options options;
    options.max_terms = terms;
    return options;
}

}  // namespace

TEST_CASE("certificate: a small weight of a source that takes no part refuses no answer") {
    for (const double small : {1.0, 1e-4, 1e-8, 1e-14, 1e-100}) {
        Matrix g(5, 5);
        for (Index j = 0; j < 5; ++j) g(j, j) = 1;
        g(0, 1) = g(1, 0) = 0.5;
        g(2, 3) = g(3, 2) = 0.4;
        Data data(g);  // source 4 is orthogonal to all others
        data.weights = {1, 1, 1, 1, small};
        const Paths paths(data.problem(), of_terms(4));
        for (const double share : {0.9, 0.5, 0.1}) {
            std::vector<double> lambda(5);
            for (Index t = 0; t < 5; ++t) lambda[at(t)] = share * paths.lambda_max()[at(t)];
            const Solutions found = paths.at_lambda(lambda.data());
            for (Index t = 0; t < 5; ++t) CHECK(found.status[at(t)] == Status::certified);
            CHECK(found.value[0] == doctest::Approx(0.5 * (1 - share)));
        }
    }
}

TEST_CASE("certificate: errors of weights and moments at the ends of their range") {
    const Matrix g = correlated(8, 40, 51);
    for (const double scale : {1e-150, 1e-60, 1.0, 1e80, 1e150})
        for (const double small : {1.0, 1e-30, 1e-100}) {
            Data data(scaled(g, scale));
            data.weights.assign(8, 1.0);
            data.weights[2] = small;
            const Paths paths(data.problem(), of_terms(7));
            std::vector<double> lambda(8);
            for (Index t = 0; t < 8; ++t) lambda[at(t)] = 0.5 * paths.lambda_max()[at(t)];
            const Solutions half = paths.at_lambda(lambda.data()), most = paths.at_relative_error(0.9);
            for (Index t = 0; t < 8; ++t) {
                CAPTURE(scale);
                CAPTURE(small);
                const double e = data.e(t);
                CHECK(std::abs(half.error[at(t)] / e - error_of(data, half, t) / e) <= 1e-12);
                CHECK(std::abs(most.error[at(t)] / e - error_of(data, most, t) / e) <= 1e-12);
                if (most.status[at(t)] == Status::certified)
                    CHECK(most.error[at(t)] / e == doctest::Approx(0.9).epsilon(1e-9));
                CHECK(paths.profile(t, &lambda[at(t)], 1).error[0] / e ==
                      doctest::Approx(half.error[at(t)] / e).epsilon(1e-9));
            }
        }
}

TEST_CASE("certificate: fewer terms than unpenalised sources are refused") {
    for (const auto method : {covlasso::Method::lasso, covlasso::Method::pursuit}) {
        Data data(correlated(9, 40, 52));
        data.weights.assign(9, 1.0);
        data.weights[1] = data.weights[4] = 0;
        Options options = of_terms(6);
        options.method = method;
        const Paths paths(data.problem(), options);
        CHECK_THROWS_WITH_AS(paths.at_terms(1),
                             "terms: 1 is less than the 2 unpenalised sources (weight 0) of target 0",
                             InvalidArgument);
        for (const Status status : paths.at_terms(2).status) CHECK(status == Status::certified);
    }
}

TEST_CASE("certificate: the error is that of the coefficients returned, and not negative") {
    Matrix x(60, 12);
    for (Index i = 0; i < 60; ++i) {
        const double z = -1 + 2 * static_cast<double>(i) / 59;
        for (Index j = 0; j < 12; ++j) x(i, j) = std::pow(z, static_cast<double>(j));
    }
    Data data(moments(x));
    const Paths paths(data.problem(), of_terms(11));
    for (const Index terms : {1, 3, 6, 11})
        for (const bool refit : {false, true}) {
            const Solutions found = paths.at_terms(terms, refit);
            for (Index t = 0; t < 12; ++t) {
                double mass = std::sqrt(data.e(t));
                for (Index r = found.offset[at(t)]; r < found.offset[at(t) + 1]; ++r) {
                    const Id j = found.index[at(r)];
                    mass += std::abs(found.value[at(r)]) * std::sqrt(data.g(t, j, j));
                }
                CHECK(found.error[at(t)] >= 0);
                CHECK(std::abs(found.error[at(t)] - error_of(data, found, t)) <= 1e-15 * mass * mass);
            }
        }
}
