// The Gram behind its interface: float32, strided views, and one that a user might add.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "oracle.hpp"

using namespace test;
using covlasso::DenseGram;
using covlasso::InvalidArgument;
using covlasso::Paths;
using covlasso::SparseVector;

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// G = W M W', never formed: M is r x r, W is p x r.
class HeadGram final : public covlasso::Gram {
public:
    HeadGram(Matrix w, Matrix m) : w_(std::move(w)), m_(std::move(m)) {}

    Index size() const override { return w_.rows; }

    void diagonal(double* out) const override {
        for (Index j = 0; j < size(); ++j) out[j] = dot(j, through(j));
    }

    void gather(Id row, const Id* columns, Index count, double* out) const override {
        const auto wm = through(row);
        for (Index t = 0; t < count; ++t) out[t] = dot(columns[t], wm);
    }

    void multiply(SparseVector x, double* out) const override {
        std::vector<double> inner(at(m_.rows)), outer(at(m_.rows));
        for (Index r = 0; r < x.count; ++r)
            for (Index k = 0; k < m_.rows; ++k) inner[at(k)] += x.value[r] * w_(x.index[r], k);
        for (Index k = 0; k < m_.rows; ++k)
            for (Index l = 0; l < m_.rows; ++l) outer[at(k)] += m_(k, l) * inner[at(l)];
        for (Index j = 0; j < size(); ++j) out[j] = dot(j, outer);
    }

    double epsilon() const override { return 0x1p-53; }

private:
    std::vector<double> through(Index row) const {
        std::vector<double> wm(at(m_.rows));
        for (Index k = 0; k < m_.rows; ++k)
            for (Index l = 0; l < m_.rows; ++l) wm[at(k)] += m_(k, l) * w_(row, l);
        return wm;
    }
    double dot(Index row, const std::vector<double>& x) const {
        double sum = 0;
        for (Index k = 0; k < m_.rows; ++k) sum += w_(row, k) * x[at(k)];
        return sum;
    }

    Matrix w_, m_;
};

/// A Gram of the user's own that shows where its entries lie.
class ShownGram final : public covlasso::Gram {
public:
    ShownGram(const Matrix& g, Index size) : dense_(g.view()), size_(size) {}

    Index size() const override { return size_; }
    void diagonal(double* out) const override { dense_.diagonal(out); }
    void gather(Id row, const Id* columns, Index count, double* out) const override {
        dense_.gather(row, columns, count, out);
    }
    void multiply(SparseVector x, double* out) const override { dense_.multiply(x, out); }
    double epsilon() const override { return dense_.epsilon(); }
    covlasso::AnyMatrix matrix() const override { return dense_.matrix(); }

private:
    DenseGram<double> dense_;
    Index size_;
};

void check_close(const covlasso::Solutions& a, const covlasso::Solutions& b, Index p, double tolerance) {
    REQUIRE(a.lambda.size() == b.lambda.size());
    for (Index t = 0; t < static_cast<Index>(a.lambda.size()); ++t) {
        CAPTURE(t);
        CHECK(a.lambda[at(t)] == doctest::Approx(b.lambda[at(t)]).epsilon(tolerance));
        const auto x = coefficients(a, t, p), y = coefficients(b, t, p);
        for (std::size_t j = 0; j < x.size(); ++j) CHECK(std::abs(x[j] - y[j]) <= tolerance);
    }
}

}  // namespace

TEST_CASE("a Gram of the user's own, W M W', gives what its dense form gives") {
    const Matrix w = gaussian(40, 12, 41);
    const HeadGram factored(w, moments(gaussian(50, 12, 42)));
    Matrix g(40, 40);
    std::vector<Id> all(40);
    for (Id j = 0; j < 40; ++j) all[at(j)] = j;
    for (Id i = 0; i < 40; ++i) factored.gather(i, all.data(), 40, &g(i, 0));
    for (Index i = 0; i < 40; ++i)
        for (Index j = 0; j < i; ++j) g(i, j) = g(j, i);
    Data data(g);
    auto problem = data.problem();
    const Paths dense(problem, {});
    problem.gram = &factored;
    const Paths own(problem, {});
    for (Index t = 0; t < 40; ++t) CHECK(own.kkt()[at(t)] <= covlasso::kkt_tolerance);
    check_close(own.at_terms(6), dense.at_terms(6), 40, 1e-9);
    check_solutions(data, {}, own, own.at_terms(6));
}

TEST_CASE("a Gram of the user's own that shows its matrix has it checked, and the path of the dense one") {
    Data data(correlated(20, 60, 48));
    auto problem = data.problem();
    const Paths dense(problem, {});
    const ShownGram shown(data.gram, 20), smaller(data.gram, 19);
    problem.gram = &shown;
    CHECK(Paths(problem, {}).at_terms(7).value == dense.at_terms(7).value);
    problem.gram = &smaller;
    CHECK_THROWS_WITH_AS(Paths(problem, {}), "gram: its matrix() has 20 rows, but its size() is 19",
                         InvalidArgument);
    data.gram(3, 11) += 0.1;
    problem.gram = &shown;
    CHECK_THROWS_AS(Paths(problem, {}), InvalidArgument);
}

TEST_CASE("what a Gram is: a matrix in memory, a factor, or neither") {
    const Matrix f = gaussian(6, 6, 49);
    const std::vector<float> narrow(36, 1.0f);
    const DenseGram<double> wide(f.view());
    const DenseGram<float> single({narrow.data(), 6, 6, 6});
    const covlasso::FactoredGram factored(f.view());
    const HeadGram own(f, f);
    CHECK(wide.matrix().f64.data == f.data.data());
    CHECK(wide.matrix().rows() == 6);
    CHECK(single.matrix().f32.data == narrow.data());
    CHECK(single.matrix().cols() == 6);
    CHECK(factored.factor().data == f.data.data());
    CHECK(factored.matrix().empty());
    CHECK(own.matrix().empty());
    CHECK(wide.factor().data == nullptr);
    CHECK(own.factor().data == nullptr);
}

TEST_CASE("float32 gives the path of the same numbers in float64") {
    Data data(correlated(30, 60, 43));
    std::vector<float> narrow(data.gram.data.begin(), data.gram.data.end());
    std::copy(narrow.begin(), narrow.end(), data.gram.data.begin());
    const DenseGram<float> gram({narrow.data(), 30, 30, 30});
    auto problem = data.problem();
    const Paths wide(problem, {});
    problem.gram = &gram;
    const Paths paths(problem, {});
    const auto s = paths.at_terms(8);
    check_close(s, wide.at_terms(8), 30, 1e-9);
    check_solutions(data, {}, paths, s);
}

TEST_CASE("float32 cross rows with a float32 Gram") {
    auto data = Data::cross_form(gaussian(60, 5, 44), gaussian(60, 20, 45));
    std::vector<float> gram_narrow(data.gram.data.begin(), data.gram.data.end());
    std::vector<float> cross_narrow(data.cross.data.begin(), data.cross.data.end());
    std::copy(gram_narrow.begin(), gram_narrow.end(), data.gram.data.begin());
    std::copy(cross_narrow.begin(), cross_narrow.end(), data.cross.data.begin());
    const DenseGram<float> gram({gram_narrow.data(), 20, 20, 20});
    auto problem = data.problem();
    problem.gram = &gram;
    problem.cross.f64 = {};
    problem.cross.f32 = {cross_narrow.data(), 5, 20, 20};
    const Paths paths(problem, {});
    check_solutions(data, {}, paths, paths.at_terms(8));
}

TEST_CASE("a view with a row stride: what lies between the rows is never read") {
    Data data(correlated(20, 60, 46));
    Matrix padded(20, 27);
    for (auto& x : padded.data) x = std::nan("");
    for (Index i = 0; i < 20; ++i) std::copy_n(&data.gram(i, 0), 20, &padded(i, 0));
    const DenseGram<double> gram({padded.data.data(), 20, 20, 27});
    auto problem = data.problem();
    const Paths plain(problem, {});
    problem.gram = &gram;
    const Paths strided(problem, {});
    CHECK(plain.at_terms(7).value == strided.at_terms(7).value);
    CHECK(plain.at_terms(7).lambda == strided.at_terms(7).lambda);
}

TEST_CASE("DenseGram: diagonal, gather and multiply against the raw matrix") {
    const Matrix g = correlated(37, 60, 47);
    const DenseGram<double> gram(g.view());
    std::vector<double> out(40, -1.0);
    gram.diagonal(out.data());
    for (Index j = 0; j < 37; ++j) CHECK(out[at(j)] == g(j, j));
    const std::vector<Id> columns = {36, 0, 5, 5};
    gram.gather(11, columns.data(), 4, out.data());
    for (std::size_t t = 0; t < 4; ++t) CHECK(out[t] == g(11, columns[t]));
    const std::vector<Id> support = {2, 30, 36};
    for (const std::vector<double>& values : {std::vector<double>{1.5, -2, 0.25}, {0, 3, 1}}) {
        gram.multiply({support.data(), values.data(), 3}, out.data());
        for (Index j = 0; j < 37; ++j) {
            double sum = 0;
            for (Index r = 0; r < 3; ++r) sum += g(j, support[at(r)]) * values[at(r)];
            CHECK(out[at(j)] == doctest::Approx(sum).epsilon(1e-13));
        }
    }
    gram.multiply({support.data(), nullptr, 0}, out.data());
    for (std::size_t j = 0; j < 37; ++j) CHECK(out[j] == 0);
    for (std::size_t j = 37; j < 40; ++j) CHECK(out[j] == -1.0);
}
