// Inputs on which a path can fail: dependent columns, ties, bad scales, almost nothing to solve. All must be certified.
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

/// Moments of n logits W h + b of a head of the given width: rank width + 1.
Matrix head_moments(Index n, Index width, unsigned seed) {
    const Matrix h = gaussian(4 * width, width, seed), w = gaussian(width, n, seed + 1),
                 bias = gaussian(1, n, seed + 2);
    Matrix f(h.rows, n);
    for (Index r = 0; r < h.rows; ++r)
        for (Index j = 0; j < n; ++j) {
            f(r, j) = bias(0, j);
            for (Index k = 0; k < width; ++k) f(r, j) += h(r, k) * w(k, j);
        }
    return moments(f);
}

/// Columns of f, then `copies` of its first ones, each times `factor`.
Matrix with_copies(const Matrix& f, Index copies, double factor) {
    Matrix g(f.rows, f.cols + copies);
    for (Index r = 0; r < f.rows; ++r) {
        for (Index j = 0; j < f.cols; ++j) g(r, j) = f(r, j);
        for (Index j = 0; j < copies; ++j) g(r, f.cols + j) = factor * f(r, j);
    }
    return g;
}

}  // namespace

TEST_CASE("random problems, down to lambda = 0") {
    for (unsigned seed = 0; seed < 8; ++seed) {
        CAPTURE(seed);
        Data data(correlated(12 + 3 * static_cast<Index>(seed), 80, 100 + seed));
        check_path(data, whole_path());
    }
}

TEST_CASE("rank-deficient Gram: far more categories than the width of the head") {
    for (const Index width : {Index{3}, Index{8}, Index{20}}) {
        CAPTURE(width);
        Data data(head_moments(60, width, 200 + static_cast<unsigned>(width)));
        check_path(data);
        check_path(data, whole_path());
    }
}

TEST_CASE("fewer samples than categories") {
    Data data(correlated(50, 12, 300));
    check_path(data);
    check_path(data, whole_path());
}

TEST_CASE("copied columns: equal, opposite, scaled up and down") {
    const Matrix f = gaussian(80, 14, 400);
    for (const double factor : {1.0, -1.0, 2.0, 0.5, -3.0, 1.0 / 3.0}) {
        CAPTURE(factor);
        Data data(moments(with_copies(f, 14, factor)));
        check_path(data);
        check_path(data, whole_path());
    }
}

TEST_CASE("a column copied many times") {
    Matrix f = gaussian(60, 30, 410);
    for (Index r = 0; r < f.rows; ++r)
        for (Index j = 10; j < 30; ++j) f(r, j) = f(r, j % 3);
    Data data(moments(f));
    check_path(data);
    check_path(data, whole_path());
}

TEST_CASE("copied columns in the cross form, target equal to a source") {
    const Matrix g = with_copies(gaussian(80, 10, 420), 10, 1.0);
    auto data = Data::cross_form(g, g);
    check_path(data, whole_path());
    const Paths paths(data.problem(), whole_path());
    const auto s = paths.at_relative_error(1e-6);
    for (Index t = 0; t < data.target_count(); ++t) CHECK(s.error[at(t)] <= 1e-6 * data.e(t) * (1 + 1e-6));
}

TEST_CASE("ties: every source has the same correlation with every target") {
    const Index n = 20;
    Data data{Matrix(n, n)};
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j) data.gram(i, j) = i == j ? 1.0 : 0.5;
    check_path(data);
    check_path(data, whole_path());
    // By symmetry and strict convexity all n - 1 coefficients are equal: b = (1 - lambda) / (n).
    const Paths paths(data.problem(), whole_path());
    const auto s = paths.at_lambda(std::vector<double>(at(n), 0.4).data());
    for (Index t = 0; t < n; ++t) {
        REQUIRE(terms_of(s, t) == n - 1);
        for (Index j = 0; j < n; ++j)
            if (j != t)
                CHECK(coefficients(s, t, n)[at(j)] ==
                      doctest::Approx((0.5 - 0.2) / (0.5 * n)).epsilon(1e-12));
    }
}

TEST_CASE("ties: integer moments with blocks of equal entries") {
    const Index n = 24;
    Data data{Matrix(n, n)};
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j)
            data.gram(i, j) = (i == j ? 8 : 0) + (i / 4 == j / 4 ? 3 : 0) + (i % 4 == j % 4 ? 2 : 0);
    check_path(data);
    check_path(data, whole_path());
}

TEST_CASE("more tied sources than max_terms") {
    const Index n = 12;
    Data data{Matrix(n, n)};
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j) data.gram(i, j) = i == j ? 1.0 : 0.5;
    Options options;
    options.max_terms = 3;
    check_path(data, options);
}

TEST_CASE("categories that are always zero") {
    Matrix f = gaussian(60, 20, 500);
    for (Index r = 0; r < f.rows; ++r) f(r, 0) = f(r, 7) = f(r, 19) = 0;
    Data data(moments(f));
    check_path(data);
    const Paths paths(data.problem(), {});
    for (const Index t : {Index{0}, Index{7}, Index{19}}) {
        CHECK(paths.lambda_max()[at(t)] == 0);
        CHECK(paths.begin(t) == paths.end(t));
        CHECK(paths.kkt()[at(t)] == 0);
    }
    const auto s = paths.at_lambda(std::vector<double>(20, 0.0).data());
    for (const Id j : s.index) CHECK((j != 0 && j != 7 && j != 19));
}

TEST_CASE("all of the Gram is zero") {
    Data data{Matrix(5, 5)};
    check_path(data);
    const Paths paths(data.problem(), {});
    CHECK(paths.events().empty());
}

TEST_CASE("a target that nothing explains") {
    Data data(correlated(10, 40, 510));
    for (Index j = 0; j < 10; ++j)
        if (j != 4) data.gram(4, j) = data.gram(j, 4) = 0;
    check_path(data);
    const Paths paths(data.problem(), {});
    CHECK(paths.lambda_max()[4] == 0);
    const auto s = paths.at_relative_error(0.5);
    CHECK(terms_of(s, 4) == 0);
    CHECK(s.error[4] == data.e(4));
    CHECK(s.status[4] == paths.status()[4]);
}

TEST_CASE("scale: the same coefficients from 1e-150 to 1e150, lambda scaled along") {
    Data base(correlated(20, 50, 600));
    const Paths reference(base.problem(), {});
    const auto expected = reference.at_terms(7);
    for (const double scale : {1e-150, 1e-100, 1e-30, 1e30, 1e100, 1e150}) {
        CAPTURE(scale);
        Data data(base.gram);
        for (auto& x : data.gram.data) x *= scale;
        check_path(data);
        const Paths paths(data.problem(), {});
        const auto s = paths.at_terms(7);
        REQUIRE(s.index == expected.index);
        for (std::size_t r = 0; r < s.value.size(); ++r)
            CHECK(s.value[r] == doctest::Approx(expected.value[r]).epsilon(1e-10));
        for (std::size_t t = 0; t < 20; ++t)
            CHECK(s.lambda[t] / scale == doctest::Approx(expected.lambda[t]).epsilon(1e-10));
    }
}

TEST_CASE("powers of two as scale change no bit of the coefficients") {
    Data base(correlated(15, 50, 610)), data(base.gram);
    for (auto& x : data.gram.data) x = std::ldexp(x, 200);
    const Paths one(base.problem(), {}), other(data.problem(), {});
    CHECK(one.at_terms(5).value == other.at_terms(5).value);
    CHECK(one.at_terms(5).index == other.at_terms(5).index);
}

TEST_CASE("categories of very different scale") {
    Data data(correlated(20, 50, 620));
    for (Index i = 0; i < 20; ++i)
        for (Index j = 0; j < 20; ++j)
            data.gram(i, j) = std::ldexp(data.gram(i, j), static_cast<int>(3 * (i + j) - 57));
    check_path(data);
}

TEST_CASE("n = 1: nothing but the target itself") {
    Data data{Matrix(1, 1)};
    data.gram(0, 0) = 3;
    check_path(data);
    const Paths paths(data.problem(), {});
    CHECK(paths.lambda_max()[0] == 0);
    CHECK(paths.at_terms(1).error[0] == 3);
}

TEST_CASE("n = 1 with a weight is no error either: no option took the last source away") {
    Data data{Matrix(1, 1)};
    data.gram(0, 0) = 3;
    data.weights = {2};
    check_path(data);
}

TEST_CASE("lambda_max of moments that are noise beside their diagonals") {
    Data data{Matrix(2, 2)};
    data.gram(0, 0) = 2.36e4;
    data.gram(0, 1) = data.gram(1, 0) = -2.6e-17;
    data.gram(1, 1) = 1.27e-5;
    check_path(data);
    const Paths paths(data.problem(), {});
    CHECK(paths.lambda_max()[0] == 2 * 2.6e-17);
    CHECK(paths.lambda_max()[1] == 2 * 2.6e-17);
}

TEST_CASE("n = 2: one source each, b = c - lambda/2 over G") {
    Data data{Matrix(2, 2)};
    data.gram(0, 0) = 2;
    data.gram(0, 1) = data.gram(1, 0) = -1;
    data.gram(1, 1) = 1.5;
    check_path(data);
    const Paths paths(data.problem(), {});
    const std::vector<double> lambda = {0.5, 0.5};
    const auto s = paths.at_lambda(lambda.data());
    CHECK(coefficients(s, 0, 2)[1] == doctest::Approx(-(1 - 0.25) / 1.5).epsilon(1e-14));
    CHECK(coefficients(s, 1, 2)[0] == doctest::Approx(-(1 - 0.25) / 2).epsilon(1e-14));
}

TEST_CASE("n = 2: two equal categories explain each other to the end") {
    Data data{Matrix(2, 2)};
    for (auto& x : data.gram.data) x = 1;
    check_path(data);
    const Paths paths(data.problem(), {});
    const auto s = paths.at_lambda(std::vector<double>{0.0, 0.0}.data());
    for (Index t = 0; t < 2; ++t) {
        CHECK(coefficients(s, t, 2)[at(1 - t)] == doctest::Approx(1).epsilon(1e-14));
        CHECK(std::abs(s.error[at(t)]) <= 1e-14);
    }
}

TEST_CASE("one source, one target in the cross form") {
    Data data{Matrix(1, 1)};
    data.gram(0, 0) = 4;
    data.cross = Matrix(1, 1);
    data.cross(0, 0) = 2;
    data.energy = {1.5};
    data.exclude_self = false;
    check_path(data);
    const Paths paths(data.problem(), {});
    CHECK(paths.lambda_max()[0] == 4);
    CHECK(coefficients(paths.at_lambda(std::vector<double>{1.0}.data()), 0, 1)[0] ==
          doctest::Approx(1.5 / 4));
}
