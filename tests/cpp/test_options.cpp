// Subsets, exclusions, cross form, weights, l2, b >= 0: the certificate is that of the problem with its options.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "oracle.hpp"

using namespace test;
using covlasso::Options;
using covlasso::Paths;
using covlasso::Status;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Data head() { return Data(correlated(25, 60, 21)); }

Data two_networks() { return Data::cross_form(gaussian(60, 9, 22), gaussian(60, 25, 23)); }

std::vector<double> random_weights(Index count, unsigned seed) {
    std::mt19937_64 bits(seed);
    std::uniform_real_distribution<double> uniform(0.3, 3);
    std::vector<double> w(at(count));
    for (auto& x : w) x = uniform(bits);
    return w;
}

bool equal_row(const covlasso::Solutions& a, Index t, const covlasso::Solutions& b, Index u, Index p) {
    return coefficients(a, t, p) == coefficients(b, u, p);
}

}  // namespace

TEST_CASE("a subset of targets, in any order, gives their rows of the whole") {
    auto all = head(), some = head();
    some.targets = {7, 3, 24};
    check_path(some);
    const Paths whole(all.problem(), {}), part(some.problem(), {});
    const auto a = whole.at_terms(5), b = part.at_terms(5);
    REQUIRE(part.size() == 3);
    for (Index t = 0; t < 3; ++t) CHECK(equal_row(a, some.targets[at(t)], b, t, 25));
}

TEST_CASE("cross form: excluding nothing, and excluding the target's own category") {
    auto data = two_networks();
    check_path(data);
    data.exclude_self = true;
    check_path(data);
}

TEST_CASE("cross form over one network is the intra-network form") {
    auto intra = head();
    Data cross(intra.gram);
    cross.cross = intra.gram;
    for (Index i = 0; i < 25; ++i) cross.energy.push_back(intra.gram(i, i));
    const auto a = Paths(intra.problem(), {}).at_terms(6), b = Paths(cross.problem(), {}).at_terms(6);
    CHECK(a.index == b.index);
    CHECK(a.value == b.value);
    CHECK(a.lambda == b.lambda);
}

TEST_CASE("exclusions are kept, per target") {
    auto data = head();
    data.excluded.resize(25);
    for (Id t = 0; t < 25; ++t)
        for (Id j = 0; j < 25; ++j)
            if ((t + j) % 3 == 0) data.excluded[at(t)].push_back(j);
    check_path(data);
    auto cross = two_networks();
    cross.excluded = {{0, 1, 2}, {}, {24}, {5, 6}, {}, {}, {1, 3, 5, 7, 9}, {}, {0}};
    check_path(cross);
}

TEST_CASE("all sources but one excluded") {
    auto data = head();
    data.targets = {4};
    data.excluded.resize(1);
    for (Id j = 0; j < 25; ++j)
        if (j != 11) data.excluded[0].push_back(j);
    check_path(data);
    const Paths paths(data.problem(), {});
    CHECK(paths.lambda_max()[0] == 2 * std::abs(data.gram(4, 11)));
}

TEST_CASE("weights: lambda_max is 2 max |c_j| / w_j; factors for all targets, or for each") {
    auto data = head();
    data.weights = random_weights(25, 31);
    check_path(data);
    const Paths paths(data.problem(), {});
    for (Index t = 0; t < 25; ++t) {
        double expected = 0;
        for (Index j = 0; j < 25; ++j)
            if (j != t) expected = std::max(expected, 2 * std::abs(data.gram(t, j)) / data.weights[at(j)]);
        CHECK(paths.lambda_max()[at(t)] == doctest::Approx(expected).epsilon(1e-14));
    }
    data.weights = random_weights(25 * 25, 32);
    check_path(data);
}

TEST_CASE("weight 1 everywhere is no weight; one common weight scales lambda") {
    auto plain = head(), ones = head(), twos = head();
    ones.weights.assign(25, 1.0);
    twos.weights.assign(25, 2.0);
    const auto a = Paths(plain.problem(), {}).at_terms(6), b = Paths(ones.problem(), {}).at_terms(6);
    const auto c = Paths(twos.problem(), {}).at_terms(6);
    CHECK(a.value == b.value);
    CHECK(a.lambda == b.lambda);
    REQUIRE(a.index == c.index);
    for (std::size_t t = 0; t < 25; ++t)
        CHECK(c.lambda[t] == doctest::Approx(a.lambda[t] / 2).epsilon(1e-12));
    for (std::size_t r = 0; r < a.value.size(); ++r)
        CHECK(c.value[r] == doctest::Approx(a.value[r]).epsilon(1e-10));
}

TEST_CASE("weight inf excludes, weight 0 leaves unpenalised") {
    auto data = head();
    data.weights.assign(25, 1.0);
    data.weights[3] = data.weights[17] = infinity;
    check_path(data);
    data.weights[5] = data.weights[8] = 0;
    check_path(data);
    const Paths paths(data.problem(), {});
    std::vector<double> top(25);
    for (std::size_t t = 0; t < 25; ++t) top[t] = 2 * paths.lambda_max()[t];
    const auto s = paths.at_lambda(top.data());
    for (Index t = 0; t < 25; ++t) {
        CHECK(terms_of(s, t) == (t == 5 || t == 8 ? 1 : 2));
        CHECK(paths.begin(t)->lambda == infinity);
        CHECK(paths.begin(t)->sign == 1);
    }
}

TEST_CASE("all weights 0: least squares at once") {
    Data data(correlated(8, 60, 24));
    data.weights.assign(8, 0.0);
    check_path(data);
    const Matrix inverted = inverse(data.gram);
    const Paths paths(data.problem(), {});
    const auto s = paths.at_lambda(std::vector<double>(8, 1.0).data());
    for (Index t = 0; t < 8; ++t) CHECK(s.error[at(t)] == doctest::Approx(1 / inverted(t, t)).epsilon(1e-10));
}

TEST_CASE("b >= 0") {
    auto data = head();
    Options options;
    options.positive = true;
    check_path(data, options);
    options.max_terms = 1000;
    check_path(data, options);
    Data cross = two_networks();
    check_path(cross, options);
}

TEST_CASE("b >= 0 where every correlation is negative: the zero solution at every lambda") {
    Data data{Matrix(3, 3)};
    for (Index i = 0; i < 3; ++i)
        for (Index j = 0; j < 3; ++j) data.gram(i, j) = i == j ? 1 : -0.3;
    Options options;
    options.positive = true;
    check_path(data, options);
    const Paths paths(data.problem(), options);
    for (Index t = 0; t < 3; ++t) {
        CHECK(paths.lambda_max()[at(t)] == 0);
        CHECK(paths.begin(t) == paths.end(t));
    }
}

TEST_CASE("l2: the elastic net is the Lasso of G + l2 I with the same cross moments") {
    auto data = head();
    Options options;
    options.l2 = 0.5;
    check_path(data, options);
    Data ridged = head();
    ridged.cross = ridged.gram;
    for (Index i = 0; i < 25; ++i) ridged.energy.push_back(ridged.gram(i, i));
    for (Index i = 0; i < 25; ++i) ridged.gram(i, i) += 0.5;
    const auto net = Paths(data.problem(), options).at_terms(6),
               lasso = Paths(ridged.problem(), {}).at_terms(6);
    REQUIRE(net.index == lasso.index);
    for (std::size_t r = 0; r < net.value.size(); ++r)
        CHECK(net.value[r] == doctest::Approx(lasso.value[r]).epsilon(1e-10));
}

TEST_CASE("l2 on a rank-deficient Gram, to lambda = 0") {
    Data data(correlated(40, 10, 25));
    Options options;
    options.l2 = 0.1;
    options.max_terms = 1000;
    check_path(data, options);
}

TEST_CASE("all options together") {
    auto data = two_networks();
    data.targets = {8, 0, 3};
    data.exclude_self = true;
    data.excluded = {{1}, {}, {4, 5}};
    data.weights = random_weights(3 * 25, 33);
    data.weights[30] = infinity;
    Options options;
    options.positive = true;
    options.l2 = 0.05;
    options.max_terms = 8;
    check_path(data, options);
    options.positive = false;
    data.weights[2] = 0;
    check_path(data, options);
}
