// Rows of its own for a target: the certificate, and what the problem would be if its Gram were written out.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "oracle.hpp"

using namespace test;
using covlasso::FactoredGram;
using covlasso::Options;
using covlasso::Paths;
using covlasso::Problem;

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// A row for each target.
Data with_one_row_each() {
    Data data(correlated(25, 60, 21));
    data.own = gaussian(25, 25, 41);
    return data;
}

/// None for the first target, and one more for each that follows.
Data with_several_rows() {
    Data data(correlated(12, 60, 21));
    data.own = gaussian(66, 12, 42);
    for (Index t = 0; t <= 12; ++t) data.own_offset.push_back(t * (t - 1) / 2);
    return data;
}

Data of_two_networks() {
    auto data = Data::cross_form(gaussian(60, 9, 22), gaussian(60, 25, 23));
    data.own = gaussian(18, 25, 43);
    for (Index t = 0; t <= 9; ++t) data.own_offset.push_back(2 * t);
    for (int m = 0; m < 18; ++m) data.response.push_back(0.3 * m - 2.0);
    return data;
}

/// The problem of the target at position t, with its own rows added to the moments.
Data written_out(const Data& data, Index t) {
    const Index p = data.size();
    Matrix gram(p, p);
    for (Index j = 0; j < p; ++j)
        for (Index k = 0; k < p; ++k) gram(j, k) = data.g(t, j, k);
    Data alone(std::move(gram));
    if (data.intra()) {
        alone.targets = {data.target(t)};
        return alone;
    }
    alone.cross = Matrix(1, p);
    for (Index j = 0; j < p; ++j) alone.cross(0, j) = data.c(t, j);
    alone.energy = {data.e(t)};
    alone.exclude_self = data.exclude_self;
    return alone;
}

void check_against_written_out(Data data, const Options& options) {
    const auto problem = data.problem();
    const auto all = Paths(problem, options).at_terms(6), fitted = Paths(problem, options).at_terms(6, true);
    for (Index t = 0; t < data.target_count(); ++t) {
        CAPTURE(t);
        auto alone = written_out(data, t);
        const Paths paths(alone.problem(), options);
        const auto one = paths.at_terms(6), refitted = paths.at_terms(6, true);
        const auto b = coefficients(all, t, data.size()), a = coefficients(one, 0, data.size());
        const auto d = coefficients(fitted, t, data.size()), c = coefficients(refitted, 0, data.size());
        for (Index j = 0; j < data.size(); ++j) {
            CHECK(b[at(j)] == doctest::Approx(a[at(j)]).epsilon(1e-10));
            CHECK(d[at(j)] == doctest::Approx(c[at(j)]).epsilon(1e-10));
        }
        CHECK(all.lambda[at(t)] == doctest::Approx(one.lambda[0]).epsilon(1e-10));
        CHECK(all.error[at(t)] == doctest::Approx(one.error[0]).epsilon(1e-9));
    }
}

std::string message_of(const Problem& problem) {
    try {
        covlasso::validate(problem, {});
    } catch (const covlasso::InvalidArgument& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("own rows: every point of the path is certified from the moments with the rows") {
    auto one = with_one_row_each(), several = with_several_rows(), cross = of_two_networks();
    check_path(one);
    check_path(several);
    check_path(cross);
    Options options;
    options.l2 = 0.05;
    options.positive = true;
    check_path(one, options);
    one.weights.assign(25, 1.0);
    one.weights[3] = 0.25;
    one.weights[7] = 4.0;
    check_path(one);
}

TEST_CASE("own rows: the same as a Gram written out for each target") {
    check_against_written_out(with_one_row_each(), {});
    check_against_written_out(with_several_rows(), {});
    check_against_written_out(of_two_networks(), {});
    Options options;
    options.l2 = 0.1;
    check_against_written_out(with_several_rows(), options);
}

TEST_CASE("own rows: observations appended to the samples of one target") {
    const Index n = 15, count = 40, added = 7;
    const auto samples = gaussian(count + added, n, 51);
    Matrix shared(count, n);
    shared.data.assign(samples.data.begin(), samples.data.begin() + count * n);
    Data data(moments(shared));
    data.targets = {4};
    data.own = Matrix(added, n);
    data.own_offset = {0, added};
    const double weight = 1.0 / std::sqrt(static_cast<double>(count));
    for (Index m = 0; m < added; ++m)
        for (Index j = 0; j < n; ++j) data.own(m, j) = weight * samples(count + m, j);
    Data appended(moments(samples));  // the same but for a factor, which least squares do not see
    appended.targets = {4};
    Options options;
    options.max_terms = 14;
    const auto a = Paths(data.problem(), options).at_terms(14, true),
               b = Paths(appended.problem(), options).at_terms(14, true);
    const auto x = coefficients(a, 0, n), y = coefficients(b, 0, n);
    for (Index j = 0; j < n; ++j) CHECK(x[at(j)] == doctest::Approx(y[at(j)]).epsilon(1e-9));
}

TEST_CASE("own rows: none give the bits of the problem without") {
    Data plain(correlated(12, 60, 21)), none = with_several_rows();
    none.own_offset.assign(13, 0);
    const Paths a(plain.problem(), {}), b(none.problem(), {});
    REQUIRE(a.events().size() == b.events().size());
    for (std::size_t e = 0; e < a.events().size(); ++e) CHECK(a.events()[e].lambda == b.events()[e].lambda);
    CHECK(a.at_terms(5).value == b.at_terms(5).value);
}

TEST_CASE("own rows: a Gram of rank one at every target") {
    Data data(Matrix(6, 6));
    data.own = gaussian(6, 6, 44);
    const Paths paths(data.problem(), {});
    const auto s = paths.at_terms(5);
    for (Index t = 0; t < 6; ++t) {
        CHECK(terms_of(s, t) == 1);  // one source gives the row, up to its length
        CHECK(error_of(data, t, coefficients(s, t, 6)) <= 1e-12 * data.e(t));
    }
}

TEST_CASE("own rows: beside a factor as beside its Gram") {
    const auto factor = gaussian(25, 8, 61);
    Data data(Matrix(25, 25));
    for (Index i = 0; i < 25; ++i)
        for (Index j = 0; j < 25; ++j)
            for (Index r = 0; r < 8; ++r) data.gram(i, j) += factor(i, r) * factor(j, r);
    data.own = gaussian(25, 25, 62);
    Options options;
    options.max_terms = 6;
    auto problem = data.problem();
    const auto dense = Paths(problem, options).at_terms(6);
    const FactoredGram gram(factor.view());
    problem.gram = &gram;
    const auto factored = Paths(problem, options).at_terms(6);
    REQUIRE(dense.index == factored.index);
    for (std::size_t r = 0; r < dense.value.size(); ++r)
        CHECK(factored.value[r] == doctest::Approx(dense.value[r]).epsilon(1e-9));
}

TEST_CASE("own rows: several targets may have the same ones") {
    auto data = of_two_networks(), copied = of_two_networks();
    const std::vector<Index> first(9, 4);
    for (Index t = 0; t < 9; ++t)
        for (Index m = 0; m < 2; ++m)
            for (Index j = 0; j < 25; ++j) copied.own(2 * t + m, j) = data.own(4 + m, j);
    auto problem = data.problem();
    problem.own.first = first.data();
    const auto a = Paths(problem, {}).at_terms(5), b = Paths(copied.problem(), {}).at_terms(5);
    CHECK(a.index == b.index);
    CHECK(a.value == b.value);
}

TEST_CASE("own rows: equal bits for any number of threads") {
    auto data = with_several_rows();
    const auto problem = data.problem();
    Options one, four;
    one.threads = 1;
    four.threads = 4;
    const Paths a(problem, one), b(problem, four);
    CHECK(a.at_terms(5).value == b.at_terms(5).value);
    CHECK(a.at_terms(5, true).value == b.at_terms(5, true).value);
}

TEST_CASE("own rows: many of one target do not make the others less exact") {
    auto data = Data::cross_form(gaussian(9, 2, 24), gaussian(9, 3, 25));
    data.exclude_self = false;
    const double corner[3] = {0.5, std::cos(0.9),
                              std::cos(0.9 + std::acos(0.5))};  // three directions of a plane
    for (Index j = 0; j < 3; ++j) data.gram(j, j) = 1.0;
    data.gram(0, 1) = data.gram(1, 0) = corner[0];
    data.gram(0, 2) = data.gram(2, 0) = corner[1];
    data.gram(1, 2) = data.gram(2, 1) = corner[2];
    data.gram(2, 2) -= 1e-10;  // no second moment: ten thousand roundings below
    for (Index t = 0; t < 2; ++t) data.cross(t, 0) = 1.0, data.cross(t, 1) = 0.9, data.cross(t, 2) = 0.8;
    data.energy = {100.0, 100.0};
    data.targets = {0};
    CHECK_THROWS_AS(Paths(data.problem(), {}), covlasso::IndefiniteGram);
    const Index many = 100'000;
    data.targets = {0, 1};
    data.own = Matrix(many, 3);
    data.own(0, 0) = data.own(1, 1) = data.own(2, 2) = 1.0;  // the second target's Gram is sound
    data.own_offset = {0, 0, many};
    data.response.assign(at(many), 0.0);
    CHECK_THROWS_AS(Paths(data.problem(), {}), covlasso::IndefiniteGram);
}

TEST_CASE("own rows: what is wrong with them is said") {
    auto data = of_two_networks();
    auto problem = data.problem();
    problem.own.response = nullptr;
    CHECK(message_of(problem).find("response is missing") != std::string::npos);
    data.own(3, 4) = std::numeric_limits<double>::quiet_NaN();
    CHECK(message_of(data.problem()).find("own: nan at [3, 4] is not finite") != std::string::npos);
    data.own(3, 4) = 1e200;
    CHECK(message_of(data.problem()).find("1e+200 at [3, 4]") != std::string::npos);
    data.own(3, 4) = 0.0;
    data.own_offset[2] = 19;
    CHECK(message_of(data.problem()).find("out of order or beyond the 18") != std::string::npos);
    auto narrow = with_one_row_each();
    narrow.own = gaussian(25, 24, 3);
    CHECK(message_of(narrow.problem()).find("24 numbers, but the gram has 25") != std::string::npos);
    auto few = with_one_row_each();
    few.own = gaussian(24, 25, 3);
    CHECK(message_of(few.problem()).find("beyond the 24") != std::string::npos);
}
