// The factored Gram F F': its entries, and the paths on it beside those on the dense matrix.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "oracle.hpp"

using namespace test;
using covlasso::FactoredGram;
using covlasso::InvalidArgument;
using covlasso::Options;
using covlasso::Paths;
using covlasso::Product;
using covlasso::Solutions;

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// f_i . f_j
long double entry(const Matrix& f, Index i, Index j) {
    long double sum = 0;
    for (Index k = 0; k < f.cols; ++k) sum += static_cast<long double>(f(i, k)) * f(j, k);
    return sum;
}

/// F F', each entry rounded once.
Matrix product(const Matrix& f) {
    Matrix g(f.rows, f.rows);
    for (Index i = 0; i < f.rows; ++i)
        for (Index j = 0; j < f.rows; ++j) g(i, j) = static_cast<double>(entry(f, i, j));
    return g;
}

/// A factor whose rows have much in common, as logits do.
Matrix correlated_factor(Index n, Index r, unsigned seed) {
    Matrix f = gaussian(n, r, seed);
    for (Index i = 0; i < n; ++i)
        for (Index k = 0; k < std::min<Index>(r, 3); ++k) f(i, k) += 2.0;
    return f;
}

/// The same Gram by a factor with columns of zeros, so many that products are found in integers.
Matrix widened(const Matrix& f) {
    Matrix wide(f.rows, 201);
    for (Index i = 0; i < f.rows; ++i)
        for (Index k = 0; k < f.cols; ++k) wide(i, 5 * k) = f(i, k);
    return wide;
}

Matrix scaled(Matrix f, double scale) {
    for (auto& x : f.data) x *= scale;
    return f;
}

Options with_threads(int threads) {
    Options options;
    options.threads = threads;
    return options;
}

void check_same_events(const Paths& a, const Paths& b) {
    REQUIRE(a.offset() == b.offset());
    for (std::size_t e = 0; e < a.events().size(); ++e) {
        CAPTURE(e);
        CHECK(a.events()[e].source == b.events()[e].source);
        CHECK(a.events()[e].sign == b.events()[e].sign);
        CHECK(a.events()[e].lambda == doctest::Approx(b.events()[e].lambda).epsilon(1e-9));
    }
}

void check_close(const Solutions& a, const Solutions& b) {
    REQUIRE(a.index == b.index);
    REQUIRE(a.offset == b.offset);
    for (std::size_t r = 0; r < a.value.size(); ++r) CHECK(std::abs(a.value[r] - b.value[r]) <= 1e-9);
}

/// Solves with the factor, checks every solution from the raw data, and returns the paths.
Paths checked_paths(Data& data, const FactoredGram& gram, const Options& options) {
    auto problem = data.problem();
    problem.gram = &gram;
    const Paths paths(problem, options);
    check_solutions(data, options, paths, paths.at_terms(options.max_terms));
    check_solutions(data, options, paths, paths.at_relative_error(0.2));
    return paths;
}

void check_against_dense(const Matrix& f, Index terms) {
    CAPTURE(f.rows);
    CAPTURE(f.cols);
    const FactoredGram gram(f.view());
    Data data(product(f));
    Options options;
    options.max_terms = terms;
    const Paths factored = checked_paths(data, gram, options);
    const Paths dense(data.problem(), options);
    check_same_events(factored, dense);
    for (const bool refit : {false, true})
        check_close(factored.at_terms(terms, refit), dense.at_terms(terms, refit));
    check_close(factored.at_relative_error(0.3), dense.at_relative_error(0.3));
    CHECK(factored.knots(0).value.size() == dense.knots(0).value.size());
}

void check_error(const Matrix& f, const std::string& expected) {
    try {
        const FactoredGram gram(f.view());
        FAIL("no error");
    } catch (const InvalidArgument& error) {
        CAPTURE(error.what());
        CHECK(std::string(error.what()).find(expected) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("FactoredGram: entries are inner products of rows, to within epsilon") {
    for (const Index r : {1, 2, 7, 8, 9, 63, 200, 1000}) {
        CAPTURE(r);
        const Matrix f = gaussian(11, r, static_cast<unsigned>(r));
        const FactoredGram gram(f.view());
        std::vector<Id> all(11);
        for (Id j = 0; j < 11; ++j) all[at(j)] = j;
        std::vector<double> row(11), diagonal(11);
        gram.diagonal(diagonal.data());
        for (Id i = 0; i < 11; ++i) {
            gram.gather(i, all.data(), 11, row.data());
            for (Index j = 0; j < 11; ++j) {
                const auto scale = std::sqrt(entry(f, i, i) * entry(f, j, j));
                CHECK(std::abs(row[at(j)] - entry(f, i, j)) <= gram.epsilon() * scale);
            }
            CHECK(row[at(i)] == diagonal[at(i)]);
        }
    }
}

TEST_CASE("FactoredGram: an entry has the same bits wherever it is asked for") {
    for (const Index r : {1, 6, 33, 121}) {
        CAPTURE(r);
        const Index n = 1030;  // more than one block of rows
        const Matrix f = gaussian(n, r, 7);
        const FactoredGram gram(f.view());
        std::vector<Id> all(at(n));
        for (Id j = 0; j < n; ++j) all[at(j)] = j;
        const std::vector<Id> rows = {0, 1, 513, 1029, 1028, 4, 77};
        std::vector<std::vector<double>> gathered, multiplied;
        const double one = 1.0;
        std::vector<Product> products;
        for (const Id& i : rows) {
            gathered.emplace_back(at(n));
            gram.gather(i, all.data(), n, gathered.back().data());
            multiplied.emplace_back(at(n));
            products.push_back({{&i, &one, 1}, multiplied.back().data()});
        }
        gram.multiply_all(products.data(), static_cast<Index>(products.size()));
        for (std::size_t x = 0; x < rows.size(); ++x) {
            CHECK(gathered[x] == multiplied[x]);
            std::vector<double> alone(at(n));
            gram.multiply(products[x].x, alone.data());
            CHECK(alone == multiplied[x]);
            double single = 0, mirrored = 0;
            gram.gather(rows[x], &rows[2], 1, &single);
            gram.gather(rows[2], &rows[x], 1, &mirrored);
            CHECK(single == gathered[x][at(rows[2])]);
            CHECK(single == mirrored);
        }
    }
}

TEST_CASE("FactoredGram: products with sparse vectors, alone and together") {
    const Matrix f = gaussian(37, 20, 8);
    const Matrix g = product(f);
    const FactoredGram gram(f.view());
    const std::vector<Id> support = {2, 30, 36};
    const std::vector<double> values = {1.5, -2, 0.25, 0, 3, 1};
    std::vector<double> out(2 * 40, -1.0), alone(37);
    Product products[] = {{{support.data(), values.data(), 3}, out.data()},
                          {{support.data(), values.data() + 3, 3}, out.data() + 40}};
    gram.multiply_all(products, 2);
    for (Index v = 0; v < 2; ++v) {
        gram.multiply(products[v].x, alone.data());
        for (Index j = 0; j < 37; ++j) {
            double sum = 0;
            for (Index r = 0; r < 3; ++r) sum += g(j, support[at(r)]) * values[at(3 * v + r)];
            CHECK(std::abs(out[at(v * 40 + j)] - sum) <= 1e-12);
            CHECK(out[at(v * 40 + j)] == alone[at(j)]);
        }
        for (Index j = 37; j < 40; ++j) CHECK(out[at(v * 40 + j)] == -1.0);
    }
    gram.multiply({support.data(), nullptr, 0}, alone.data());
    for (const double x : alone) CHECK(x == 0);
}

TEST_CASE("paths on F F' are those on the dense matrix") {
    check_against_dense(correlated_factor(60, 25, 1), 12);  // singular: more rows than columns
    check_against_dense(correlated_factor(30, 30, 2), 20);
    check_against_dense(correlated_factor(25, 200, 3), 24);  // more columns than rows
    check_against_dense(correlated_factor(150, 40, 4), 20);
}

TEST_CASE("in integers: products are within their radius, alone and together") {
    const Matrix f = correlated_factor(131, 203, 13);  // an odd length, and rows beside a whole tile
    const Matrix g = product(f);
    const FactoredGram gram(f.view());
    REQUIRE(gram.approximates());
    const std::vector<Id> support = {2, 30, 130};
    const Matrix values = gaussian(35, 3, 14);  // more than fit into one reading
    std::vector<double> out(35 * 131), alone(131);
    std::vector<Product> products;
    for (Index v = 0; v < 35; ++v)
        products.push_back(
            {{support.data(), values.view().row(v), 3}, out.data() + v * 131, v % 7 == 6 ? 0.0 : 1e9});
    gram.multiply_all(products.data(), 35);
    for (Index v = 0; v < 35; ++v) {
        const Product& result = products[at(v)];
        CAPTURE(v);
        CHECK((result.radius == 0.0) == (v % 7 == 6));
        CHECK(gram.multiply_within(result.tolerance, result.x, alone.data()) == result.radius);
        double norm = 0.0;
        for (Index j = 0; j < 131; ++j) {
            long double sum = 0;
            for (Index r = 0; r < 3; ++r)
                sum += static_cast<long double>(g(j, support[at(r)])) * values(v, r);
            const double root = std::sqrt(g(j, j)), exact = static_cast<double>(sum);
            CHECK(std::abs(result.out[j] - exact) <= (result.radius + 1e-12) * root);
            CHECK(result.out[j] == alone[at(j)]);
            norm = std::max(norm, std::abs(exact) / root);
        }
        CHECK(result.radius <= 2e-3 * norm);
        CHECK(gram.multiply_within(0.5 * result.radius, result.x, alone.data()) == 0.0);  // then in double
    }
}

TEST_CASE("in integers: paths are those on the dense matrix") {
    check_against_dense(widened(correlated_factor(60, 25, 1)), 12);
    check_against_dense(widened(correlated_factor(30, 30, 2)), 20);
    check_against_dense(widened(correlated_factor(150, 40, 4)), 20);
    check_against_dense(correlated_factor(400, 210, 15), 30);
    const Matrix f = correlated_factor(40, 15, 5);
    for (const double scale : {1e-74, 1e-40, 1e40, 1e73}) check_against_dense(scaled(widened(f), scale), 8);
}

TEST_CASE("in integers: all places of a path are certified, with options") {
    for (const Index r : {3, 10, 40})
        for (const bool positive : {false, true}) {
            const Matrix f = widened(correlated_factor(30, r, 6));
            const FactoredGram gram(f.view());
            REQUIRE(gram.approximates());
            Data data(product(f));
            data.excluded.assign(30, {7, 8});
            Options options;
            options.positive = positive;
            options.l2 = positive ? 0.5 : 0.0;
            auto problem = data.problem();
            problem.gram = &gram;
            const Paths paths(problem, options);
            check_same_events(paths, Paths(data.problem(), options));
            for (const double part : {1.1, 1.0, 0.7, 0.3, 0.1, 0.01, 1e-3, 0.0}) {
                std::vector<double> lambda(30);
                for (std::size_t t = 0; t < 30; ++t)
                    lambda[t] = std::max(part * paths.lambda_max()[t], paths.lambda_end()[t]);
                check_solutions(data, options, paths, paths.at_lambda(lambda.data()));
            }
        }
}

TEST_CASE("in integers: duplicates and opposites") {
    Matrix f = correlated_factor(40, 10, 10);
    for (Index k = 0; k < 10; ++k) {
        f(5, k) = 0.0;
        f(11, k) = f(6, k);
        f(12, k) = -f(6, k);
        f(13, k) = 3.0 * f(7, k);
    }
    f = widened(f);
    const FactoredGram gram(f.view());
    Data data(product(f));
    const Paths paths = checked_paths(data, gram, {});
    CHECK(paths.lambda_max()[5] == 0);
    for (const auto& event : paths.events()) CHECK(event.source != 5);
}

TEST_CASE("in integers: own rows, and paths that are those beside the dense matrix") {
    const Matrix f = correlated_factor(120, 200, 16), rows = gaussian(120, 120, 17),
                 several = gaussian(240, 120, 18);
    const FactoredGram gram(f.view());
    const Matrix g = product(f);
    std::vector<Index> offset(121);
    for (Index t = 0; t <= 120; ++t) offset[at(t)] = 2 * t;
    for (const bool is_one : {true, false}) {
        Data data(g);
        auto dense = data.problem();
        dense.own.rows = is_one ? rows.view() : several.view();
        dense.own.offset = is_one ? nullptr : offset.data();
        auto factored = dense;
        factored.gram = &gram;
        Options options;
        options.max_terms = 12;
        const Paths a(factored, options), b(dense, options);
        check_same_events(a, b);
        check_close(a.at_terms(12), b.at_terms(12));
        check_close(a.at_relative_error(0.3, true), b.at_relative_error(0.3, true));
        for (const double kkt : a.at_terms(7).kkt) CHECK(kkt <= 1e-9);
    }
}

TEST_CASE("paths on a factor scaled to the ends of its range") {
    const Matrix f = correlated_factor(40, 15, 5);
    for (const double scale : {1e-74, 1e-40, 1e40, 1e73}) check_against_dense(scaled(f, scale), 8);
}

TEST_CASE("all places of a path on F F' are certified, to the end of the rank") {
    for (const Index r : {3, 10, 40}) {
        const Matrix f = correlated_factor(30, r, 6);
        const FactoredGram gram(f.view());
        Data data(product(f));
        auto problem = data.problem();
        problem.gram = &gram;
        const Paths paths(problem, {});
        for (const double part : {1.1, 0.7, 0.3, 0.1, 0.01, 1e-3}) {
            std::vector<double> lambda(30);
            for (std::size_t t = 0; t < 30; ++t)
                lambda[t] = std::max(part * paths.lambda_max()[t], paths.lambda_end()[t]);
            check_solutions(data, {}, paths, paths.at_lambda(lambda.data()));
        }
    }
}

TEST_CASE("rank one, zero rows, duplicates and opposites") {
    Matrix line = gaussian(12, 1, 9), mixed = correlated_factor(40, 10, 10);
    line(3, 0) = 0.0;
    for (Index k = 0; k < 10; ++k) {
        mixed(5, k) = 0.0;
        mixed(11, k) = mixed(6, k);
        mixed(12, k) = -mixed(6, k);
        mixed(13, k) = 3.0 * mixed(7, k);
    }
    for (const Matrix* f : {&line, &mixed}) {
        const FactoredGram gram(f->view());
        Data data(product(*f));
        const Paths paths = checked_paths(data, gram, {});
        const Index zero = f == &line ? 3 : 5;
        CHECK(paths.lambda_max()[at(zero)] == 0);
        for (const auto& event : paths.events()) CHECK(event.source != zero);
    }
}

TEST_CASE("cross form, options and exclusions on F F'") {
    const Matrix f = correlated_factor(30, 20, 11), other = correlated_factor(6, 20, 12);
    const FactoredGram gram(f.view());
    Data data(product(f));
    data.cross = Matrix(6, 30);
    for (Index i = 0; i < 6; ++i) {
        data.energy.push_back(static_cast<double>(entry(other, i, i)));
        for (Index j = 0; j < 30; ++j)
            for (Index k = 0; k < 20; ++k) data.cross(i, j) += other(i, k) * f(j, k);
    }
    data.exclude_self = false;
    Options options;
    options.max_terms = 10;
    checked_paths(data, gram, options);
    data.weights.assign(30, 1.0);
    data.weights[3] = 0.0;
    data.weights[4] = std::numeric_limits<double>::infinity();
    options.l2 = 0.5;
    checked_paths(data, gram, options);
    data.weights[3] = 0.5;
    data.excluded.assign(6, {7, 8});
    options.positive = true;
    checked_paths(data, gram, options);
}

TEST_CASE("equal bits for any number of threads, wherever the factor lies, and with a row stride") {
    const Matrix f = correlated_factor(90, 35, 13);
    Matrix strided(90, 41);
    for (auto& x : strided.data) x = std::nan("");
    for (Index i = 0; i < 90; ++i) std::copy_n(f.view().row(i), 35, &strided(i, 0));
    const FactoredGram gram(f.view()), apart({strided.data.data(), 90, 35, 41});
    Data data(product(f));
    auto problem = data.problem();
    problem.gram = &gram;
    const Paths one(problem, with_threads(1));
    const auto expect_same = [&](const Paths& other) {
        CHECK(one.offset() == other.offset());
        CHECK(one.lambda_end() == other.lambda_end());
        CHECK(one.kkt() == other.kkt());
        for (std::size_t e = 0; e < one.events().size(); ++e)
            CHECK(one.events()[e].lambda == other.events()[e].lambda);
        CHECK(one.at_terms(9).value == other.at_terms(9).value);
        CHECK(one.at_terms(9).kkt == other.at_terms(9).kkt);
    };
    for (const int threads : {1, 2, 3, 0}) expect_same(Paths(problem, with_threads(threads)));
    problem.gram = &apart;
    expect_same(Paths(problem, with_threads(2)));
}

TEST_CASE("a bad factor: the error names the place") {
    const double infinity = std::numeric_limits<double>::infinity();
    Matrix f = gaussian(5, 9, 14);
    check_error(Matrix(0, 4), "no rows");
    check_error(Matrix(4, 0), "no columns");
    f(3, 8) = std::nan("");
    check_error(f, "factor: not finite at [3, 8]");
    f(3, 8) = infinity;
    check_error(f, "factor: not finite at [3, 8]");
    f(3, 8) = 1e76;
    check_error(f, "factor: row 3, whose largest entry is 1e+76, has a length outside");
    f(3, 8) = 1e200;
    check_error(f, "row 3");
    f = gaussian(5, 9, 14);
    for (Index k = 0; k < 9; ++k) f(2, k) = k == 4 ? 1e-80 : 0.0;
    check_error(f, "factor: row 2, whose largest entry is 1e-80, has a length outside");
    f(2, 4) = 1e-200;  // its square is zero
    check_error(f, "row 2");
    CHECK_THROWS_WITH_AS(FactoredGram({f.data.data(), 5, 9, 8}),
                         "factor: row stride 8 is less than its 9 columns", InvalidArgument);
}
