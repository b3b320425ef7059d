// Orthogonal matching pursuit: every step is the textbook's, recomputed in long double from the raw data.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "covlasso/error.hpp"
#include "oracle.hpp"

using namespace test;
using covlasso::Event;
using covlasso::Method;
using covlasso::Options;
using covlasso::Paths;
using covlasso::Solutions;
using covlasso::Status;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Options pursuit(Index terms, double l2 = 0) {
    Options options;
    options.method = Method::pursuit;
    options.max_terms = terms;
    options.l2 = l2;
    return options;
}

Data two_networks() { return Data::cross_form(gaussian(80, 9, 22), gaussian(80, 25, 23)); }

/// (G_AA + l2) b = c_A by elimination with pivots, in long double.
std::vector<double> least_squares(const Data& data, Index t, const std::vector<Id>& support, double l2) {
    const auto k = static_cast<Index>(support.size());
    Matrix g(k, k);
    for (Index r = 0; r < k; ++r)
        for (Index s = 0; s < k; ++s)
            g(r, s) = data.g(t, support[at(r)], support[at(s)]) + (r == s ? l2 : 0.0);
    const Matrix m = inverse(g);
    std::vector<double> b(at(data.size()));
    for (Index r = 0; r < g.rows; ++r)
        for (Index s = 0; s < g.rows; ++s) b[at(support[at(r)])] += m(r, s) * data.c(t, support[at(s)]);
    return b;
}

/// 2 |c - G b - l2 b|_j / w_j over the sources outside the support that may enter, else 0.
std::vector<double> scores(const Data& data, Index t, const std::vector<Id>& support,
                           const std::vector<double>& b, double l2) {
    std::vector<double> score(at(data.size()));
    for (Index j = 0; j < data.size(); ++j) {
        const double w = data.weight(t, j);
        const bool in = std::find(support.begin(), support.end(), static_cast<Id>(j)) != support.end();
        if (in || data.is_excluded(t, j) || !(w < infinity) || w == 0) continue;
        long double g = data.c(t, j) - l2 * b[at(j)];
        for (Index k = 0; k < data.size(); ++k) g -= static_cast<long double>(data.g(t, j, k)) * b[at(k)];
        score[at(j)] = static_cast<double>(2 * std::abs(g)) / w;
    }
    return score;
}

double largest(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }

/// Every event of every target is the greedy choice, and every number of terms reads as least squares on the first ones.
void check_pursuit(Data& data, const Options& options, double tolerance = 1e-10) {
    const Paths paths(data.problem(), options);
    for (Index t = 0; t < paths.size(); ++t) {
        std::vector<Id> support;
        std::vector<double> b(at(data.size()));
        for (const Event* event = paths.begin(t); event != paths.end(t); ++event) {
            if (event->lambda < infinity) {
                const auto score = scores(data, t, support, b, options.l2);
                const double slack = tolerance * paths.lambda_max()[at(t)];
                CHECK(score[at(event->source)] >= largest(score) - slack);
                CHECK(std::abs(event->lambda - score[at(event->source)]) <= slack);
            }
            support.push_back(event->source);
            b = least_squares(data, t, support, options.l2);
            CHECK(event->sign == (event->lambda < infinity && b[at(event->source)] < 0 ? -1 : 1));
        }
        const double left = largest(scores(data, t, support, b, options.l2));
        CHECK(std::abs(paths.lambda_end()[at(t)] - left) <= tolerance * paths.lambda_max()[at(t)]);
        CHECK(paths.kkt()[at(t)] <= covlasso::kkt_tolerance);
    }
    for (const Index terms : {Index{1}, options.max_terms / 2, options.max_terms}) {
        if (std::count(data.weights.begin(), data.weights.end(), 0.0) > terms) {
            CHECK_THROWS_AS(paths.at_terms(terms), covlasso::InvalidArgument);
            continue;
        }
        const Solutions found = paths.at_terms(terms);
        for (Index t = 0; t < paths.size(); ++t) {
            std::vector<Id> support;
            for (const Event* event = paths.begin(t);
                 event != paths.end(t) && static_cast<Index>(support.size()) < terms; ++event)
                support.push_back(event->source);
            const auto b = coefficients(found, t, data.size());
            const auto expected = least_squares(data, t, support, options.l2);
            for (std::size_t j = 0; j < b.size(); ++j)
                CHECK(b[j] == doctest::Approx(expected[j]).epsilon(1e-9).scale(1));
            CHECK(terms_of(found, t) == static_cast<Index>(support.size()));
            CHECK(found.kkt[at(t)] <= covlasso::kkt_tolerance);
            const bool reached = static_cast<Index>(support.size()) == terms;
            CHECK(found.status[at(t)] == (reached ? Status::certified : paths.status()[at(t)]));
            CHECK(std::abs(found.error[at(t)] - error_of(data, t, b)) <= 1e-10 * data.e(t));
        }
    }
}

std::vector<double> random_weights(Index count, unsigned seed) {
    std::mt19937_64 bits(seed);
    std::uniform_real_distribution<double> uniform(0.3, 3);
    std::vector<double> w(at(count));
    for (auto& x : w) x = uniform(bits);
    return w;
}

void check_refused(const Options& options, const char* argument) {
    auto data = two_networks();
    try {
        const Paths paths(data.problem(), options);
        FAIL_CHECK("not refused");
    } catch (const covlasso::InvalidArgument& error) {
        CHECK(std::string(error.what()).rfind(argument, 0) == 0);
        CHECK(std::string(error.what()).find("pursuit") != std::string::npos);
    }
}

}  // namespace

TEST_CASE("pursuit: within one network, and between two") {
    Data one(correlated(30, 70, 41));
    check_pursuit(one, pursuit(10));
    auto two = two_networks();
    check_pursuit(two, pursuit(12));
    two.exclude_self = true;
    check_pursuit(two, pursuit(12));
}

TEST_CASE("pursuit: more terms than a panel has columns") {
    Data data(correlated(80, 200, 42));
    data.targets = {3, 71};
    check_pursuit(data, pursuit(70));
}

TEST_CASE("pursuit: weights, exclusions, l2, a subset of targets") {
    auto data = two_networks();
    data.weights = random_weights(25, 43);
    data.weights[4] = data.weights[9] = infinity;
    check_pursuit(data, pursuit(9));
    data.weights[7] = data.weights[11] = 0;
    check_pursuit(data, pursuit(9));
    data.targets = {8, 0, 3};
    data.excluded = {{1, 2}, {}, {7}};
    data.weights = random_weights(3 * 25, 44);
    check_pursuit(data, pursuit(9, 0.3));
}

TEST_CASE("pursuit: rows of its own for a target") {
    Data one(correlated(25, 60, 21));
    one.own = gaussian(25, 25, 41);
    check_pursuit(one, pursuit(8));
    auto two = two_networks();
    two.own = gaussian(18, 25, 43);
    for (Index t = 0; t <= 9; ++t) two.own_offset.push_back(2 * t);
    for (int m = 0; m < 18; ++m) two.response.push_back(0.3 * m - 2.0);
    check_pursuit(two, pursuit(8, 0.1));
}

TEST_CASE("pursuit: to the last source") {
    Data data(correlated(12, 60, 45));
    check_pursuit(data, pursuit(11));
    check_pursuit(data, pursuit(1000));
    const Paths paths(data.problem(), pursuit(1000));
    for (Index t = 0; t < 12; ++t) {
        CHECK(paths.status()[at(t)] == Status::exhausted);
        CHECK(paths.lambda_end()[at(t)] == 0);
        CHECK(paths.end(t) - paths.begin(t) == 11);
    }
}

TEST_CASE("pursuit: of equal sources the lowest number, and nothing beyond the rank") {
    const Matrix f = gaussian(60, 6, 46);
    Matrix g(60, 15);
    for (Index r = 0; r < 60; ++r)
        for (Index j = 0; j < 15; ++j) g(r, j) = j < 6 ? f(r, j) : f(r, j % 6) + (j >= 12 ? f(r, 1) : 0);
    auto data = Data::cross_form(gaussian(60, 4, 47), g);
    check_pursuit(data, pursuit(15));
    const Paths paths(data.problem(), pursuit(15));
    for (Index t = 0; t < 4; ++t) {
        CHECK(paths.end(t) - paths.begin(t) == 6);
        CHECK(paths.status()[at(t)] == Status::exhausted);
        for (const Event* event = paths.begin(t); event != paths.end(t); ++event)
            CHECK((event->source < 6 || event->source >= 12));
    }
}

TEST_CASE("pursuit: by relative error, the fewest terms") {
    Data data(correlated(30, 70, 48));
    constexpr double bound = 0.5;
    const Paths paths(data.problem(), pursuit(29));
    Options options = pursuit(29);
    options.relative_error = bound;
    const Paths ended(data.problem(), options);
    const Solutions found = paths.at_relative_error(bound), at_end = ended.at_relative_error(bound);
    CHECK(found.index == at_end.index);
    CHECK(found.value == at_end.value);
    Index reached = 0;
    for (Index t = 0; t < 30; ++t) {
        const Index k = terms_of(found, t);
        if (k > 1) CHECK(paths.at_terms(k - 1).error[at(t)] > bound * data.e(t));
        if (ended.status()[at(t)] == Status::error) {
            ++reached;
            CHECK(found.status[at(t)] == Status::certified);
            CHECK(at_end.status[at(t)] == Status::certified);
            CHECK(found.error[at(t)] <= bound * data.e(t));
        } else {
            CHECK(found.status[at(t)] == Status::exhausted);
            CHECK(found.error[at(t)] > bound * data.e(t));
            CHECK(k == 29);
        }
    }
    CHECK(reached > 5);
    CHECK(reached < 30);
}

TEST_CASE("pursuit: knots are least squares with each term; refit changes nothing") {
    Data data(correlated(20, 60, 49));
    const Paths paths(data.problem(), pursuit(6));
    const auto knots = paths.knots(5);
    REQUIRE(knots.event.size() == 6);
    const auto once = paths.at_terms(6), again = paths.at_terms(6, true);
    CHECK(once.value == again.value);
    for (Index e = 0; e < 6; ++e) {
        const auto b = coefficients(paths.at_terms(e + 1), 5, 20);
        REQUIRE(knots.offset[at(e + 1)] - knots.offset[at(e)] == e + 1);
        for (auto r = knots.offset[at(e)]; r < knots.offset[at(e + 1)]; ++r)
            CHECK(knots.value[at(r)] == doctest::Approx(b[at(knots.index[at(r)])]).epsilon(1e-12));
    }
}

TEST_CASE("pursuit: a target without energy, and one without covariances") {
    Data data{Matrix(4, 4)};
    for (Index i = 0; i < 3; ++i) data.gram(i, i) = 1;
    check_pursuit(data, pursuit(3));
    const Paths paths(data.problem(), pursuit(3));
    for (Index t = 0; t < 4; ++t) {
        CHECK(paths.begin(t) == paths.end(t));
        CHECK(paths.status()[at(t)] == Status::exhausted);
        CHECK(paths.lambda_max()[at(t)] == 0);
    }
}

TEST_CASE("pursuit: an indefinite Gram is an error") {
    Data data{Matrix(3, 3)};
    const double entries[] = {1, .9, .9, .9, 1, -.9, .9, -.9, 1};
    data.gram.data.assign(entries, entries + 9);
    CHECK_THROWS_AS(Paths(data.problem(), pursuit(2)), covlasso::IndefiniteGram);
}

TEST_CASE("pursuit: what it does not go with is refused") {
    Options options = pursuit(5);
    options.positive = true;
    check_refused(options, "positive");
    options = pursuit(5);
    options.min_lambda = 0.1;
    check_refused(options, "min_lambda");
    std::vector<double> each(9, 0.0);
    options = pursuit(5);
    options.min_lambdas = each.data();
    auto data = two_networks();
    CHECK_NOTHROW(Paths(data.problem(), options));
    each[8] = 0.1;
    check_refused(options, "min_lambda");

    const Paths paths(data.problem(), pursuit(5));
    const std::vector<double> lambda(9, 0.1);
    CHECK_THROWS_AS(paths.at_lambda(lambda.data()), covlasso::InvalidArgument);
    CHECK_THROWS_AS(paths.profile(0, lambda.data(), 9), covlasso::InvalidArgument);
}
