// The path as an object: knots, its three ways to stop, the three ways to ask, refit.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "oracle.hpp"

using namespace test;
using covlasso::Options;
using covlasso::Paths;
using covlasso::Status;

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Data head(Index n = 40) { return Data(correlated(n, 60, 11)); }

}  // namespace

TEST_CASE("events: lambda never rises, a source enters when it is out and leaves when it is in") {
    auto data = head();
    const Paths paths(data.problem(), {});
    for (Index t = 0; t < data.size(); ++t) {
        std::set<Id> inside;
        double lambda = paths.lambda_max()[at(t)];
        CHECK(paths.begin(t)->lambda == lambda);
        for (const auto* event = paths.begin(t); event != paths.end(t); ++event) {
            CHECK(event->lambda <= lambda);
            CHECK(event->lambda >= paths.lambda_end()[at(t)]);
            lambda = event->lambda;
            if (event->sign == 0) {
                CHECK(inside.erase(event->source) == 1);
            } else {
                CHECK(std::abs(event->sign) == 1);
                CHECK(event->source != t);
                CHECK(inside.insert(event->source).second);
            }
            CHECK(inside.size() <= 50);
        }
    }
    CHECK(paths.events().size() == at(paths.offset().back()));
}

TEST_CASE("knots: coefficients solve the problem at the knot, and are linear between knots") {
    auto data = head(24);
    Options options;
    options.max_terms = 12;
    const Paths paths(data.problem(), options);
    for (const Index t : {Index{0}, Index{9}, Index{23}}) {
        const auto knots = paths.knots(t);
        REQUIRE(knots.offset.size() == knots.event.size() + 1);
        REQUIRE(static_cast<Index>(knots.event.size()) == paths.end(t) - paths.begin(t));
        std::vector<double> before;
        for (std::size_t k = 0; k < knots.event.size(); ++k) {
            CAPTURE(k);
            std::vector<double> b(at(data.size()));
            for (auto r = knots.offset[k]; r < knots.offset[k + 1]; ++r)
                b[at(knots.index[at(r)])] = knots.value[at(r)];
            CHECK(kkt_residual(data, options, t, knots.event[k].lambda, b) <= covlasso::kkt_tolerance);
            if (k > 0) {
                const double middle = 0.5 * (knots.event[k - 1].lambda + knots.event[k].lambda);
                const auto between = paths.at_lambda(std::vector<double>(24, middle).data());
                const auto half = coefficients(between, t, data.size());
                for (std::size_t j = 0; j < half.size(); ++j)
                    CHECK(half[j] == doctest::Approx(0.5 * (before[j] + b[j])).epsilon(1e-9));
            }
            before = b;
        }
    }
}

TEST_CASE("max_terms: the path ends just before one term more, and no solution on it has more") {
    auto data = head();
    for (const Index most : {Index{1}, Index{2}, Index{10}}) {
        Options options;
        options.max_terms = most;
        check_path(data, options);
        const Paths paths(data.problem(), options), longer(data.problem(), {});
        const auto s = paths.at_lambda(paths.lambda_end().data());
        const auto from_longer = longer.at_terms(most);
        for (Index t = 0; t < data.size(); ++t) {
            CHECK(paths.status()[at(t)] == Status::terms);
            CHECK(terms_of(s, t) <= most);
            CHECK(from_longer.lambda[at(t)] == doctest::Approx(paths.lambda_end()[at(t)]).epsilon(1e-10));
        }
    }
}

TEST_CASE("min_lambda: one for all targets, or one for each") {
    auto data = head();
    Options options;
    options.min_lambda = 0.3;
    const Paths one(data.problem(), options);
    std::vector<double> each;
    for (Index t = 0; t < data.size(); ++t) each.push_back(0.2 + 0.01 * static_cast<double>(t));
    options.min_lambdas = each.data();
    const Paths many(data.problem(), options);
    for (Index t = 0; t < data.size(); ++t) {
        CHECK(one.status()[at(t)] == Status::lambda);
        CHECK(one.lambda_end()[at(t)] == 0.3);
        CHECK(many.status()[at(t)] == Status::lambda);
        CHECK(many.lambda_end()[at(t)] == each[at(t)]);
    }
    check_path(data, options);
}

TEST_CASE("relative_error: the path ends where the error is that part of the energy") {
    auto data = head();
    Options options;
    options.relative_error = 0.4;
    check_path(data, options);
    const Paths paths(data.problem(), options);
    const auto s = paths.at_lambda(paths.lambda_end().data());
    for (Index t = 0; t < data.size(); ++t) {
        CHECK(paths.status()[at(t)] == Status::error);
        CHECK(s.error[at(t)] == doctest::Approx(0.4 * data.e(t)).epsilon(1e-9));
    }
}

TEST_CASE("at_terms: just before term k + 1 enters for the first time") {
    auto data = head();
    const Options options;
    const Paths paths(data.problem(), options);
    for (const Index k : {Index{0}, Index{1}, Index{3}, Index{8}, Index{20}}) {
        const auto s = paths.at_terms(k);
        check_solutions(data, options, paths, s);
        std::vector<double> below = s.lambda;
        for (auto& lambda : below) lambda *= 1 - 1e-7;
        const auto next = paths.at_lambda(below.data());
        for (Index t = 0; t < data.size(); ++t) {
            CAPTURE(t);
            CAPTURE(k);
            CHECK(terms_of(s, t) <= k);
            CHECK(s.status[at(t)] == Status::certified);
            CHECK(terms_of(next, t) == k + 1);
        }
    }
}

TEST_CASE("at_terms beyond the end gives the end, and says why the path ended") {
    auto data = head();
    Options options;
    options.max_terms = 5;
    const Paths paths(data.problem(), options);
    const auto s = paths.at_terms(9);
    for (Index t = 0; t < data.size(); ++t) {
        CHECK(s.status[at(t)] == Status::terms);
        CHECK(s.lambda[at(t)] == paths.lambda_end()[at(t)]);
    }
    check_solutions(data, options, paths, s);
}

TEST_CASE("at_relative_error: the largest lambda with error <= r e; beyond the end, the end") {
    auto data = head();
    const Options options;
    const Paths paths(data.problem(), options);
    for (const double r : {1.0, 0.9, 0.7, 0.5}) {
        const auto s = paths.at_relative_error(r);
        check_solutions(data, options, paths, s);
        for (Index t = 0; t < data.size(); ++t) {
            CAPTURE(t);
            CHECK(s.status[at(t)] == Status::certified);
            CHECK(s.error[at(t)] == doctest::Approx(r * data.e(t)).epsilon(1e-9));
            const double above = s.lambda[at(t)] * (1 + 1e-6);
            if (r < 1) CHECK(paths.profile(t, &above, 1).error[0] > r * data.e(t));
            if (r == 1) CHECK(s.lambda[at(t)] == paths.lambda_max()[at(t)]);
        }
    }
    const auto end = paths.at_relative_error(1e-12);
    for (Index t = 0; t < data.size(); ++t) {
        CHECK(end.status[at(t)] == paths.status()[at(t)]);
        CHECK(end.lambda[at(t)] == paths.lambda_end()[at(t)]);
    }
}

TEST_CASE("refit: least squares on the support that the Lasso chose") {
    auto data = head();
    const Paths paths(data.problem(), {});
    const auto lasso = paths.at_terms(6), refit = paths.at_terms(6, true);
    CHECK(lasso.offset == refit.offset);
    CHECK(lasso.index == refit.index);
    CHECK(lasso.kkt == refit.kkt);
    for (Index t = 0; t < data.size(); ++t) {
        const auto b = coefficients(refit, t, data.size());
        for (Index j = 0; j < data.size(); ++j) {
            if (b[at(j)] == 0) continue;
            double gradient = data.c(t, j);
            for (Index k = 0; k < data.size(); ++k) gradient -= data.gram(j, k) * b[at(k)];
            CHECK(std::abs(gradient) <= 1e-10 * paths.lambda_max()[at(t)]);
        }
        CHECK(refit.error[at(t)] == doctest::Approx(error_of(data, t, b)).epsilon(1e-9));
        CHECK(refit.error[at(t)] < lasso.error[at(t)]);
    }
}

TEST_CASE("profile at the edges: from above lambda_max to below the end of the path") {
    auto data = head();
    Options options;
    options.max_terms = 4;
    const Paths paths(data.problem(), options);
    const double top = paths.lambda_max()[0], end = paths.lambda_end()[0];
    const std::vector<double> lambda = {10 * top, top, end};
    const auto profile = paths.profile(0, lambda.data(), 3);
    CHECK(profile.error[0] == data.e(0));
    CHECK(profile.error[1] == doctest::Approx(data.e(0)).epsilon(1e-14));
    CHECK(profile.l1_norm[0] == 0);
    const auto s = paths.at_lambda(paths.lambda_end().data());
    CHECK(profile.error[2] == doctest::Approx(s.error[0]).epsilon(1e-10));
    CHECK(profile.l1_norm[2] == doctest::Approx(l1_norm(coefficients(s, 0, data.size()))).epsilon(1e-10));
}
