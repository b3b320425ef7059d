// Products of several targets computed together: equal bits, and every end of the work reaches every thread.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "oracle.hpp"

using namespace test;
using covlasso::DenseGram;
using covlasso::Options;
using covlasso::Paths;
using covlasso::Product;
using covlasso::SparseVector;
using covlasso::Status;

namespace {

/// A dense Gram that asks for batches, and notes their sizes.
class Batching final : public covlasso::Gram {
public:
    Batching(const Matrix& g, Index batch) : dense_(g.view()), batch_(batch) {}

    Index size() const override { return dense_.size(); }
    void diagonal(double* out) const override { dense_.diagonal(out); }
    void gather(Id row, const Id* columns, Index count, double* out) const override {
        dense_.gather(row, columns, count, out);
    }
    void multiply(SparseVector x, double* out) const override { dense_.multiply(x, out); }
    void multiply_all(Product* products, Index count) const override {
        if (++calls_ == fail_at) throw std::runtime_error("the disk is gone");
        products_ += count;
        Index seen = largest_;
        while (count > seen && !largest_.compare_exchange_weak(seen, count)) {
        }
        dense_.multiply_all(products, count);
    }
    double epsilon() const override { return dense_.epsilon(); }
    Index batch() const override { return batch_; }

    Index largest() const { return largest_; }
    double mean() const { return static_cast<double>(products_) / static_cast<double>(calls_); }

    Index fail_at = 0;

private:
    DenseGram<double> dense_;
    Index batch_;
    mutable std::atomic<Index> calls_{0}, products_{0}, largest_{0};
};

Options with_threads(int threads) {
    Options options;
    options.threads = threads;
    return options;
}

void check_same_bits(const Paths& a, const Paths& b) {
    CHECK(a.offset() == b.offset());
    CHECK(a.lambda_end() == b.lambda_end());
    CHECK(a.kkt() == b.kkt());
    CHECK(a.status() == b.status());
    for (std::size_t e = 0; e < a.events().size(); ++e) CHECK(a.events()[e].lambda == b.events()[e].lambda);
    const auto x = a.at_terms(5), y = b.at_terms(5);
    CHECK(x.index == y.index);
    CHECK(x.value == y.value);
    CHECK(x.kkt == y.kkt);
}

}  // namespace

TEST_CASE("batches of any size change no bit, for any number of threads") {
    Data data(correlated(90, 120, 71));
    auto problem = data.problem();
    const Paths alone(problem, with_threads(1));
    for (const Index batch : {1, 2, 7, 200})
        for (const int threads : {1, 2, 3}) {
            CAPTURE(batch);
            CAPTURE(threads);
            const Batching gram(data.gram, batch);
            problem.gram = &gram;
            check_same_bits(alone, Paths(problem, with_threads(threads)));
            CHECK(gram.largest() <= batch);
        }
}

TEST_CASE("products do come in batches") {
    Data data(correlated(400, 450, 72));
    const Batching gram(data.gram, 8);
    auto problem = data.problem();
    problem.gram = &gram;
    const Paths paths(problem, with_threads(1));
    CHECK(gram.largest() == 8);
    paths.at_terms(10);
    CHECK(gram.mean() > 2.0);
}

TEST_CASE("fewer targets than a batch has room for") {
    Data data(correlated(30, 60, 73));
    data.targets = {4, 20, 11};
    auto problem = data.problem();
    const Paths alone(problem, with_threads(1));
    const Batching gram(data.gram, 8);
    problem.gram = &gram;
    for (const int threads : {1, 2, 8}) check_same_bits(alone, Paths(problem, with_threads(threads)));
    CHECK(alone.knots(1).value == Paths(problem, with_threads(1)).knots(1).value);
}

TEST_CASE("an exception from a batch of products reaches the caller, and nobody waits for ever") {
    Data data(correlated(60, 80, 74));
    for (const int threads : {1, 2})
        for (const Index product : {1, 5, 40}) {
            Batching gram(data.gram, 6);
            gram.fail_at = product;
            auto problem = data.problem();
            problem.gram = &gram;
            CHECK_THROWS_WITH_AS(Paths(problem, with_threads(threads)), "the disk is gone",
                                 std::runtime_error);
        }
}

TEST_CASE("an indefinite Gram found by one thread of a batch ends the work of all") {
    Data data(correlated(40, 60, 75));
    for (const Id j : {7, 19, 30}) data.gram(j, j) *= 0.72;
    auto problem = data.problem();
    std::string expected;
    try {
        const Paths alone(problem, with_threads(1));
    } catch (const covlasso::IndefiniteGram& error) {
        expected = error.what();
    }
    REQUIRE(!expected.empty());
    const Batching gram(data.gram, 8);
    problem.gram = &gram;
    CHECK_THROWS_AS(Paths(problem, with_threads(2)), covlasso::IndefiniteGram);
}

TEST_CASE("progress that returns false stops the threads of a batch") {
    Data data(correlated(300, 350, 76));
    const Batching gram(data.gram, 5);
    auto problem = data.problem();
    problem.gram = &gram;
    for (const int threads : {1, 2}) {
        auto options = with_threads(threads);
        options.max_terms = 200;
        options.progress = [](Index, Index) { return false; };
        const Paths paths(problem, options);
        Index left = 0;
        for (const Status status : paths.status()) left += status == Status::interrupted ? 1 : 0;
        CHECK(left == paths.interrupted());
        const auto s = paths.at_terms(3);
        for (std::size_t t = 0; t < 300; ++t)
            CHECK((s.status[t] == Status::interrupted) == (paths.status()[t] == Status::interrupted));
    }
}
